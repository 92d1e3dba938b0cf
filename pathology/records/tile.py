"""Where to look on one slide: masks of the overview, and a plan of tiles. No pixels inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pathology.records.geometry import Box, Mpp, px_area_to_mm2
from pathology.records.slide import Region

Exclusion = Literal["out_of_focus", "pen", "bubble", "fold", "control_tissue", "unreadable"]
"""Why a part of the tissue is not scored; each is a region with its own name and area."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExcludedArea:
    """One kind of area that is not scored: (rows, columns) bool on the survey's grid."""

    name: Exclusion
    mask: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Survey:
    """The slide seen from afar: where tissue lies and which of it is unfit to score.

    All masks are (rows, columns) bool on one grid of ``downsample`` that starts at the slide's
    corner: mask pixel (row, column) covers the level-0 square at (column, row) * downsample.
    """

    slide_id: str
    downsample: float  # level-0 px per mask px
    mpp: Mpp  # scale of a mask pixel
    tissue: NDArray[np.bool_]  # all tissue, excluded or not
    excluded: tuple[ExcludedArea, ...] = ()

    def __post_init__(self) -> None:
        for area in self.excluded:
            if area.mask.shape != self.tissue.shape:
                raise ValueError(f"{self.slide_id}: mask {area.name} is not on the survey's grid")

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Tissue that is left when every excluded area is taken away."""
        left = self.tissue.copy()
        for area in self.excluded:
            left &= ~area.mask
        return left

    @property
    def tissue_mm2(self) -> float:
        """Area of all tissue."""
        return px_area_to_mm2(int(self.tissue.sum()), self.mpp)

    def excluded_mm2(self) -> dict[str, float]:
        """Area of tissue under each kind of exclusion; areas may overlap."""
        return {
            a.name: px_area_to_mm2(int((a.mask & self.tissue).sum()), self.mpp)
            for a in self.excluded
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TilePlan:
    """Which tiles to read, in the order of the file. Made by ``tiles.plan``.

    The cores do not overlap and together cover all scored tissue; a tile is read with ``halo_px``
    more on every side, so that what lies on a seam is seen whole by both neighbours.
    """

    slide_id: str
    downsample: float  # level-0 px per work px
    mpp: Mpp  # scale of a work pixel
    core_px: int  # edge of a full core, work px
    halo_px: int
    cores: tuple[Box, ...]  # work px; at the slide's right and bottom edge they are cut

    def __len__(self) -> int:
        return len(self.cores)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """A core with its halo: what a model sees. ``region.box`` is ``core`` grown by the halo."""

    core: Box  # work px
    region: Region
    mpp: Mpp
