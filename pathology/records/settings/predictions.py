"""How nuclei, positivity and tissue are told from pixels by the classical baseline."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from pathology.records.settings.ranges import check_between, check_names, check_positive
from pathology.records.stain import StainKind


@dataclass(frozen=True, slots=True, kw_only=True)
class StainSettings:
    """Which stain a slide carries, and the estimate of its vectors. Densities are decadic."""

    source: str
    most_pixels: int  # pixels looked at per slide
    white_percentile: float  # per channel, taken as the light through bare glass
    least_tint: float  # no glass is darker in one channel than this share of its lightest
    coloured_od: float  # R + G + B density above which a pixel carries stain
    strong_od: float  # R + G + B density from which a pixel may shape a stain vector
    dark_od: float  # R + G + B density from which a brown pixel is DAB and no fringe
    eosin_ratio: float  # green over red and blue density from which a pixel is pink or purple
    dominance: float  # ratio from which one channel absorbs more than another
    least_coloured_share: float  # below this nothing is decided
    he_pink_at_least: float
    ihc_pink_at_most: float
    ihc_least_share: float  # blue and brown together
    least_pixels: int  # below this the textbook's vectors are used
    angle_percentile: float  # H&E: the robust extremes of the plane
    most_deviation_deg: float  # from the textbook; beyond it the textbook is used
    most_dab_deviation_deg: float  # DAB so dark that light is lost looks neutral; it is not

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "most_pixels", "eosin_ratio", "dominance")
        check_between(self, 0, 1, "least_tint")
        if not 0 <= self.ihc_pink_at_most < self.he_pink_at_least <= 1:
            raise ValueError("ihc_pink_at_most must be below he_pink_at_least, both in 0..1")
        if not 0 <= self.angle_percentile < 50 < self.white_percentile <= 100:
            raise ValueError("angle_percentile is below 50 and white_percentile above")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleNeeds:
    """The scale that nuclei need."""

    source: str
    work_mpp: float  # finer scans are reduced to this
    coarsest_factor: float  # of ``work_mpp``; coarser scans have no measurable nuclei

    def __post_init__(self) -> None:
        check_names(self)
        check_between(self, 1, inf, "coarsest_factor")

    @property
    def coarsest_mpp(self) -> float:
        """Coarsest scale, in µm/px, at which nuclei are measured."""
        return self.work_mpp * self.coarsest_factor


@dataclass(frozen=True, slots=True, kw_only=True)
class NucleusSettings:
    """How nuclei of one kind of stain are found. Lengths in µm on tissue."""

    source: str
    smooth_um: float
    saturation_od: float  # IHC: red density at which the signal counts half
    glass_od: float  # signal below this is no tissue and takes no part in the threshold
    least_nuclear_od: float  # lowest threshold believed; below it is noise
    background_um: float  # width of the neighbourhood, as the sigma of a Gaussian
    background_cap: float  # times the threshold: no pixel counts for more in its neighbourhood
    local_weight: float  # 0: the slide's threshold alone; 1: the neighbourhood alone
    global_factor: float  # of the slide's threshold, in the weighed sum
    least_factor: float  # of the slide's threshold: nothing below it is a nucleus
    blob_radii_um: tuple[float, ...]
    least_response: float  # of a blob, as a share of the slide's threshold
    distance_cap_um: float
    distance_weight: float  # blob responses per µm of distance to the background
    peak_smooth_um: float
    least_distance_um: float  # between two seeds
    most_radius_um: float
    least_area_um2: float
    least_chroma: float  # IHC: |red - blue| over all density; less is grey
    fibre_most_area_um2: float  # IHC: what is grey and smaller is no nucleus
    fibre_least_elongation: float  # IHC: nor what is grey and longer
    black_od: float  # IHC: from this red density on a nucleus may be grey
    truncate: float  # Gaussians end after so many sigmas

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "saturation_od", "background_cap", "global_factor", "truncate")
        if not self.blob_radii_um or min(self.blob_radii_um) <= 0:
            raise ValueError("blob_radii_um needs at least one positive radius")
        if not 0 <= self.local_weight <= 1:
            raise ValueError("local_weight is a share in 0..1")


@dataclass(frozen=True, slots=True, kw_only=True)
class NucleusScaleSettings:
    """The bank of filters that measures nuclei without knowing the scale. Lengths in px."""

    source: str
    least_sigma_px: float
    most_sigma_px: float
    steps_per_octave: int
    dog_ratio: float  # of the two Gaussians of a difference
    diameter_per_sigma: float  # of a disc, over the finer sigma that answers most to it
    halve_from_sigma_px: float  # from this sigma on the picture is halved
    least_sigmas: float  # no picture is narrower than so many sigmas
    truncate: float

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "least_sigmas", "truncate")
        if not 0 < self.least_sigma_px < self.most_sigma_px:
            raise ValueError("least_sigma_px must be positive and below most_sigma_px")
        if self.steps_per_octave < 1 or self.dog_ratio <= 1 or self.diameter_per_sigma <= 0:
            raise ValueError("steps_per_octave >= 1, dog_ratio > 1, diameter_per_sigma > 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class PositivitySettings:
    """From which mean DAB density a nucleus takes the marker."""

    source: str
    least_nuclei: int  # below this the slide's own distribution is not looked at
    lowest_od: float  # bounds within which the slide's threshold may lie
    highest_od: float
    default_od: float  # where the slide shows no two populations
    log_offset_od: float  # added before the logarithm, so that noise around 0 is not stretched
    noise_sigmas: float  # the threshold stays so many robust sigmas above the negative nuclei
    least_separation: float  # between the populations, in robust sigmas of the negatives
    least_positive: int  # nuclei of the upper population
    least_positive_od: float  # median DAB density of the upper population
    band_share: float  # half width of the uncertain band, as a share of the threshold
    least_band_od: float  # and at least this

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "log_offset_od", "least_positive")
        if not 0 < self.lowest_od <= self.default_od <= self.highest_od:
            raise ValueError("lowest_od <= default_od <= highest_od, all positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSettings:
    """How nuclei of one kind of stain are classed."""

    source: str
    rim_um: float  # width of the rim around a nucleus
    lymphocyte_most_area_um2: float
    lymphocyte_most_elongation: float
    lymphocyte_most_surround: float  # nuclear signal of the rim over that of the nucleus
    lymphocyte_least_darkness: float  # nuclear signal over the slide's threshold
    stroma_elongation: float  # from which length speaks for stroma
    stroma_basophilia: float  # of the neighbourhood, below which it speaks for stroma
    elongation_weight: float
    basophilia_weight: float
    other_least_area_um2: float  # larger "nuclei" are clumps or debris
    softness: float  # relative distance from a cut-off at which it holds with odds of e to 1

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "softness")


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueSettings:
    """How tissue is classed on blocks of a map."""

    source: str
    map_um: float  # edge of a map pixel; the nearest power of two of work px is taken
    stained_od: float  # H&E: R + G + B density above which a pixel carries stain
    ihc_stained_od: float  # IHC: the same; tissue between nuclei is hardly coloured
    least_stained_share: float  # of a block's pixels; below it the block is background
    smooth_um: float  # neighbourhood over which densities are averaged, sigma
    basophilia_cap_od: float  # H&E: red density that counts as full
    faint_od: float  # H&E: added to the mean so that faint tissue is not called uneven
    unevenness_weight: float
    least_score: float  # H&E: bounds of the score from which a slide calls epithelium
    most_score: float
    other_least_green_od: float  # H&E: blood and keratin are at least so dense in green
    other_most_basophilia: float  # and at most so bluish
    ihc_nuclear_od: float  # IHC: red density of nuclei
    ihc_least_nuclear_share: float  # IHC: share of the area under nuclei in tumour
    truncate: float

    def __post_init__(self) -> None:
        check_names(self, signed=("least_score", "most_score"))
        check_positive(self, "basophilia_cap_od", "faint_od", "truncate")
        if self.least_score > self.most_score:
            raise ValueError("least_score must not be above most_score")


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionSettings:
    """All settings of the classical baseline."""

    stain: StainSettings
    scale: ScaleNeeds
    nuclei_he: NucleusSettings
    nuclei_ihc: NucleusSettings
    nucleus_scale: NucleusScaleSettings
    positivity: PositivitySettings
    cells_he: CellSettings
    cells_ihc: CellSettings
    tissue: TissueSettings

    def nuclei(self, kind: StainKind) -> NucleusSettings:
        """How nuclei are found on a slide of this kind."""
        return self.nuclei_he if kind == "he" else self.nuclei_ihc

    def cells(self, kind: StainKind) -> CellSettings:
        """How nuclei are classed on a slide of this kind."""
        return self.cells_he if kind == "he" else self.cells_ihc
