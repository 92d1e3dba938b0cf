"""What the tiles of one slide add up to: nuclei, exclusions and maps, on one grid."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pathology.exchange.overlay_layers import MarkedNuclei
from pathology.records.geometry import Mpp, px_area_to_mm2
from pathology.records.prediction import Nuclei, TissueClass, TissueMap
from pathology.records.slide import LostTile

COUNTED = ""


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
    """Sums over the tiles seen so far. Grows by one small row a nucleus, not by pixels.

    ``classes``, ``analysed``, ``out_of_focus`` and ``looked_at`` are (rows, columns) on ``grid``.
    """

    grid: MapGrid
    classes: NDArray[np.uint8]
    analysed: NDArray[np.bool_]
    out_of_focus: NDArray[np.bool_]  # of tissue that would else be scored
    looked_at: NDArray[np.bool_]
    exclusions: Counter[str] = field(default_factory=Counter)
    scored: Counter[int] = field(default_factory=Counter)  # Positivity of counted tumour nuclei
    centres_px0: list[NDArray[np.float32]] = field(default_factory=list)
    cell_class: list[NDArray[np.uint8]] = field(default_factory=list)
    positive: list[NDArray[np.int8]] = field(default_factory=list)
    counted: list[NDArray[np.bool_]] = field(default_factory=list)
    lost: set[LostTile] = field(default_factory=set)

    @classmethod
    def empty(cls, grid: MapGrid) -> Tally:
        """Nothing seen yet."""
        shape = (grid.rows, grid.columns)
        return cls(
            grid=grid,
            classes=np.full(shape, TissueClass.BACKGROUND, np.uint8),
            analysed=np.zeros(shape, bool),
            out_of_focus=np.zeros(shape, bool),
            looked_at=np.zeros(shape, bool),
        )

    def add_nuclei(self, nuclei: Nuclei, excluded_by: NDArray[np.str_]) -> None:
        """Count nuclei; ``excluded_by`` (n,) names why one is not scored, "" where it is."""
        counted = excluded_by == COUNTED
        names, numbers = np.unique(excluded_by[~counted], return_counts=True)
        self.exclusions.update(dict(zip(names.tolist(), numbers.tolist(), strict=True)))
        values, numbers = np.unique(nuclei.positive[counted], return_counts=True)
        self.scored.update(dict(zip(values.tolist(), numbers.tolist(), strict=True)))
        self.centres_px0.append(nuclei.centre_px0.astype(np.float32))
        self.cell_class.append(nuclei.cell_class)
        self.positive.append(nuclei.positive)
        self.counted.append(counted)

    def nuclei_seen(self) -> MarkedNuclei:
        """All nuclei of the slide in short: where, what, and whether counted."""
        if not self.centres_px0:
            return MarkedNuclei.none()
        return MarkedNuclei(
            centre_px0=np.concatenate(self.centres_px0),
            cell_class=np.concatenate(self.cell_class),
            positive=np.concatenate(self.positive),
            counted=np.concatenate(self.counted),
        )

    def tissue_map(self, slide_id: str) -> TissueMap:
        """The classes as a record."""
        return TissueMap(
            slide_id=slide_id,
            downsample=self.grid.downsample,
            mpp=self.grid.mpp,
            classes=self.classes,
        )

    def class_mm2(self, tissue_class: TissueClass) -> float:
        """Area of one class in the analysed tissue."""
        pixels = int((self.classes == tissue_class)[self.analysed].sum())
        return px_area_to_mm2(pixels, self.grid.mpp)

    @property
    def analysed_mm2(self) -> float:
        """Area of tissue that was scored."""
        return px_area_to_mm2(int(self.analysed.sum()), self.grid.mpp)


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
