"""Where tissue is, what of it is unfit to score, and how the slide is cut into tiles."""

from __future__ import annotations

from dataclasses import dataclass

from pathology.records.settings.ranges import check_between, check_names, check_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewSettings:
    """How far away the slide is looked at first."""

    source: str
    mpp: float  # µm per overview px at most
    least_px: int  # long side of the overview of a small scan, at least
    slack: float  # how much coarser than ``mpp`` a power of two may come out
    block_px: int  # edge of a block read at a time, px of the stored level it is made from

    def __post_init__(self) -> None:
        check_names(self)
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

    def __post_init__(self) -> None:
        check_names(self)
        check_between(self, 0, 255, "darkest", "tint", "roughness", "padding", "assumed")
        check_positive(self, "assumed")


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
        check_names(self)
        if not 0 < self.weak_od <= self.strong_od:
            raise ValueError("weak_od must be positive and not above strong_od")


@dataclass(frozen=True, slots=True, kw_only=True)
class PenSettings:
    """Ink of markers and margin paint; densities relative to the slide's glass."""

    source: str
    smoothing_um: float  # sigma of the blur before thresholds
    green_least_od: float  # red-channel density of green ink, at least
    green_share: float  # green over red density of green ink, at most
    blue_least_od: float  # red-channel density of blue ink, at least
    blue_share: float  # blue over red density of blue ink, at most
    red_least_od: float  # green-channel density of red ink, at least
    red_share: float  # red over green density of red ink, at most
    red_least_blue: float  # blue over green density of red ink, at least
    black_least_od: float  # density of black ink in every channel, at least
    margin_um: float  # around ink, where it is thin
    smallest_mm2: float

    def __post_init__(self) -> None:
        check_names(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldSettings:
    """Tissue that lies double."""

    source: str
    smoothing_um: float
    least_od: float  # mean of the three channels
    times_median: float  # of the slide's own tissue
    eosin_red_share: float  # red over green density, at most: eosin, not a lymphoid follicle
    double_layer_od: float  # mean density that no single layer reaches, whatever its colour
    smallest_mm2: float

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "times_median")


@dataclass(frozen=True, slots=True, kw_only=True)
class BubbleSettings:
    """Air under the coverslip, known by its closed grey rim."""

    source: str
    rim_um: float  # half the largest width of a rim
    least_od: float  # density of a rim above its two sides, every channel
    least_neutral: float  # weakest over strongest channel of that density
    gap_um: float  # half the largest gap in a rim
    smallest_mm2: float
    least_roundness: float  # 4 pi area / perimeter^2
    least_solidity: float  # area over area of the convex hull

    def __post_init__(self) -> None:
        check_names(self)
        check_between(self, 0, 1, "least_neutral", "least_roundness", "least_solidity")


@dataclass(frozen=True, slots=True, kw_only=True)
class QualitySettings:
    """What is unfit to score and seen from afar."""

    source: str
    least_piece_share: float  # a piece of "tissue" that is pen or bubble to this share is neither
    pen: PenSettings
    fold: FoldSettings
    bubble: BubbleSettings

    def __post_init__(self) -> None:
        check_names(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings:
    """Control tissue beside the specimen, on IHC slides."""

    source: str
    least_gap_um: float  # between control and specimen, along the slide's long axis
    smallest_mm2: float  # smaller pieces are crumbs of the specimen
    largest_share: float  # of all tissue, that a control may be
    least_specimen_mm2: float  # smaller specimens are biopsies: nothing is set apart
    largest_gap_ratio: float  # gaps within the specimen over the gap to the control, at most
    end_share: float  # of the slide's length, within which a control lies whole

    def __post_init__(self) -> None:
        check_names(self)
        if not 0 < self.largest_share < 0.5:
            raise ValueError("largest_share must lie between 0 and a half")


@dataclass(frozen=True, slots=True, kw_only=True)
class FocusSettings:
    """Out of focus, block by block, at the work scale. Sigmas of Gaussians in µm."""

    source: str
    block_um: float
    fine_um: float
    middle_um: float
    coarse_um: float
    widest_um: float
    stained_od: float  # density from which a pixel shows something
    least_stained_share: float  # of a block's pixels: below, the block is not judged
    least_middle_od: float  # contrast (rms) between middle and coarse: below, not judged by it
    sharp_ratio: float  # fine over middle contrast, below which a block is out of focus
    least_coarse_od: float  # contrast (rms) between coarse and widest: below, not judged by it
    sharp_coarse_ratio: float  # middle over coarse contrast, below which a block is out of focus

    def __post_init__(self) -> None:
        check_names(self)
        if not 0 < self.fine_um < self.middle_um < self.coarse_um < self.widest_um:
            raise ValueError("fine, middle, coarse and widest must grow in this order")


@dataclass(frozen=True, slots=True, kw_only=True)
class TilingSettings:
    """The grid of cores and their halo."""

    source: str
    core_px: int  # edge of a core, work px: a power of two, so that every block divides it
    halo_um: float

    def __post_init__(self) -> None:
        check_names(self)
        if self.core_px < 64 or self.core_px & (self.core_px - 1):
            raise ValueError("core_px must be a power of two, 64 at least")


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSettings:
    """How many places teach the slide's stains."""

    source: str
    count: int
    side_um: float
    least_cover: float  # share of a box that must be scored tissue

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "count")


@dataclass(frozen=True, slots=True, kw_only=True)
class TilesSettings:
    """Everything room 2 does not decide itself."""

    overview: OverviewSettings
    glass: GlassSettings
    tissue: TissueSettings
    quality: QualitySettings
    control: ControlSettings
    focus: FocusSettings
    tiling: TilingSettings
    samples: SampleSettings
