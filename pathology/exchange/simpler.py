"""Outlines with fewer corners, for a person to move them one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import shapely

from pathology.exchange.shapes import polygons_of_shape, shapes_of
from pathology.records.region import Polygon

FINEST_PX0: Final = 1.0


def simpler(polygons: Sequence[Polygon], most_corners: int) -> tuple[Polygon, ...]:
    """The same areas with at most ``most_corners`` corners in all, as fine as that allows.

    Disjoint areas stay disjoint. Where islands alone have more corners than that, the smallest are
    left out.
    """
    tolerance, shape = FINEST_PX0, shapely.union_all(shapes_of(polygons))
    found = shape
    while shapely.get_num_coordinates(found) > most_corners and tolerance < 4096:
        found = shapely.make_valid(shapely.simplify(shape, tolerance, preserve_topology=True))
        tolerance *= 2
    parts = sorted(polygons_of_shape(found), key=lambda p: -float(shapely.area(shapes_of([p]))[0]))
    kept, corners = [], 0
    for part in parts:
        corners += sum(len(r.points_px0) + 1 for r in (part.outer, *part.holes))
        if corners > most_corners:
            break
        kept.append(part)
    return tuple(kept)
