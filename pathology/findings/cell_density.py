"""Cells per area, with what counting and what clumping alone do to the number.

    density = cells whose centre lies in an area / that area

Pixels of the map decide what a centre lies in, so that cells and area are judged alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pathology.findings.bootstrap import block_bootstrap
from pathology.findings.interval import poisson_interval
from pathology.records.finding import Clustered, Measurement, NotMeasurable
from pathology.records.settings.infiltration import InfiltrateRule

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MappedCells:
    """Map pixels (n,) under the centres of cells, on a map of ``mpp`` µm per pixel."""

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    mpp: float

    @classmethod
    def on_map(cls, cells_um: NDArray[np.float64], shape: tuple[int, ...], mpp: float) -> Self:
        """Cells (n, 2) x, y in µm; one just beyond the map is moved onto it."""
        column, row = np.floor(cells_um / mpp).astype(np.int64).T
        return cls(row=row.clip(0, shape[0] - 1), column=column.clip(0, shape[1] - 1), mpp=mpp)

    def count_in(self, mask: Mask) -> int:
        """Cells in a mask."""
        return int(mask[self.row, self.column].sum())

    def area_mm2(self, pixels: int) -> float:
        """Area of so many map pixels."""
        return pixels * self.mpp**2 / 1e6

    def density_in(self, mask: Mask, least_mm2: float) -> Measurement | NotMeasurable:
        """Cells per mm² with the exact Poisson interval; no number on too little area."""
        area = self.area_mm2(int(mask.sum()))
        if area < least_mm2:
            return too_little(area, least_mm2)
        return per_mm2(self.count_in(mask), area)

    def clustered_in(self, mask: Mask, rule: InfiltrateRule) -> Clustered | None:
        """Interval of the density by blocks of tissue.

        None with too few blocks to learn from, and without any cell: drawing noughts anew gives
        noughts.
        """
        count, pixels = self._by_block(mask, rule.block_um)
        if len(pixels) < rule.least_blocks or not count.any():
            return None
        low, high = block_bootstrap(
            count, pixels * self.area_mm2(1), resamples=rule.resamples, seed=rule.seed
        )
        return Clustered(low=low, high=high, interval="block-bootstrap-95", blocks=len(pixels))

    def _by_block(self, mask: Mask, side_um: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Cells and pixels of the mask, (b,) each, in the squares that hold any of it."""
        of_row, of_column = (
            np.floor((np.arange(n) + 0.5) * self.mpp / side_um).astype(np.int64) for n in mask.shape
        )
        wide = int(of_column[-1]) + 1
        row, column = np.nonzero(mask)
        pixels = np.bincount(of_row[row] * wide + of_column[column])
        held = mask[self.row, self.column]
        cells = of_row[self.row[held]] * wide + of_column[self.column[held]]
        count = np.bincount(cells, minlength=len(pixels))
        return count[pixels > 0], pixels[pixels > 0]


def per_mm2(count: int, area_mm2: float) -> Measurement:
    """A density with its exact Poisson interval."""
    low, high = poisson_interval(count)
    return Measurement(
        value=count / area_mm2,
        unit="1/mm2",
        low=low / area_mm2,
        high=high / area_mm2,
        interval="poisson-exact-95",
    )


def too_little(area_mm2: float, least_mm2: float) -> NotMeasurable:
    """The refusal of a number on too little tissue."""
    reason = f"{area_mm2:.2f} mm² of this tissue, less than {least_mm2:g} required"
    return NotMeasurable(code="too-little-area", reason=reason)
