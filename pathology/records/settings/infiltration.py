"""Rules of the infiltration analysis: bed, front, margin, infiltrate. Each has its source."""

from __future__ import annotations

from dataclasses import dataclass

from pathology.records.settings.ranges import check_names


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityArea:
    """The area below which a density per mm² is no number."""

    source: str
    minimum_mm2: float

    def __post_init__(self) -> None:
        check_names(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class BedRule:
    """What tumour pieces make one bed."""

    source: str
    closing_um: float  # diameter of the disc that joins pieces
    least_piece_mm2: float  # smaller pieces are no bed
    least_hole_mm2: float  # larger gaps in a bed stay open

    def __post_init__(self) -> None:
        check_names(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontRule:
    """Which border of the bed is an invasive front."""

    source: str
    edge_um: float  # nearer to where tissue ends nothing is assessable
    least_assessable_share: float  # of the border: below, the margin is withheld
    smoothing_um: float  # sigma, before the border's length is measured
    least_length_um: float  # shorter borders are none

    def __post_init__(self) -> None:
        check_names(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginRule:
    """How wide the margin is, and the steps of the profile."""

    source: str
    half_width_um: float
    band_um: float
    least_band_mm2: float  # of a band of the profile

    def __post_init__(self) -> None:
        check_names(self)
        if self.half_width_um % self.band_um:
            raise ValueError("half_width_um must be a multiple of band_um")


@dataclass(frozen=True, slots=True, kw_only=True)
class HaloRule:
    """Around which excluded tissue cells are not counted either, since they belong to it."""

    source: str
    around: tuple[str, ...]  # names of exclusions
    width_um: float

    def __post_init__(self) -> None:
        check_names(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class InfiltrateRule:
    """How single cells become an area of infiltrate."""

    source: str
    cell_radius_um: float
    closing_um: float  # gaps up to this between cells belong to the infiltrate
    pixel_um: float  # of the raster it is measured on
    block_um: float  # of the bootstrap
    least_blocks: int  # below: no interval, and so no number
    resamples: int
    seed: int

    def __post_init__(self) -> None:
        check_names(self)
        if self.pixel_um > self.cell_radius_um / 2:
            raise ValueError("pixel_um must be half of cell_radius_um or less")
        if self.least_blocks < 2 or self.resamples < 100:
            raise ValueError("least_blocks >= 2 and resamples >= 100 are needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class InfiltrationSettings:
    """Everything the infiltration findings do not decide themselves."""

    density: DensityArea
    bed: BedRule
    front: FrontRule
    margin: MarginRule
    halo: HaloRule
    infiltrate: InfiltrateRule
