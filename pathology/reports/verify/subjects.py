"""What each clause speaks of: a marker (Ki-67, ER, ...) and a scope (whole slide, ...).

Sentences name a thing once and go on about it, so a clause without names speaks of what the clause
before it spoke of; a sentence that begins with a number speaks of what it names next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pathology.records.settings.reports import TopicName, Vocabulary
from pathology.reports.verify.clauses import Clause, interval_only


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a clause speaks of; None where it names nothing and nothing was named before."""

    marker: str | None = None
    scope: str | None = None
    ambiguous: bool = False  # it names two
    vague: bool = False  # its scope was told by a word such as "overall", which may mean none


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
    marker = _only(clause.markers) or before.marker or _first_marker(later) or clause.weak
    scope = _only(clause.scopes)
    vague = clause.vague
    if scope is None and before.scope is not None and before.marker in (None, marker):
        scope, vague = before.scope, before.vague
    if scope is None:
        scope = _scope_after(clause, later, marker)
    return Subject(marker=marker, scope=scope, vague=vague)


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
        if following.scopes and not following.vague:
            return _only(following.scopes)
    return None


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
    named: list[Subject] = []
    for (clause, subject), basis in zip(heard, _bases(clauses), strict=True):
        if clause.of_all and clause.tells_words:
            shared += [(clause, _filled(n, subject)) for n in named if _another(n, subject)]
        if clause.names and not clause.aside and not basis:
            named.append(subject)
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
    if subject.scope is not None and not (
        subject.vague and all(t.scope is None for t in of_marker)
    ):
        return tuple(t.topic for t in of_marker if t.scope == subject.scope)
    return _unscoped(of_marker, main_topic)


def _unscoped(of_marker: Sequence[TopicName], main_topic: str) -> tuple[str, ...]:
    if main := [t.topic for t in of_marker if t.topic == main_topic]:
        return tuple(main)
    return (of_marker[0].topic,) if len(of_marker) == 1 else ()
