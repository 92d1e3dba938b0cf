"""What a site works with, what slides cost there, and what is to be expected of a night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pathology.records.manifest import Priority
from pathology.records.result import Analysis

PlanVerdict = Literal[
    "in-time",
    "perhaps-late",
    "late",
    "no-deadline",
    "not-tonight",
    "too-long",
    "no-room",
    "held",
    "set-aside",
]
"""perhaps-late: in time as expected, late if all takes as long as it may."""
Limit = Literal["processor", "gpu", "storage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Machines. What was never measured here is None, and the caller's number where they have one.

    ``gpu_s_per_mm2`` is a card's time for the networks, by the caller's own measurement: no GPU
    could be measured for the shipped costs.
    """

    workers: int
    cores: int
    cards: int = 0
    gpu_s_per_mm2: float | None = None
    storage_mb_s: float | None = None

    def __post_init__(self) -> None:
        if self.workers < 1 or self.cores < 1 or self.cards < 0:
            raise ValueError("workers and cores must be 1 or more, cards not negative")
        if self.cards and self.gpu_s_per_mm2 is None:
            raise ValueError("cards need gpu_s_per_mm2: no GPU was ever measured here")
        for value in (self.gpu_s_per_mm2, self.storage_mb_s):
            if value is not None and not 0 < value < float("inf"):
                raise ValueError("gpu_s_per_mm2 and storage_mb_s must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerCost:
    """What one worker of a site takes for slides of one analysis.

    Seconds are ``s_per_slide + s_per_mm2 * area``; ``low`` and ``high`` are factors of them within
    which nine tenths and one tenth of the past lay, 1 where nothing is known of the spread.
    """

    s_per_slide: float
    s_per_mm2: float
    low: float
    high: float
    source: str

    def seconds(self, area_mm2: float) -> float:
        """Expected seconds for so much tissue."""
        return self.s_per_slide + self.s_per_mm2 * area_mm2


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaSpread:
    """Tissue of slides not yet read: a tenth lies below ``low_mm2``, a tenth above ``high_mm2``."""

    low_mm2: float
    typical_mm2: float
    high_mm2: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSlide:
    """One item of the plan, by its pseudonym; times None where it will not run tonight."""

    item_id: int
    name: str
    analysis: Analysis
    priority: Priority
    deadline_utc: datetime | None
    verdict: PlanVerdict
    begins_utc: datetime | None = None
    ends_low_utc: datetime | None = None
    ends_utc: datetime | None = None
    ends_high_utc: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What tonight will do, and how sure that is. Slides in the order in which they begin."""

    begins_utc: datetime
    night_ends_utc: datetime | None
    slides: tuple[PlannedSlide, ...]
    ends_low_utc: datetime | None  # of the last slide; None where none runs
    ends_utc: datetime | None
    ends_high_utc: datetime | None
    gib: float
    areas_unknown: int
    capacity: Capacity
    sources: Mapping[str, str]  # where the numbers come from
    drafts: int = 0  # cases that get their draft if every slide that runs goes well

    def count(self, verdict: PlanVerdict) -> int:
        """Slides of a verdict."""
        return sum(slide.verdict == verdict for slide in self.slides)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What if: so many hours, slides of so much tissue, these shares of analyses."""

    hours: float
    mm2_a_slide: float
    mix: Mapping[Analysis, float]  # shares that add up to 1

    def __post_init__(self) -> None:
        if not (0 < self.hours < float("inf") and 0 < self.mm2_a_slide < float("inf")):
            raise ValueError("hours and mm² must be positive")
        shares = list(self.mix.values())
        if not shares or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
            raise ValueError("the shares of analyses must add up to 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """Slides that fit, by what would stop them; ``slides`` is the least of these."""

    question: Question
    capacity: Capacity
    slides: int
    by_limit: Mapping[Limit, float]  # only what was given or measured
    limit: Limit
    slide_s: float  # one slide on one worker, from its beginning to its end
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What a number of slides needs. ``cards`` is None where no GPU's time was given."""

    question: Question
    slides: int
    cores: int
    cards: int | None
    storage_mb_s: float
    memory_gib: float
    result_gib: float
    sources: Mapping[str, str]
