"""Distances on maps of any size, by strips of rows: memory is bounded and nothing is approximate.

A distance that matters only up to some reach needs no more than that reach on either side.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
Strip = tuple[slice, slice, slice]
STRIP_PX = 1 << 22
"""Pixels of a strip without its halo: an exact distance transform needs some 40 bytes each."""


def strips(shape: tuple[int, ...], halo: int) -> Iterator[Strip]:
    """Strips of rows that cover a map of ``shape``, each with up to ``halo`` rows on either side.

    Yields (rows with halo, rows without halo, the latter counted from the former's first).
    """
    rows, columns = shape
    height = max(1, halo, STRIP_PX // max(1, columns))
    for first in range(0, rows, height):
        last = min(rows, first + height)
        start, stop = max(0, first - halo), min(rows, last + halo)
        yield slice(start, stop), slice(first, last), slice(first - start, last - start)


def within_reach(mask: Mask, reach_px: float) -> Mask:
    """Pixels whose middle lies within ``reach_px`` of the middle of a pixel of ``mask``."""
    found = np.zeros(mask.shape, bool)
    for wide, own, inner in strips(mask.shape, math.ceil(reach_px)):
        part = mask[wide]
        if part.any():
            found[own] = (ndimage.distance_transform_edt(~part) <= reach_px)[inner]
    return found


def distance_px(mask: Mask, reach_px: float) -> NDArray[np.float32]:
    """Distance of pixels to the nearest pixel of ``mask``; infinite beyond ``reach_px``."""
    found = np.full(mask.shape, np.inf, np.float32)
    for wide, own, inner in strips(mask.shape, math.ceil(reach_px)):
        part = mask[wide]
        if part.any():
            distance = ndimage.distance_transform_edt(~part)[inner]
            found[own] = np.where(distance <= reach_px, distance, np.inf)
    return found


def nearest_mark(marks: NDArray[np.uint8], reach_px: float) -> NDArray[np.uint8]:
    """The mark (> 0) that lies nearest to each pixel; 0 where none lies within ``reach_px``."""
    found = np.zeros(marks.shape, np.uint8)
    for wide, own, inner in strips(marks.shape, math.ceil(reach_px)):
        part = marks[wide]
        if not part.any():
            continue
        distance, (row, column) = ndimage.distance_transform_edt(part == 0, return_indices=True)
        nearest = part[row[inner], column[inner]]
        found[own] = np.where(distance[inner] <= reach_px, nearest, 0)
    return found
