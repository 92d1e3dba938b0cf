"""Where tissue is, what of it is unfit to score, and how the slide is cut into tiles."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewSettings:
    """How far away the slide is looked at first."""

    source: str
    mpp: float  # µm per overview px at most
    least_px: int  # long side of the overview of a small scan, at least
    slack: float  # how much coarser than ``mpp`` a power of two may come out
    block_px: int  # edge of a block read at a time, px of the stored level it is made from

    def __post_init__(self) -> None:
        if self.mpp <= 0 or self.least_px < 1 or self.slack < 1 or self.block_px < 1:
            raise ValueError("mpp, least_px and block_px must be positive, slack at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class GlassSettings:
    """What bare glass may look like; 8-bit levels."""

    source: str
    darkest: float  # mean of R, G, B below which nothing is glass
    tint: float  # largest difference between channels of glass
    smooth_um: float  # edge of the square in which glass is smooth
    roughness: float  # largest standard deviation of glass in that square
    padding: float  # mean at and above which white was written by the scanner, not seen
    least_share: float  # share of the picture from which its brightest pixels are believed
    quantile: float  # of the brightness of glass-like pixels: the light through bare glass
    assumed: float  # grey level of the glass of a field that shows none


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueSettings:
    """What is denser than glass."""

    source: str
    smoothing_um: float  # sigma of the blur before thresholds
    weak_od: float  # density of the densest channel that may be tissue where strong tissue touches
    strong_od: float  # density that is tissue
    least_strong_share: float  # of a piece: a shadow that grazes one dark speck is no tissue
    closing_um: float  # gaps between fibres up to twice this width are tissue
    smallest_piece_mm2: float
    smallest_hole_mm2: float

    def __post_init__(self) -> None:
        if not 0 < self.weak_od <= self.strong_od:
            raise ValueError("weak_od must be positive and not above strong_od")


@dataclass(frozen=True, slots=True, kw_only=True)
class TilingSettings:
    """The grid of cores and their halo."""

    source: str
    core_px: int  # edge of a core, work px: a power of two, so that every block divides it
    halo_um: float

    def __post_init__(self) -> None:
        if self.core_px < 64 or self.core_px & (self.core_px - 1):
            raise ValueError("core_px must be a power of two, 64 at least")


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """How many places teach the slide's stains."""

    source: str
    count: int
    side_um: float
    least_cover: float  # share of a box that must be scored tissue


@dataclass(frozen=True, slots=True, kw_only=True)
class TilesSettings:
    """Everything room 2 does not decide itself."""

    overview: OverviewSettings
    glass: GlassSettings
    tissue: TissueSettings
    tiling: TilingSettings
    samples: SampleSettings
