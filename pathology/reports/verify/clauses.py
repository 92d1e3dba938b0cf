"""Clauses and what each speaks of: a marker (Ki-67, ER, ...) and a scope (whole slide, ...).

Sentences name a thing once and go on about it, so a clause without names speaks of what the clause
before it spoke of; a sentence that begins with a number speaks of what it names next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pathology.records.settings.reports import TopicName, Vocabulary
from pathology.reports.verify.reading import Token

COLONS: Final = (":", "：")
ALIGNED: Final = ("status", "intensity", "ish", "presence", "category", "grade", "measurability")
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
        told = (*ALIGNED, "subtype")
        return self.has_number or any(t.means("value", r) for t in self.tokens for r in told)

    @property
    def aside(self) -> bool:
        """Whether it names something only to set it beside another."""
        return any(t.means("role", "aside") for t in self.tokens)

    @property
    def begins_basis(self) -> bool:
        """Whether it begins with "based on" or the like: a result rests on what it names."""
        return self.tokens[0].means("role", "basis")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a clause speaks of; None where it names nothing and nothing was named before."""

    marker: str | None = None
    scope: str | None = None
    ambiguous: bool = False  # it names two


def clauses_of(tokens: Sequence[Token], within: Mapping[str, str]) -> tuple[Clause, ...]:
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
                told.append(_clause(part, opening, told, within))
                part, opening = [], []
            opening.append(token)
    if part:
        told.append(_clause(part, opening, told, within))
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
    within: Mapping[str, str],
) -> Clause:
    scopes = {m.name for t in part for m in t.meanings if m.kind == "scope"}
    wider = {within[s] for s in scopes if s in within}
    return Clause(
        tokens=tuple(part),
        markers=frozenset(m.name for t in part for m in t.meanings if m.kind == "marker"),
        scopes=frozenset(scopes - wider),
        joined=bool(opening) and all(t.text in "、" or t.means("break") for t in opening),
        of_whole=_of_whole(opening, before),
        after_colon=any(t.text in COLONS for t in opening),
    )


def _of_whole(opening: Sequence[Token], before: Sequence[Clause]) -> bool:
    """Whether it opens with "of which", or follows "of 400 nuclei" or "400 个细胞核中"."""
    if any(t.text.lower() in ("of which", "其中") for t in opening):
        return True
    if not before or not before[-1].has_number:
        return False
    first, last = before[-1].tokens[0], before[-1].tokens[-1]
    return first.means("role", "of") or last.text.endswith("中")


def subjects_of(clauses: Sequence[Clause], carried: Subject) -> tuple[Subject, ...]:
    """What each clause speaks of; ``carried`` is the subject of the sentence before."""
    if any(c.markers or c.scopes for c in clauses):
        carried = _carried_into(clauses, carried)
    told: list[Subject] = []
    for index, (clause, basis) in enumerate(zip(clauses, _bases(clauses), strict=True)):
        subject = _subject(clause, clauses[index + 1 :], carried)
        told.append(subject)
        if not basis or carried.marker is None or clause.tells:
            carried = subject
    return tuple(told)


def _bases(clauses: Sequence[Clause]) -> list[bool]:
    """Which clauses name what a result rests on: "based on X", and "and Y" after it."""
    bases: list[bool] = []
    for clause in clauses:
        bases.append(clause.begins_basis or (bool(bases) and bases[-1] and clause.joined))
    return bases


def _carried_into(clauses: Sequence[Clause], carried: Subject) -> Subject:
    """A sentence with a marker of its own takes nothing over; one with a scope, the marker."""
    if any(c.markers for c in clauses):
        return Subject()
    return Subject(marker=carried.marker)


def _subject(clause: Clause, later: Sequence[Clause], before: Subject) -> Subject:
    if len(clause.markers) > 1 or len(clause.scopes) > 1:
        return Subject(
            marker=None if len(clause.markers) > 1 else _only(clause.markers) or before.marker,
            scope=None if len(clause.scopes) > 1 else _only(clause.scopes),
            ambiguous=True,
        )
    marker = _only(clause.markers) or before.marker or _first_marker(later)
    scope = _only(clause.scopes)
    if scope is None and before.scope is not None and before.marker in (None, marker):
        scope = before.scope
    if scope is None:
        scope = _scope_after(clause, later, marker)
    return Subject(marker=marker, scope=scope)


def _only(names: frozenset[str]) -> str | None:
    return next(iter(names)) if len(names) == 1 else None


def _first_marker(later: Sequence[Clause]) -> str | None:
    return next((_only(c.markers) for c in later if c.markers), None)


def _scope_after(clause: Clause, later: Sequence[Clause], marker: str | None) -> str | None:
    """A scope told after the number, as in "20.0 % (whole slide)"; not that of another number."""
    for following in later:
        if following.has_number and (clause.has_number and not interval_only(following)):
            return None
        if following.markers and marker is not None and marker not in following.markers:
            return None
        if following.scopes:
            return _only(following.scopes)
    return None


def interval_only(clause: Clause) -> bool:
    """Whether all its numbers are intervals."""
    return all(len(t.numbers) == 2 for t in clause.tokens if t.numbers)


def heard_clauses(
    clauses: Sequence[Clause], subjects: Sequence[Subject]
) -> tuple[tuple[Clause, Subject], ...]:
    """Clauses with all they speak of: of "ER and PR are positive" both are said to be.

    A clause that names something and tells nothing of it shares what the next clause tells, or at
    the end of the sentence what the last one told; but not an aside, or what a result rests on.
    """
    heard = tuple(zip(clauses, subjects, strict=True))
    shared: list[tuple[Clause, Subject]] = []
    waiting: list[Subject] = []
    last: tuple[Clause, Subject] | None = None
    for (clause, subject), basis in zip(heard, _bases(clauses), strict=True):
        if clause.after_colon and clause.markers:
            waiting = []  # a heading over what names itself
        if clause.tells:
            shared += [(clause, _filled(w, subject)) for w in waiting if _another(w, subject)]
            waiting, last = [], (clause, subject)
        elif clause.names and not clause.aside and not basis:
            waiting.append(subject)
    if last is not None:
        shared += [(last[0], _filled(w, last[1])) for w in waiting if _another(w, last[1])]
    return (*heard, *shared)


def _filled(waiting: Subject, other: Subject) -> Subject:
    return waiting if waiting.marker is not None else replace(waiting, marker=other.marker)


def _another(waiting: Subject, other: Subject) -> bool:
    """Whether ``waiting`` is something else than ``other``, not merely named less fully."""
    if waiting.ambiguous:
        return True
    if waiting.marker not in (None, other.marker):
        return True
    return waiting.scope not in (None, other.scope)


def topics_of(subject: Subject, words: Vocabulary, main_topic: str) -> tuple[str, ...]:
    """Topics that ``subject`` can mean; none where it names nothing that is measured.

    A marker alone means the template's main topic if that has this marker, or its only topic; a
    scope alone means its topic if only one marker is measured there.
    """
    if subject.ambiguous:
        return ()
    if subject.marker is None:
        there = [t for t in words.topics if t.scope == subject.scope and t.scope is not None]
        return tuple(t.topic for t in there) if len({t.marker for t in there}) == 1 else ()
    of_marker = [t for t in words.topics if t.marker == subject.marker]
    if subject.scope is not None:
        return tuple(t.topic for t in of_marker if t.scope == subject.scope)
    return _unscoped(of_marker, main_topic)


def _unscoped(of_marker: Sequence[TopicName], main_topic: str) -> tuple[str, ...]:
    if main := [t.topic for t in of_marker if t.topic == main_topic]:
        return tuple(main)
    return (of_marker[0].topic,) if len(of_marker) == 1 else ()
