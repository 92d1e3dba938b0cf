"""Each number, category, side and negation of a clause, held against the fact that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Final

from pathology.records.report import Block, Fact
from pathology.records.settings.reports import Vocabulary
from pathology.reports.verify.clauses import ALIGNED, Clause
from pathology.reports.verify.reading import Token
from pathology.reports.verify.subjects import Subject, topics_of

COUNT_ROLES: Final = ("positive", "counted")
PRESENCE: Final = ("lvi", "in_situ", "necrosis")
INFILTRATE: Final = "til."
NEAR: Final = 4  # tokens between a number and the word that says what it counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a clause is held against."""

    facts: Mapping[str, Fact]
    words: Vocabulary
    main_topic: str
    where: str

    def of(self, topics: Sequence[str], role: str) -> list[Fact]:
        """Facts of the topics with ``role``."""
        return [f for t in topics if (f := self.facts.get(f"{t}.{role}")) is not None]

    def block(self, kind: str, token: Token, reason: str) -> Block:
        """A block of ``token``."""
        return Block(kind=kind, where=self.where, span=token.text, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a clause was found to say."""

    told: frozenset[str] = frozenset()  # ids of facts
    blocks: tuple[Block, ...] = ()


def hear(clause: Clause, subject: Subject, desk: Desk, *, numbers_near: bool) -> Heard:
    """What ``clause`` says; ``numbers_near``: its sentence holds a number."""
    told: set[str] = set()
    blocks: list[Block] = []
    for found in (
        *_heard_numbers(clause, subject, desk),
        *_heard_values(clause, subject, desk, numbers_near=numbers_near),
    ):
        if isinstance(found, Block):
            blocks.append(found)
        else:
            told.add(found)
    return Heard(told=frozenset(told), blocks=tuple(blocks))


def _heard_numbers(clause: Clause, subject: Subject, desk: Desk) -> Iterator[str | Block]:
    if not clause.has_number:
        return
    topics = topics_of(subject, desk.words, desk.main_topic)
    for index, token in enumerate(clause.tokens):
        if not token.numbers:
            continue
        if not topics:
            why = "its clause names two things" if subject.ambiguous else "it says of nothing"
            yield desk.block("numeral", token, f"{why} that was measured")
            continue
        if _of_tumour_cells(clause) and any(t.startswith(INFILTRATE) for t in topics):
            why = "counts tumour cells, and was measured of inflammatory cells"
            yield desk.block("numeral", token, why)
            continue
        yield _number(token, _roles(clause, index), topics, desk)


def _of_tumour_cells(clause: Clause) -> bool:
    """Whether it counts tumour cells, and names no other cells."""
    named = any(t.means("role", "tumour_cells") for t in clause.tokens)
    return named and "til" not in clause.markers


def _roles(clause: Clause, index: int) -> tuple[str, ...]:
    """What the number at ``index`` may be, by its form and the words around it."""
    token = clause.tokens[index]
    if len(token.numbers) == 2:
        before = clause.tokens[index - 1] if index else None
        known = ("clustered", "interval") if before is not None else ()
        return tuple(r for r in known if before is not None and before.means("role", r))
    if clause.of_chance or clause.after_chance:
        return ("chance",)
    if token.unit == "+" or any(t.means("marker", "her2") for t in clause.tokens):
        return ("score",)
    if token.unit in ("", "{nuclei}"):
        return (_counting(clause, index), "score")
    return ("value",)


def _counting(clause: Clause, index: int) -> str:
    """Positive or counted: "P of C", else the nearest word for one of them, else counted."""
    of = _of_place(clause, index)
    if of is not None:
        return of
    best, role = NEAR + 1, ""
    several = sum(1 for t in clause.tokens if t.numbers) > 1
    for at, token in enumerate(clause.tokens):
        if several and at and at - 1 != index and clause.tokens[at - 1].numbers:
            continue  # it says what the number right before it counts
        for name in COUNT_ROLES:
            named = token.means("role", name)
            named |= name == "positive" and token.means("value", "status")
            distance = abs(at - index) + (at < index) * several
            if named and (distance < best or not several):
                if not several and name == "positive":
                    return "positive"
                best, role = distance, name
    return role or ("positive" if clause.of_whole else "counted")


def _of_place(clause: Clause, index: int) -> str | None:
    """Of "P of C": whether the number at ``index`` is the P or the C."""
    numbers = [i for i, t in enumerate(clause.tokens) if t.numbers and len(t.numbers) == 1]
    for first, second in pairwise(numbers):
        between = clause.tokens[first + 1 : second]
        joined = any(t.means("role", "of") or t.text == "/" for t in between)
        near = second - first <= NEAR + 1 or clause.tokens[second - 1].means("role", "of")
        if index in (first, second) and any(_inside(t) for t in between):
            return "counted" if index == first else "positive"
        if joined and near and index in (first, second):
            return "positive" if index == first else "counted"
    return None


def _inside(token: Token) -> bool:
    """Whether it says "among": 400 个细胞核中有 100 个."""
    return not token.means("role") and (token.text[0] == "中" or token.text[-1] == "中")


def _number(token: Token, roles: Sequence[str], topics: Sequence[str], desk: Desk) -> str | Block:
    known = [f for role in roles for f in desk.of(topics, role)]
    for fact in known:
        if _says(token, fact):
            return fact.id
    if not roles:
        return desk.block("numeral", token, "a range that is not said to be an interval")
    names = " or ".join(dict.fromkeys(f.name.en for f in known)) or ", ".join(topics)
    units = {f.unit for f in known if f.numbers}
    if units and token.unit not in units and _same_digits(token, known):
        return desk.block("unit", token, f"not the unit of {names}")
    return desk.block("numeral", token, f"not the {' or '.join(roles)} of {names}")


def _says(token: Token, fact: Fact) -> bool:
    """Whether a number as read is the fact's: unit, decimals, and value to half the last place."""
    if fact.role == "score":
        return fact.code == f"{token.numbers[0]}{token.unit}"
    if fact.text is None or len(fact.numbers) != len(token.numbers):
        return False
    if token.unit != fact.unit and not (fact.unit == "{nuclei}" and token.unit == ""):
        return False
    return all(
        _decimals(read) == fact.decimals and _rounds_to(exact, read)
        for read, exact in zip(token.numbers, fact.numbers, strict=True)
    )


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _rounds_to(exact: float, read: Decimal) -> bool:
    half = Decimal(1).scaleb(-_decimals(read)) / 2
    return abs(Decimal(repr(exact)) - read) <= half + Decimal("1e-9")


def _same_digits(token: Token, facts: Sequence[Fact]) -> bool:
    return any(
        len(f.numbers) == len(token.numbers)
        and all(_rounds_to(e, r) for r, e in zip(token.numbers, f.numbers, strict=True))
        for f in facts
    )


def _heard_values(
    clause: Clause, subject: Subject, desk: Desk, *, numbers_near: bool
) -> Iterator[str | Block]:
    topics = topics_of(subject, desk.words, desk.main_topic)
    for token in clause.tokens:
        values = [m for m in token.meanings if m.kind == "value"]
        if token.fault or not values:
            continue
        meant = [f for m in values for f in _facts_for(m.name, topics, desk) if f.code == m.code]
        if meant:
            yield meant[0].id
        elif not _counts_only(token, clause, subject, numbers_near=numbers_near):
            yield _unbacked(token, values[0].name, topics, desk)


def _facts_for(role: str, topics: Sequence[str], desk: Desk) -> list[Fact]:
    if role == "measurability":
        return [_measurability(f) for f in desk.of(topics, "value")]
    if role in ALIGNED:
        return desk.of(topics, role)
    return [f for f in desk.facts.values() if f.role == role]


def _measurability(fact: Fact) -> Fact:
    code = "measurable" if fact.state == "value" else "not-measurable"
    return replace(fact, code=code)


def _counts_only(token: Token, clause: Clause, subject: Subject, *, numbers_near: bool) -> bool:
    """Whether it is "positive" of counted nuclei or "found" of a number: no claim by itself."""
    if not numbers_near:
        return False
    if any(
        m.kind == "value" and m.name == "presence" and m.code == "present" for m in token.meanings
    ):
        return subject.marker not in PRESENCE
    positive = any(m.kind == "value" and m.code == "positive" for m in token.meanings)
    return positive and subject.marker in ("ki67", "labelling_index")


def _unbacked(token: Token, role: str, topics: Sequence[str], desk: Desk) -> Block:
    known = [f for f in _facts_for(role, topics, desk) if f.text is not None]
    kind = {"presence": "negation", "measurability": "negation"}.get(role, role)
    if known:
        return desk.block(kind, token, f"the fact is {known[0].text.en if known[0].text else ''!r}")
    return desk.block(kind, token, f"no fact gives a {role} of {', '.join(topics) or 'anything'}")
