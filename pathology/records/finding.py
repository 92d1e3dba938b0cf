"""Findings: a number with its interval, or the reason why there is none. Never both, never neither.

"Not measurable" is a result. It is not 0, not -1, not NaN that averages away, not an absent row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

WEIGHTED_INTERVAL: Final = "wilson-weighted-95"
"""Tells a weighted share from a counted one where only text is left of it."""


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
class FieldScore:
    """What was counted in one field, and the field's weight in the value."""

    region: str  # id of the field in ``regions.geojson``
    part: int
    whole: int
    weight: float = 1.0  # those of a finding add up to 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedProportion:
    """Shares of several fields, joined by weight; ``part`` and ``whole`` are plain sums."""

    fields: tuple[FieldScore, ...]
    low: float
    high: float
    interval: str = WEIGHTED_INTERVAL

    def __post_init__(self) -> None:
        if not self.fields or abs(sum(f.weight for f in self.fields) - 1) > 1e-9:
            raise ValueError("the weights of fields add up to 1")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.value} lies outside its interval {self.low}..{self.high}")

    @property
    def value(self) -> float:
        """Share in [0, 1]."""
        return sum(f.weight * f.part / f.whole for f in self.fields)

    @property
    def part(self) -> int:
        """Positive nuclei of all fields."""
        return sum(f.part for f in self.fields)

    @property
    def whole(self) -> int:
        """Counted nuclei of all fields."""
        return sum(f.whole for f in self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaShare:
    """A share of area, in whole µm²; the share itself is derived."""

    part_um2: int
    whole_um2: int
    low: float
    high: float
    interval: str

    def __post_init__(self) -> None:
        if not 0 <= self.part_um2 <= self.whole_um2 or self.whole_um2 == 0:
            raise ValueError(f"{self.part_um2} of {self.whole_um2} µm² is no share")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.value} lies outside its interval {self.low}..{self.high}")

    @property
    def value(self) -> float:
        """Share in [0, 1]."""
        return self.part_um2 / self.whole_um2


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMeasurable:
    """The slide was read and the question has no answer."""

    code: str  # for programs, e.g. "too-few-nuclei"
    reason: str  # for people


Answer: TypeAlias = Proportion | WeightedProportion | AreaShare | Measurement | NotMeasurable


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustered:
    """The interval that minds that nuclei of a kind lie together. Stands beside the counted one."""

    low: float
    high: float
    interval: str  # e.g. "block-bootstrap-95"
    blocks: int  # of tissue that it was learned from


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How a hot spot was searched, and what chance alone would have found."""

    windows: int
    expected_by_chance: float  # mean of the highest window where nothing but chance differs
    chance_limit: float  # 95 in 100 such searches stay at or below this
    beyond_chance: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Cells in a band of distance from the invasive front; negative is inside the tumour."""

    from_um: float
    to_um: float
    count: int
    area_mm2: float
    density: float | None = None  # 1/mm2; None where there is too little area
    low: float | None = None
    high: float | None = None


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
    fields: tuple[FieldScore, ...] = ()
    clustered: Clustered | None = None
    search: Search | None = None
    bands: tuple[Band, ...] = ()
    models: tuple[str, ...] = ()  # "name sha256" of the networks the number rests on
