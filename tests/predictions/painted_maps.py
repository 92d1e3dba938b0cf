"""Maps as the nucleus network should give them, painted from instances that we know."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pathology.models.network import OFFSET_PX

SURE = 6.0
CLASSES = 4


def blank(height: int = 96, width: int = 96) -> NDArray[np.int32]:
    return np.zeros((height, width), np.int32)


def disc(labels: NDArray[np.int32], x: float, y: float, radius: float, label: int) -> None:
    row, column = np.ogrid[: labels.shape[0], : labels.shape[1]]
    labels[(column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2 <= radius**2] = label


def maps_of(
    labels: NDArray[np.int32],
    centres_px: Sequence[tuple[float, float]],
    classes: Sequence[int] | None = None,
) -> NDArray[np.float32]:
    """Maps (9, h, w) of nuclei 1..n with centres (x, y), which need not lie in the middle."""
    height, width = labels.shape
    maps = np.zeros((5 + CLASSES, height, width), np.float32)
    inside = labels > 0
    maps[0] = np.where(inside, SURE, -SURE)
    maps[1] = -SURE
    row, column = np.mgrid[:height, :width]
    for number, (x, y) in enumerate(centres_px, start=1):
        distance = (column - int(x)) ** 2 + (row - int(y)) ** 2
        peak = np.exp(-distance / 8.0).clip(1e-3, 0.98)
        maps[1] = np.maximum(maps[1], np.log(peak / (1 - peak)))
        mine = labels == number
        maps[2][mine] = (x - column[mine] - 0.5) / OFFSET_PX
        maps[3][mine] = (y - row[mine] - 0.5) / OFFSET_PX
        maps[4][mine] = SURE if number % 2 else -SURE
        if classes is not None:
            maps[5 + classes[number - 1]][mine] = SURE
    return maps
