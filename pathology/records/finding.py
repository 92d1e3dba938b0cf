"""Findings: a number with its interval, or the reason why there is none. Never both, never neither.

"Not measurable" is a result. It is not 0, not -1, not NaN that averages away, not an absent row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """A counted share, ``part`` of ``whole``, with its interval; the share itself is derived."""

    part: int
    whole: int
    low: float
    high: float
    interval: str  # e.g. "wilson-95"

    def __post_init__(self) -> None:
        if not 0 <= self.part <= self.whole or self.whole == 0:
            raise ValueError(f"{self.part} of {self.whole} is no share")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.value} lies outside its interval {self.low}..{self.high}")

    @property
    def value(self) -> float:
        """Share in [0, 1]."""
        return self.part / self.whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A measured quantity with its unit, and an interval where one is known."""

    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    interval: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMeasurable:
    """The slide was read and the question has no answer."""

    code: str  # for programs, e.g. "too-few-nuclei"
    reason: str  # for people


Answer: TypeAlias = Proportion | Measurement | NotMeasurable


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """What a rule calls a value. Only where a person confirmed the tumour region."""

    rule: str  # guideline or site policy, with its version
    name: str
    borderline: bool = False  # the interval reaches over the cut-off


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One question asked of a slide, and its answer."""

    id: str
    name: str  # a name of the contract, e.g. "ki67.global"
    protocol: str
    formula: str  # e.g. "ki67-index/1"
    answer: Answer
    regions: tuple[str, ...] = ()
    exclusions: Mapping[str, int] = field(default_factory=dict)
    ambiguous_range: tuple[float, float] | None = None
    caveats: tuple[str, ...] = ()
    category: Category | None = None
