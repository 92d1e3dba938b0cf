"""The margin on both sides of the invasive front, and its bands by distance.

Tissue whose nearest piece of border is not assessable belongs to no margin.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pathology.findings.cell_density import MappedCells, per_mm2
from pathology.findings.invasive_front import Front, Points
from pathology.findings.strips import distance_px, nearest_mark
from pathology.records.finding import Band
from pathology.records.settings.infiltration import MarginRule

Mask = NDArray[np.bool_]
ASSESSABLE, NOT_ASSESSABLE = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Margin:
    """Tissue beside the assessable front, (rows, columns)."""

    inner: Mask  # in the bed
    outer: Mask
    distance_um: NDArray[np.float32]  # to the border; negative inside; infinite beyond the margin

    @property
    def both(self) -> Mask:
        """Inner and outer margin."""
        return np.asarray(self.inner | self.outer)


def no_margin(shape: tuple[int, ...]) -> Margin:
    """The margin of a bed without a border."""
    nothing = np.zeros(shape, bool)
    return Margin(inner=nothing, outer=nothing, distance_um=np.full(shape, np.inf, np.float32))


def margin_of(front: Front, bed: Mask, mpp: float, half_width_um: float) -> Margin:
    """Pixels up to ``half_width_um`` from the border of ``bed``, on either side."""
    distance = signed_distance_um(bed, mpp, half_width_um)
    marks = _marks(front, bed.shape, mpp)
    reach = half_width_um / mpp + 2  # the line is smoothed: it may lie a little farther
    near = nearest_mark(marks, reach) == ASSESSABLE
    near &= np.abs(distance) <= half_width_um
    return Margin(inner=near & bed, outer=near & ~bed, distance_um=distance)


def bands_of(margin: Margin, cells: MappedCells, rule: MarginRule) -> Iterator[Band]:
    """Cells by distance, from the inside out; no density where a band has too little area."""
    number = round(2 * rule.half_width_um / rule.band_um)
    band_of = np.zeros(margin.distance_um.shape, np.int16)  # 0 is no band
    both = margin.both
    along = (margin.distance_um[both] + rule.half_width_um) / rule.band_um
    band_of[both] = np.floor(along).clip(0, number - 1) + 1  # the very end is of the last band
    pixels = np.bincount(band_of.ravel(), minlength=number + 1)[1:].tolist()
    counts = np.bincount(band_of[cells.row, cells.column], minlength=number + 1)[1:].tolist()
    for i, (held, count) in enumerate(zip(pixels, counts, strict=True)):
        low, area = i * rule.band_um - rule.half_width_um, cells.area_mm2(held)
        band = Band(from_um=low, to_um=low + rule.band_um, count=count, area_mm2=area)
        if area >= rule.least_band_mm2:
            told = per_mm2(count, area)
            band = replace(band, density=told.value, low=told.low, high=told.high)
        yield band


def signed_distance_um(bed: Mask, mpp: float, reach_um: float) -> NDArray[np.float32]:
    """Distance of each pixel's middle to the border of ``bed``, negative inside.

    The border runs between pixels, half a pixel from the middles beside it. Infinite, with the
    sign of its side, beyond ``reach_um``.
    """
    reach = reach_um / mpp + 1
    signed = (distance_px(bed, reach) - np.float32(0.5)) * np.float32(mpp)
    inside = (np.float32(0.5) - distance_px(~bed, reach)) * np.float32(mpp)
    signed[bed] = inside[bed]
    return signed


def _marks(front: Front, shape: tuple[int, ...], mpp: float) -> NDArray[np.uint8]:
    """The border drawn on the map; where both kinds share a pixel it is assessable."""
    marks = np.zeros(shape, np.uint8)
    kinds = ((NOT_ASSESSABLE, front.not_assessable), (ASSESSABLE, front.assessable))
    for mark, lines in kinds:
        for line in lines:
            column, row = np.floor(_dense(line, mpp / 2) / mpp).astype(np.int64).T
            marks[row.clip(0, shape[0] - 1), column.clip(0, shape[1] - 1)] = mark
    return marks


def _dense(line: Points, step: float) -> Points:
    """Points along a line, at most ``step`` apart."""
    along = np.concatenate([[0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    at = np.linspace(0, along[-1], max(2, math.ceil(along[-1] / step) + 1))
    return np.stack([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1])], axis=1)
