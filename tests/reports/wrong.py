"""Wrong sentences, each tried alone on a case in which it is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from pathology.records.report import CaseFacts
from tests.reports.erring_writer import slots_of, written
from tests.reports.unseen import Book, Tried, blocked, cases

BREAST, NEUROENDOCRINE, GENERAL = (4, 12, 14, 15, 5, 13), (16,), (32,)
"""Of ``cases()``: ER 70 %, PR 15 %, HER2 negative, right side, LVI and no necrosis, and others
where that one lacks what a sentence tells; G3 with G2 by mitoses; another marker than Ki-67."""


def passed(book: Book) -> Iterator[Tried]:
    """Every sentence of ``book`` that the check lets pass.

    Raises
    ------
    LookupError
        No case has what a sentence tells.
    """
    for group, languages in book.items():
        for language in ("en", "zh"):
            for pattern in languages[language]:
                template, facts = _fitting(pattern, group)
                known = {f.id: f for f in facts.facts if f.state == "value"}
                text = written(pattern, group, language, known).text()
                if not blocked(text, language, template, facts):
                    yield Tried(language, group, text, ())


def _fitting(pattern: str, group: str) -> tuple[str, CaseFacts]:
    """The first case that has all that the sentence tells, alike in no two kinds of index."""
    numbers = (*NEUROENDOCRINE, *GENERAL) if group.startswith("net") else BREAST
    for number in numbers:
        template, facts = cases()[number]
        known = {f.id: f.text for f in facts.facts if f.state == "value"}
        alike = known.get("ki67.global.value") == known.get("ki67.global_unweighted.value")
        if all(slot in known for slot in slots_of(pattern)) and not (
            alike and ("unweighted" in pattern or "加权" in pattern)
        ):
            return template, facts
    raise LookupError(pattern)
