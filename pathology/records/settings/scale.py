"""Which scales are believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pathology.records.settings.ranges import check_between, check_names


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleSettings:
    """Bounds of credible scales, and a site's own knowledge of its scanners."""

    source: str
    finest_mpp: float  # below this no brightfield scanner works
    coarsest_mpp: float  # above this no tissue can be told apart
    anisotropy_tolerance: float  # |mpp_x - mpp_y| / mpp_x up to which pixels count as square
    disagreement: float  # stated scale against magnification or nucleus size: flag above this share
    objective_um: float  # mpp * magnification of common scanners: 10 (40x is 0.25 µm/px)
    by_scanner: Mapping[str, float] = field(default_factory=dict)  # SlideFacts.scanner -> mpp

    def __post_init__(self) -> None:
        check_names(self)
        check_between(self, 0, 1, "anisotropy_tolerance", "disagreement")
        if not 0 < self.finest_mpp < self.coarsest_mpp:
            raise ValueError("finest_mpp must be positive and below coarsest_mpp")
        for scanner, mpp in self.by_scanner.items():
            if not self.finest_mpp <= mpp <= self.coarsest_mpp:
                raise ValueError(f"by_scanner: {mpp} for {scanner!r} is not credible")
