"""Regions of a slide with a name and an id, as polygons in level-0 pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

RegionKind = Literal[
    "tissue",
    "tumour",
    "stroma",
    "front",
    "margin",
    "field",
    "hotspot",
    "out_of_focus",
    "pen",
    "bubble",
    "fold",
    "control_tissue",
    "unreadable",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ring:
    """A closed line, (n, 2) float64 x, y in level-0 px; the last point is not repeated."""

    points_px0: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Polygon:
    """An outer ring and its holes."""

    outer: Ring
    holes: tuple[Ring, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SlideRegion:
    """One region: one or more polygons that belong together."""

    region_id: str
    kind: RegionKind
    polygons: tuple[Polygon, ...]
    area_mm2: float
    source: Literal["automatic", "person"] = "automatic"
