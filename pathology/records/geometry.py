"""Places and lengths on a slide. The only module that multiplies by a scale.

Three frames exist and every name says which:

* *level-0 pixels* (``_px0``): the grid of the scan; everything stored is in this frame;
* *grid pixels* (``_px``): the scan reduced by a ``downsample``; grid pixel (column, row) covers the
  level-0 square from ``(column * downsample, row * downsample)``, ``downsample`` wide;
* *micrometres* (``_um``), *square millimetres* (``_mm2``): the tissue; what people are told.

Points are (x, y); arrays are [row, column]. ``Box.slices`` is the one bridge between the orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType

import numpy as np
from numpy.typing import NDArray

Mpp = NewType("Mpp", float)
"""Micrometres per pixel, the same in x and y (a scan with unlike axes is refused on opening)."""


def um_to_px(length_um: float, mpp: float) -> float:
    """Length on tissue to pixels of the grid whose scale is ``mpp``; not rounded."""
    return length_um / mpp


def px_to_um(length_px: float, mpp: float) -> float:
    """Pixels of the grid whose scale is ``mpp`` to micrometres."""
    return length_px * mpp


def px_area_to_um2(area_px: float, mpp: float) -> float:
    """Area in pixels of the grid whose scale is ``mpp`` to square micrometres."""
    return area_px * mpp**2


def px_area_to_mm2(area_px: float, mpp: float) -> float:
    """Area in pixels of the grid whose scale is ``mpp`` to square millimetres."""
    return area_px * mpp**2 / 1e6


def mm2_to_px_area(area_mm2: float, mpp: float) -> float:
    """Area on tissue to pixels of the grid whose scale is ``mpp``; not rounded."""
    return area_mm2 * 1e6 / mpp**2


def grid_to_px0(points_px: NDArray[np.floating], downsample: float) -> NDArray[np.float64]:
    """Points (n, 2) of a grid, measured from its corner (0, 0), to level-0 px.

    The centre of grid pixel (column, row) is the point (column + 0.5, row + 0.5).
    """
    return np.asarray(points_px, dtype=np.float64) * downsample


@dataclass(frozen=True, slots=True)
class Box:
    """A half-open rectangle: ``x <= column < x + width``, in the frame its holder names."""

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width <= 0 or self.height <= 0:
            raise ValueError(f"a box needs an inside, got {self.width} x {self.height}")

    @property
    def slices(self) -> tuple[slice, slice]:
        """(rows, columns), ready to index an array of the same frame."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)

    @property
    def right(self) -> int:
        """First column past the box."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row past the box."""
        return self.y + self.height

    def grown(self, margin: int) -> Box:
        """The box with ``margin`` pixels more on every side; may leave the slide."""
        return Box(
            self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin
        )

    def overlap(self, other: Box) -> Box | None:
        """What two boxes share, or None."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        width = min(self.right, other.right) - x
        height = min(self.bottom, other.bottom) - y
        return Box(x, y, width, height) if width > 0 and height > 0 else None


def bounding_box(boxes: Sequence[Box]) -> Box:
    """The smallest box around all of ``boxes``; raises ValueError for none."""
    if not boxes:
        raise ValueError("no boxes to bound")
    x, y = min(b.x for b in boxes), min(b.y for b in boxes)
    return Box(x, y, max(b.right for b in boxes) - x, max(b.bottom for b in boxes) - y)
