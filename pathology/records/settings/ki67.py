"""Rules of the Ki-67 analysis: protocols, windows, clustering, cut-offs. Each has its source."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pathology.records.settings.ranges import check_between, check_names

Protocol = Literal[
    "WSI_GLOBAL", "IKWG_GLOBAL_UNWEIGHTED", "IKWG_GLOBAL_WEIGHTED", "IKWG_HOTSPOT", "NET_HOTSPOT"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """Which names of a marker mean Ki-67, as people write them."""

    source: str
    ki67_names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.ki67_names or not all(map(_folded, self.ki67_names)):
            raise ValueError("ki67_names needs a name, and letters or digits in each")

    def means_ki67(self, name: str | None) -> bool:
        """Whether ``name`` is one of the names; case, width, spaces and hyphens do not count."""
        return _folded(name or "") in map(_folded, self.ki67_names)


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalCount:
    """How many nuclei a global labelling index needs."""

    source: str
    minimum: int  # below: not measurable
    limited_below: int  # below: a number, flagged as resting on few nuclei

    def __post_init__(self) -> None:
        check_names(self)
        if not 0 < self.minimum <= self.limited_below:
            raise ValueError("minimum must be positive and not above limited_below")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """How fields of the global protocols are chosen."""

    source: str
    fields: int
    nuclei_each: int
    square_um: float  # side of the squares that staining is sorted by
    levels: int
    homogeneous_p: float  # from here on staining does not differ: one level
    most_mm2: float  # of a field
    most_unseen_share: float  # of a field: beyond the tissue or not analysed

    def __post_init__(self) -> None:
        check_names(self)
        check_between(self, 0, 1, "homogeneous_p", "most_unseen_share")
        if min(self.fields, self.nuclei_each, self.levels) < 1:
            raise ValueError("fields, nuclei_each and levels must be 1 or more")
        if min(self.square_um, self.most_mm2) <= 0:
            raise ValueError("square_um and most_mm2 must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class HotSpotRule:
    """How a hot spot is searched."""

    source: str
    nuclei: int
    most_mm2: float  # of the window
    step_um: float  # between the centres that are tried
    most_unseen_share: float  # of the window
    most_lymphocyte_share: float  # of its lymphocytes and counted nuclei together

    def __post_init__(self) -> None:
        check_names(self)
        if self.nuclei < 1 or min(self.most_mm2, self.step_um) <= 0:
            raise ValueError("nuclei, most_mm2 and step_um must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChanceRule:
    """How the bias of a search is estimated."""

    source: str
    simulations: int
    level: float  # quantile of the simulated maxima that a hot spot must be above
    seed: int

    def __post_init__(self) -> None:
        check_names(self)
        check_between(self, 0.5, 1, "level")
        if self.simulations < 20:
            raise ValueError("simulations must be 20 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteringRule:
    """Blocks of tissue that nuclei are resampled by."""

    source: str
    block_um: float
    least_blocks: int  # below: no clustered interval
    resamples: int
    seed: int

    def __post_init__(self) -> None:
        check_names(self)
        if self.block_um <= 0 or self.least_blocks < 2 or self.resamples < 100:
            raise ValueError("block_um > 0, least_blocks >= 2 and resamples >= 100 are needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """One grade of a rule: the first whose comparison holds is the category."""

    name: str
    operator: Literal["<", "<=", ">", ">="]
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryRule:
    """A guideline's cut-offs, with its own operators."""

    name: str  # with its version
    source: str
    use: str  # whom it is for
    protocols: tuple[Protocol, ...]
    grades: tuple[CutOff, ...]
    otherwise: str  # where no grade holds

    def __post_init__(self) -> None:
        check_names(self)
        if not self.grades or not self.protocols:
            raise ValueError(f"rule {self.name} needs grades and protocols")
        check_between(self.grades[0], 0, 100, "percent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Categories:
    """Which rules are in force; a protocol has one at most."""

    source: str
    in_force: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ki67Settings:
    """Everything the Ki-67 findings do not decide themselves."""

    marker: Marker
    wsi_global: GlobalCount
    fields: FieldRule
    hotspot: HotSpotRule
    net_hotspot: HotSpotRule
    chance: ChanceRule
    clustering: ClusteringRule
    categories: Categories
    rules: Mapping[str, CategoryRule]

    def __post_init__(self) -> None:
        if strangers := sorted(set(self.categories.in_force) - self.rules.keys()):
            raise ValueError(f"in_force: {strangers} are none of {sorted(self.rules)}")
        bound = [p for name in self.categories.in_force for p in self.rules[name].protocols]
        if twice := sorted({p for p in bound if bound.count(p) > 1}):
            raise ValueError(f"in_force: two rules decide {twice}; leave one in force")

    def rule_for(self, protocol: str) -> CategoryRule | None:
        """The rule in force for a protocol."""
        rules = (self.rules[name] for name in self.categories.in_force)
        return next((rule for rule in rules if protocol in rule.protocols), None)


def _folded(name: str) -> str:
    """Letters and digits only, small and of normal width (Chinese keyboards type wide ones)."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())
