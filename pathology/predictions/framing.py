"""Pictures as a network takes them, and its answers on the slide's map: all on absolute grids.

A network that halves its picture four times sees a pixel differently with its place in a square of
16. So every picture begins at a multiple of the network's step on the slide's own grid, wherever
the tile was cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pathology.records.geometry import Box


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Framed:
    """A picture for a network: what was asked for, widened to whole steps and then reduced."""

    pixels: NDArray[np.uint8]  # (h, w, 3) of the network's scale
    box: Box  # work px that ``pixels`` cover
    reduction: int  # work px per pixel of the picture

    def own(self, maps: NDArray[np.floating], asked: Box) -> NDArray[np.floating]:
        """The part of full-scale maps (c, h, w) under ``asked``, a view."""
        top, left = asked.y - self.box.y, asked.x - self.box.x
        return maps[:, top : top + asked.height, left : left + asked.width]


def framed(pixels: NDArray[np.uint8], box: Box, step_px: int, reduction: int = 1) -> Framed:
    """``pixels`` (h, w, 3) of ``box`` (work px) on whole steps of the slide's grid.

    What is added beyond the edges mirrors them; it lies outside the halo. Reduced by the mean of
    squares of ``reduction`` px, which lie on the slide's grid too.
    """
    step = step_px * reduction
    left, top = box.x % step, box.y % step
    right, bottom = -box.right % step, -box.bottom % step
    wide = Box(box.x - left, box.y - top, box.width + left + right, box.height + top + bottom)
    whole = pixels
    if (wide.width, wide.height) != (box.width, box.height):
        whole = np.pad(pixels, ((top, bottom), (left, right), (0, 0)), mode="symmetric")
    if reduction > 1:
        whole = np.asarray(Image.fromarray(whole).reduce(reduction))
    return Framed(pixels=whole, box=wide, reduction=reduction)


def on_map(
    values: NDArray[np.floating], covered: Box, core: Box, block_px: int
) -> NDArray[np.float64]:
    """Means (c, rows, columns) of values (c, h, w) over the map pixels of a core.

    ``values`` cover the box ``covered`` evenly; a map pixel is ``block_px`` work px wide, from the
    core's corner on, and ends where the core ends. Values weigh by the area they share with it.
    """
    rows = _Cells(covered.y, covered.height / values.shape[1], values.shape[1])
    columns = _Cells(covered.x, covered.width / values.shape[2], values.shape[2])
    down = rows.over(core.y, core.bottom, block_px)
    across = columns.over(core.x, core.right, block_px)
    means: NDArray[np.float64] = np.einsum(
        "rh,chw,kw->crk", down, values.astype(np.float64), across, optimize=True
    )
    return means


@dataclass(frozen=True, slots=True)
class _Cells:
    """Cells of one length side by side from ``start`` on."""

    start: float
    length: float
    count: int

    def over(self, first: int, last: int, block: int) -> NDArray[np.float64]:
        """What each cell counts for in blocks from ``first`` to ``last``; rows sum to 1."""
        low = np.arange(first, last, block, dtype=np.float64)[:, None]
        high = np.minimum(low + block, last)
        edge = self.start + self.length * np.arange(self.count + 1)
        shared = np.clip(np.minimum(high, edge[1:]) - np.maximum(low, edge[:-1]), 0, None)
        normalised: NDArray[np.float64] = shared / shared.sum(axis=1, keepdims=True)
        return normalised
