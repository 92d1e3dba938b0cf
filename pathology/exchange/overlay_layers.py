"""What the picture of a result is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pathology.records.prediction import Nuclei, TissueMap
from pathology.records.region import SlideRegion
from pathology.records.slide import LostTile, Region


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarkedNuclei:
    """All nuclei of a slide without their outlines, one row each."""

    centre_px0: NDArray[np.floating]  # (n, 2) x, y
    cell_class: NDArray[np.uint8]  # (n,) CellClass
    positive: NDArray[np.int8]  # (n,) Positivity
    counted: NDArray[np.bool_]  # (n,) false: left out of the finding

    def __post_init__(self) -> None:
        n = len(self.centre_px0)
        if any(len(c) != n for c in (self.cell_class, self.positive, self.counted)):
            raise ValueError("columns of nuclei have different lengths")

    @classmethod
    def none(cls) -> MarkedNuclei:
        """No nuclei at all."""
        return cls(
            centre_px0=np.empty((0, 2)),
            cell_class=np.empty(0, np.uint8),
            positive=np.empty(0, np.int8),
            counted=np.empty(0, bool),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CloseUp:
    """A piece of the slide as the analysis saw it, with the outlines it drew."""

    region: Region  # at the scale of the work, about 3:2, at least 200 px wide
    nuclei: Nuclei  # those of the region; outlines that leave it are cut
    counted: NDArray[np.bool_]  # (n,)

    def __post_init__(self) -> None:
        if len(self.nuclei) != len(self.counted):
            raise ValueError("columns of nuclei have different lengths")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OverlayLayers:
    """Layers of the picture; each may be missing.

    Of ``regions`` the tissue, the excluded areas (hatched, with their names) and those drawn by a
    person are shown; tumour and stroma come from ``tissue_map``.
    """

    regions: tuple[SlideRegion, ...] = ()
    tissue_map: TissueMap | None = None
    nuclei: MarkedNuclei = field(default_factory=MarkedNuclei.none)
    close_ups: tuple[CloseUp, ...] = ()  # the first three are shown
    lost: tuple[LostTile, ...] = ()
    part: bool = False  # of the slide: the legend's numbers are those of the part
    asked: SlideRegion | None = None  # outlined whatever it is
