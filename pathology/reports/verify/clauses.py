"""A sentence cut into clauses, and the markers (Ki-67, ...) and scopes that each of them names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from pathology.records.settings.reports import SplitName, Vocabulary
from pathology.reports.verify.reading import Token

OF_THEM: Final = ("of them", "of these", "of those")
PLURAL: Final = ("are", "were", "all")
COLONS: Final = (":", "：")
ALIGNED: Final = ("status", "intensity", "ish", "presence", "category", "grade", "measurability")
TOLD: Final = (*ALIGNED, "subtype")
"""Roles whose words belong to the topic that the clause names; others have one topic a case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """Tokens between two breaks, and what they name."""

    tokens: tuple[Token, ...]
    markers: frozenset[str]
    scopes: frozenset[str]
    joined: bool = False  # by "and", not by a mark
    of_whole: bool = False  # what comes before names the whole that this is a part of
    after_colon: bool = False  # what comes before is its heading
    after_chance: bool = False  # what comes before says "by chance" of what is told here
    weak: str | None = None  # a marker that it names only where nothing else is named

    @property
    def has_number(self) -> bool:
        """Whether it holds a number."""
        return any(t.numbers for t in self.tokens)

    @property
    def names(self) -> bool:
        """Whether it names a marker or a scope."""
        return bool(self.markers or self.scopes)

    @property
    def tells(self) -> bool:
        """Whether it tells something of what it names: a number, or a word that is a result."""
        return self.has_number or self.tells_words

    @property
    def tells_words(self) -> bool:
        """Whether it tells a result in words."""
        return any(t.means("value", r) for t in self.tokens for r in TOLD)

    @property
    def aside(self) -> bool:
        """Whether it names something only to set it beside another."""
        return any(t.means("role", "aside") for t in self.tokens)

    @property
    def of_chance(self) -> bool:
        """Whether it says that chance would do."""
        return any(t.means("role", "chance") for t in self.tokens)

    @property
    def of_all(self) -> bool:
        """Whether it goes on about all that was named: "A (20 %) and B (30 %) are high"."""
        if any(t.means("role", "several") for t in self.tokens):
            return True
        plural = next((i for i, t in enumerate(self.tokens) if t.text.lower() in PLURAL), None)
        return plural is not None and (
            plural == 0 or (self.joined and any(t.numbers for t in self.tokens[:plural]))
        )

    @property
    def vague(self) -> bool:
        """Whether its scope is told by a word such as "overall" alone."""
        told = [t for t in self.tokens if t.means("scope")]
        return bool(told) and all(t.means("role", "vague") for t in told)

    @property
    def begins_basis(self) -> bool:
        """Whether it begins with "based on" or the like: a result rests on what it names."""
        return self.tokens[0].means("role", "basis")


def clauses_of(tokens: Sequence[Token], words: Vocabulary) -> tuple[Clause, ...]:
    """The sentence cut at marks and joining words; "name: number" is not cut."""
    told: list[Clause] = []
    part: list[Token] = []
    opening: list[Token] = []
    for index, token in enumerate(tokens):
        if not token.breaks:
            part.append(token)
        elif _goes_with(part, token, tokens[index + 1 : index + 2]):
            continue
        else:
            if part:
                told.append(_clause(part, opening, told, words))
                part, opening = [], []
            opening.append(token)
    if part:
        told.append(_clause(part, opening, told, words))
    return tuple(told)


def _goes_with(part: Sequence[Token], mark: Token, following: Sequence[Token]) -> bool:
    """Whether ``mark`` parts a number from its name ("counted: 400") or "of which" from it."""
    if mark.text.lower() == "of which":
        return bool(part) and bool(part[-1].numbers)
    return (
        mark.text in COLONS
        and not any(t.numbers for t in part)
        and any(t.numbers for t in following)
    )


def _clause(
    part: Sequence[Token],
    opening: Sequence[Token],
    before: Sequence[Clause],
    words: Vocabulary,
) -> Clause:
    within = words.within_scope
    scopes = {m.name for t in part for m in t.meanings if m.kind == "scope"}
    markers = {m.name for t in part for m in t.meanings if m.kind == "marker"}
    split = None if markers else next(_split_names(part, words.split_names), None)
    if split is not None and not split.weak:
        scopes, markers = set(), {split.marker}
    wider = {within[s] for s in scopes if s in within}
    return Clause(
        tokens=tuple(part),
        markers=frozenset(markers),
        scopes=frozenset(scopes - wider),
        joined=bool(opening) and all(t.text in "、" or t.means("break") for t in opening),
        of_whole=_of_whole(part, opening, before),
        after_colon=any(t.text in COLONS for t in opening),
        after_chance=bool(before) and not before[-1].tells and before[-1].of_chance,
        weak=split.marker if split is not None and split.weak else None,
    )


def _split_names(part: Sequence[Token], names: Sequence[SplitName]) -> Iterator[SplitName]:
    """Markers whose words stand apart in ``part``; see ``SplitName``."""
    units = {t.unit for t in part if t.numbers}
    for name in names:
        parts = [{*terms.en, *terms.zh} for terms in name.words]
        known = set().union(*parts)
        others = (t for t in part if t.means("scope") and t.text.lower() not in known)
        if (
            all(any(t.text.lower() in p for t in part) for p in parts)
            and (not name.units or units & set(name.units))
            and (name.weak or not any(others))
        ):
            yield name


def _of_whole(part: Sequence[Token], opening: Sequence[Token], before: Sequence[Clause]) -> bool:
    """Whether it opens with "of which", or follows "of 400 nuclei" or "400 个细胞核中".

    "100 of them" is a part of what came before, too.
    """
    if any(t.text.lower() in ("of which", "其中") for t in opening):
        return True
    if not before or not before[-1].has_number:
        return False
    if any(a.numbers and b.text.lower() in OF_THEM for a, b in pairwise(part)):
        return True
    counted = any(t.means("role", "counted") for t in before[-1].tokens)
    if counted and any(t.means("role", "stains") for t in part):
        return True
    first, last = before[-1].tokens[0], before[-1].tokens[-1]
    return first.means("role", "of") or last.text.endswith("中")


def interval_only(clause: Clause) -> bool:
    """Whether all its numbers are intervals."""
    return all(len(t.numbers) == 2 for t in clause.tokens if t.numbers)
