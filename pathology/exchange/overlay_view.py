"""A window on the slide: where a point of the slide lies on a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pathology.exchange.outlines import rasterise
from pathology.records.region import Polygon, Ring, SlideRegion
from pathology.records.slide import Region

FINE: Final = 2  # everything is drawn this much larger and reduced, for smooth lines


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A window on the slide.

    Canvas px (column, row) shows the level-0 point
    ``(x_px0 + column * downsample, y_px0 + row * downsample)``.
    """

    x_px0: float
    y_px0: float
    downsample: float  # level-0 px per canvas px
    width: int
    height: int

    @classmethod
    def of(cls, region: Region, width: float, height: float) -> View:
        """The whole of ``region``, as large as fits in ``width`` x ``height``."""
        box = region.box
        zoom = min(width / box.width, height / box.height)
        return cls(
            x_px0=box.x * region.downsample,
            y_px0=box.y * region.downsample,
            downsample=region.downsample / zoom,
            width=max(1, round(box.width * zoom)),
            height=max(1, round(box.height * zoom)),
        )

    def finer(self) -> View:
        """The same window on the canvas that is drawn larger."""
        return View(
            x_px0=self.x_px0,
            y_px0=self.y_px0,
            downsample=self.downsample / FINE,
            width=self.width * FINE,
            height=self.height * FINE,
        )

    def points(self, points_px0: NDArray[np.floating]) -> NDArray[np.float64]:
        """Level-0 points (n, 2) on the canvas."""
        shifted = np.asarray(points_px0, np.float64) - (self.x_px0, self.y_px0)
        return np.asarray(shifted / self.downsample)

    def mask(self, polygons: Sequence[Polygon]) -> NDArray[np.bool_]:
        """Canvas pixels (height, width) inside the polygons."""
        moved = [
            Polygon(outer=self._ring(p.outer), holes=tuple(self._ring(h) for h in p.holes))
            for p in polygons
        ]
        return rasterise(moved, (self.height, self.width), 1.0)

    def _ring(self, ring: Ring) -> Ring:
        return Ring(points_px0=self.points(ring.points_px0))


def label_point(region: SlideRegion, view: View) -> tuple[float, float]:
    """Where the name of a region stands: amid its largest polygon, or atop one to look into."""
    largest = max(region.polygons, key=lambda p: float(np.ptp(p.outer.points_px0, axis=0).prod()))
    points = view.points(largest.outer.points_px0)
    if region.source == "person" or region.kind in ("field", "hotspot"):
        x, y = points[points[:, 1].argmin()]
    else:
        x, y = (points.min(axis=0) + points.max(axis=0)) / 2
    return float(x), float(y)
