"""What the tiles of one slide add up to: nuclei and maps, on one grid."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pathology.exchange.cells_judged import PlacedNuclei
from pathology.exchange.overlay_layers import MarkedNuclei
from pathology.records.geometry import Mpp, px_area_to_mm2
from pathology.records.prediction import TissueClass, TissueMap
from pathology.records.slide import LostTile
from pathology.records.tile import Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class MapGrid:
    """The grid of the tissue map: ``downsample`` level-0 px per map pixel, from the corner."""

    downsample: float
    mpp: Mpp
    rows: int
    columns: int

    def pixel_of(
        self, points_px0: NDArray[np.floating]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(rows, columns) of the map pixels under points (n, 2); outside ones are moved inside."""
        return pixel_under(points_px0, self.downsample, (self.rows, self.columns))

    def taken_from(self, mask: NDArray[np.bool_], downsample: float) -> NDArray[np.bool_]:
        """A mask of another grid, under the middles of this one's pixels."""
        row, column = (
            ((np.arange(n) + 0.5) * self.downsample / downsample).astype(np.intp).clip(0, side - 1)
            for n, side in zip((self.rows, self.columns), mask.shape, strict=True)
        )
        taken: NDArray[np.bool_] = mask[np.ix_(row, column)]
        return taken

    def coarser(self, factor: int) -> MapGrid:
        """The grid whose pixels are ``factor`` times as wide."""
        return MapGrid(
            downsample=self.downsample * factor,
            mpp=Mpp(self.mpp * factor),
            rows=-(-self.rows // factor),
            columns=-(-self.columns // factor),
        )


def pixel_under(
    points_px0: NDArray[np.floating], downsample: float, shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices into an array of ``shape`` on a grid of ``downsample``, clipped to the array."""
    column = np.clip((points_px0[:, 0] / downsample).astype(np.intp), 0, shape[1] - 1)
    row = np.clip((points_px0[:, 1] / downsample).astype(np.intp), 0, shape[0] - 1)
    return row, column


@dataclass(slots=True, kw_only=True)
class Tally:
    """Sums over the tiles seen so far, whatever a person drew. Grows by one small row a nucleus.

    ``fit``, ``classes``, ``blurred``, ``unread`` and ``looked_at`` are (rows, columns) on ``grid``.
    """

    grid: MapGrid
    fit: NDArray[np.bool_]  # tissue in no excluded area
    classes: NDArray[np.uint8]
    blurred: NDArray[np.bool_]
    unread: NDArray[np.bool_]  # under a lost tile
    looked_at: NDArray[np.bool_]
    nuclei: list[PlacedNuclei] = field(default_factory=list)
    lost: set[LostTile] = field(default_factory=set)

    @classmethod
    def empty(cls, grid: MapGrid, survey: Survey) -> Tally:
        """Nothing seen yet."""
        shape = (grid.rows, grid.columns)
        return cls(
            grid=grid,
            fit=grid.taken_from(survey.scored, survey.downsample),
            classes=np.full(shape, TissueClass.BACKGROUND, np.uint8),
            blurred=np.zeros(shape, bool),
            unread=np.zeros(shape, bool),
            looked_at=np.zeros(shape, bool),
        )

    @property
    def out_of_focus(self) -> NDArray[np.bool_]:
        """Blurred tissue that would else be scored."""
        return self.blurred & self.fit

    @property
    def analysable(self) -> NDArray[np.bool_]:
        """Tissue that is scored unless a person leaves it out."""
        return self.looked_at & self.fit & ~self.blurred & ~self.unread

    def placed(self) -> PlacedNuclei:
        """All nuclei of the slide in the order in which they were seen."""
        if not self.nuclei:
            return PlacedNuclei(np.empty((0, 2)), np.empty(0, np.uint8), np.empty(0, np.int8))
        return PlacedNuclei(*map(np.concatenate, zip(*self.nuclei, strict=True)))

    def tissue_map(self, slide_id: str) -> TissueMap:
        """The classes as a record."""
        return TissueMap(
            slide_id=slide_id,
            downsample=self.grid.downsample,
            mpp=self.grid.mpp,
            classes=self.classes,
        )


def density(
    nuclei: MarkedNuclei, tally: Tally, chosen: NDArray[np.bool_], factor: int
) -> NDArray[np.float32]:
    """Chosen nuclei per mm² on the grid ``factor`` times coarser, (rows, columns) float32.

    NaN where no tile was looked at: nobody knows, which is not the same as none.
    """
    grid = tally.grid.coarser(factor)
    row, column = grid.pixel_of(nuclei.centre_px0[chosen])
    number = np.zeros((grid.rows, grid.columns), np.float32)
    np.add.at(number, (row, column), 1)
    known = np.zeros_like(number, dtype=bool)
    looked_row, looked_column = np.nonzero(tally.looked_at)
    known[looked_row // factor, looked_column // factor] = True
    return np.where(known, number / np.float32(px_area_to_mm2(1, grid.mpp)), np.float32("nan"))
