"""Drafts that are kept as text, so that a change of a word is seen."""

from __future__ import annotations

from pathlib import Path

from pathology.reports.plain_text import plain_text
from tests.reports.drafting import draft_of, drawn_case, facts_for
from tests.reports.made_cases import dice

GOLDEN = Path(__file__).parents[1] / "golden" / "drafts"
CASES = (("complete", 4, 0), ("infiltration", 2, 1), ("neuroendocrine", 1, 2), ("sparse", 12, 3))


def texts() -> dict[str, str]:
    """File name -> text, both languages."""
    told = {}
    for name, seed, kind in CASES:
        template, case, results = drawn_case(dice(f"golden {seed}"), kind)
        draft = draft_of(facts_for(case, results), template=template)
        for language in ("en", "zh"):
            told[f"{name}.{language}.txt"] = plain_text(draft, language)
    return told
