"""Words that assert nothing alone and change what a result beside them says.

They doubt it ("could be positive"), give its number a second unit ("20 % per field"), or say it of
several things where one is named ("both are").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pathology.records.report import Block
from pathology.reports.verify.clauses import Clause
from pathology.reports.verify.reading import Token

COPULAS: Final = ("be", "have", "reach", "show", "为", "是", "占", "达", "有", "呈")
NEAR: Final = 3
"""Tokens: "could be some 25 %" doubts the number, "could be counted: 400" does not."""
PAPERS: Final = ("request", "request form", "laboratory", "guideline", "protocol", "rule", "the")
NO_RATIO: Final = "{nuclei}"


def weakened(clauses: Sequence[Clause], where: str) -> Iterator[Block]:
    """A result is told as it is: "could be positive" and "about positive" are others."""
    for clause in clauses:
        for at, token in enumerate(clause.tokens):
            doubted = token.means("role", "hedge") and (
                clause.tells_words or _before_number(clause.tokens[at + 1 :], clause)
            )
            rough = token.means("role", "approx") and clause.tells_words and not clause.has_number
            if doubted or rough:
                yield Block(
                    kind="claim",
                    where=where,
                    span=token.text,
                    reason="doubts a result, and facts are told without doubt",
                )


def _before_number(after: Sequence[Token], clause: Clause) -> bool:
    """Whether a number is what follows; what chance would do is told with "would"."""
    if clause.of_chance or clause.after_chance or not after:
        return False
    if after[0].numbers:
        return True
    return after[0].text.lower() in COPULAS and any(t.numbers for t in after[:NEAR])


def units_left(tokens: Sequence[Token], where: str) -> Iterator[Block]:
    """Units of no number, and "per" right after a number: another quantity than the fact's."""
    for at, token in enumerate(tokens):
        unit = any(m.kind == "unit" and m.name not in (NO_RATIO, "+") for m in token.meanings)
        after_number = at > 0 and bool(tokens[at - 1].numbers)
        per = token.text.lower() == "per" and (after_number or not _by_rule(tokens[at + 1 :]))
        if not token.numbers and (unit or per):
            yield Block(
                kind="unit", where=where, span=token.text, reason="a unit that belongs to no number"
            )


def _by_rule(after: Sequence[Token]) -> bool:
    """Whether "per" names a rule or a paper: "per request form"."""
    return bool(after) and (after[0].means("rule") or after[0].text.lower() in PAPERS)


def several_of_one(clauses: Sequence[Clause], where: str) -> Iterator[Block]:
    """Where "both" or 均 says something of several things, and the sentence names fewer."""
    markers = {m for c in clauses for m in c.markers}
    scopes = {s for c in clauses for s in c.scopes}
    for token in (t for c in clauses for t in c.tokens):
        if token.means("role", "several") and max(len(markers), len(scopes)) < 2:
            yield Block(
                kind="claim",
                where=where,
                span=token.text,
                reason="says it of several things, and fewer are named here",
            )
