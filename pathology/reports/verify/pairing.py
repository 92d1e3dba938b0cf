"""Of "X and Y are A and B, respectively" (分别为): each name with the result of its place.

Only where the sentence says so, and where there are as many results as names. Else names and
results are heard as in any other sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

from pathology.reports.verify.clauses import Clause, interval_only
from pathology.reports.verify.subjects import Subject

Heard = tuple[Clause, Subject]


def paired_clauses(clauses: Sequence[Clause]) -> tuple[Heard, ...] | None:
    """Clauses with the names of their place; None where the sentence is not of this form."""
    if not any(t.means("role", "paired") for c in clauses for t in c.tokens):
        return None
    first = next((i for i, c in enumerate(clauses) if c.tells), None)
    if first is None or any(c.names for c in clauses[first + 1 :]):
        return None
    naming = [c for c in clauses[: first + 1] if c.names]
    if len(naming) > 2 and not naming[-1].scopes and all(c.scopes for c in naming[:-1]):
        naming, shared = naming[:-1], naming[-1].markers  # "in A and B, X is ..."
        named = _named(naming, shared)
    else:
        named = _named(naming, frozenset())
    results = _results(clauses[first:])
    if named is None or len(named) != len(results) or len(named) < 2:
        return None
    return tuple((c, s) for s, told in zip(named, results, strict=True) for c in told)


def _named(clauses: Sequence[Clause], after: frozenset[str]) -> list[Subject] | None:
    """One subject a clause; a marker that only one of them names is that of all."""
    if any(len(c.markers) > 1 or len(c.scopes) > 1 for c in clauses):
        return None
    markers = {m for c in clauses for m in c.markers} | after
    shared = next(iter(markers)) if len(markers) == 1 else None
    return [
        Subject(marker=next(iter(c.markers), shared), scope=next(iter(c.scopes), None))
        for c in clauses
    ]


def _results(clauses: Sequence[Clause]) -> list[list[Clause]]:
    """Clauses that tell something, an interval with the value before it."""
    results: list[list[Clause]] = []
    for clause in clauses:
        if not clause.tells:
            continue
        if results and clause.has_number and interval_only(clause):
            results[-1].append(clause)
        else:
            results.append([clause])
    return results
