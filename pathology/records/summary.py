"""One line of ``summary.csv``: what came of one analysis of one slide."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from pathology.records.result import Analysis

SummaryState = Literal["done", "kept", "failed"]
"""Measured now; measured before and kept; failed with a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """One slide and analysis; empty text and None mean that there is nothing to say.

    The headline finding has a value or ``not_measurable``, and neither when the slide failed.
    """

    slide: str  # file name; empty with pseudonyms
    slide_id: str
    analysis: Analysis
    state: SummaryState
    reason_code: str = ""
    reason: str = ""
    reason_zh: str = ""
    finding: str = ""  # name of the headline finding, e.g. "ki67.global"
    value: float | None = None
    low: float | None = None
    high: float | None = None
    part: int | None = None
    whole: int | None = None
    unit: str = ""
    not_measurable: str = ""
    flags: tuple[str, ...] = ()
    result: str = ""  # folder of the result, relative to the summary
    seconds: float = 0.0

    def as_json(self) -> dict[str, object]:
        """The row for programs; what there is nothing to say about is left out."""
        return {name: value for name, value in asdict(self).items() if value not in ("", None, ())}
