"""Our polygons as shapely's, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from pathology.records.region import Polygon, Ring

Shape: TypeAlias = Any
"""A geometry of shapely, which ships no types."""


def shapes_of(polygons: Sequence[Polygon]) -> NDArray[np.object_]:
    """One shapely polygon each, (n,) objects, in level-0 px."""
    return np.array(
        [shapely.Polygon(p.outer.points_px0, [h.points_px0 for h in p.holes]) for p in polygons],
        dtype=object,
    )


def polygons_of_shape(shape: Shape) -> tuple[Polygon, ...]:
    """The polygons of any shapely geometry; points, lines and empty parts are left out."""
    parts = shapely.get_parts(shapely.get_parts(np.atleast_1d(shape)))
    return tuple(_polygon(p) for p in parts if p.geom_type == "Polygon" and not p.is_empty)


def _polygon(shape: Shape) -> Polygon:
    return Polygon(outer=_ring(shape.exterior), holes=tuple(_ring(r) for r in shape.interiors))


def _ring(line: Shape) -> Ring:
    return Ring(points_px0=np.asarray(shapely.get_coordinates(line)[:-1], dtype=np.float64))


def closed(ring: Ring) -> NDArray[np.float64]:
    """Points (n + 1, 2) with the first repeated at the end, as other programs want them."""
    return np.concatenate([ring.points_px0, ring.points_px0[:1]])


def area_px0(polygons: Sequence[Polygon]) -> float:
    """Area of disjoint polygons, level-0 px squared, holes taken off."""
    return float(shapely.area(shapes_of(polygons)).sum()) if polygons else 0.0


def united(polygons: Sequence[Polygon]) -> tuple[Polygon, ...]:
    """The same area as disjoint polygons: what was drawn twice counts once."""
    return polygons_of_shape(shapely.union_all(shapes_of(polygons)))
