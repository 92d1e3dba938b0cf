"""What slides cost, as measured: data with their sources, never a guess in code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pathology.records.result import Analysis
from pathology.records.settings.ranges import check_between, check_names, check_positive

CostWhen = Literal["always", "without-gpu", "with-gpu"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCost:
    """Processor time of one stage of one analysis: seconds of one core."""

    source: str
    analysis: Analysis
    stage: str
    when: CostWhen
    core_s_per_slide: float
    core_s_per_mm2: float

    def __post_init__(self) -> None:
        check_between(self, 0, float("inf"), "core_s_per_slide", "core_s_per_mm2")


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualArea:
    """Tissue of a slide nobody has read yet."""

    source: str
    low_mm2: float
    typical_mm2: float
    high_mm2: float

    def __post_init__(self) -> None:
        check_names(self)
        if not self.low_mm2 <= self.typical_mm2 <= self.high_mm2:
            raise ValueError("low_mm2, typical_mm2 and high_mm2 must not fall")


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsSettings:
    """``costs.toml``."""

    source: str
    most_cores_a_worker: float  # more were never measured to help one slide
    read_mb_per_mm2: float  # of tissue, from storage
    learn_days: int  # the site's own past counts, so far back
    learn_least: int  # attempts of one analysis before its own past counts
    area: UsualArea
    stages: tuple[StageCost, ...]

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "most_cores_a_worker", "learn_days")
        if self.learn_least < 2:
            raise ValueError("learn_least must be 2 or more")
        keys = [(s.analysis, s.stage, s.when) for s in self.stages]
        if len(set(keys)) != len(keys):
            raise ValueError("stages: the same analysis, stage and when twice")
