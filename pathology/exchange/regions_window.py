"""Regions of a result for a page: those of a part of the slide, as coarse as the eye allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from pathology.exchange.packed import packed
from pathology.exchange.shapes import Shape, shapes_of
from pathology.records.geometry import Box
from pathology.records.region import SlideRegion

LEFT_OUT_PX: Final = 0.25
"""Corners that stand out by less than this share of a screen pixel are not sent."""
AREA, LINE = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegionsWindow:
    """Parts of regions by place. Safe to share between threads."""

    regions: tuple[SlideRegion, ...]
    parts: NDArray[np.object_]  # (p,) polygons and lines
    region_of: NDArray[np.int64]  # (p,) place in ``regions``
    tree: Shape

    def seen(self, box: Box, screen_px0: float, most_corners: int) -> bytes:
        """What of all regions lies in ``box``, a ``packed`` message of rings and lines.

        ``screen_px0`` is the width of a screen pixel. points (f4, x and y from ``origin``), start
        (u4, n + 1), region (u2, place among the regions), form (u1, 0 an area to fill, 1 a line to
        draw). Areas are cut at the box; their outlines come as lines, so that the cut is not drawn.
        With more than ``most_corners`` the outlines are smoothed further.
        """
        near = np.sort(self.tree.query(shapely.box(box.x, box.y, box.right, box.bottom)))
        areas, lines = _cut(self.parts[near], box)
        tolerance = screen_px0 * LEFT_OUT_PX
        while True:
            shapes = [shapely.simplify(s, tolerance, preserve_topology=False) for s in areas]
            edges = [shapely.simplify(s, tolerance, preserve_topology=False) for s in lines]
            corners = int(shapely.get_num_coordinates([*shapes, *edges]).sum())
            if corners <= most_corners:
                break
            tolerance = max(2 * tolerance, 1.0)
        paths = [
            (int(self.region_of[n]), form, ring)
            for form, found in ((AREA, shapes), (LINE, edges))
            for n, shape in zip(near, found, strict=True)
            for ring in _rings(shape)
        ]
        return _message(paths, box, tolerance)


def regions_window(regions: Sequence[SlideRegion]) -> RegionsWindow:
    """Regions by place."""
    parts: list[Shape] = []
    region_of: list[int] = []
    for number, region in enumerate(regions):
        shapes = [*shapes_of(region.polygons)] + [
            shapely.LineString(line.points_px0) for line in region.lines if len(line.points_px0) > 1
        ]
        parts += shapes
        region_of += [number] * len(shapes)
    array = np.array(parts, dtype=object)
    shapely.prepare(array)
    return RegionsWindow(
        regions=tuple(regions),
        parts=array,
        region_of=np.array(region_of, np.int64),
        tree=shapely.STRtree(array),
    )


def _cut(parts: NDArray[np.object_], box: Box) -> tuple[list[Shape], list[Shape]]:
    """Areas of parts in ``box``, and their outlines there; a line has no area."""
    bounds = (box.x, box.y, box.right, box.bottom)
    inside = shapely.contains_properly(shapely.box(*bounds), parts)
    areas, lines = [], []
    for part, whole in zip(parts.tolist(), inside.tolist(), strict=True):
        is_area = part.geom_type == "Polygon"
        edge = shapely.boundary(part) if is_area else part
        areas.append(
            shapely.GeometryCollection()
            if not is_area
            else part
            if whole
            else shapely.clip_by_rect(part, *bounds)
        )
        lines.append(edge if whole else shapely.clip_by_rect(edge, *bounds))
    return areas, lines


def _rings(shape: Shape) -> list[NDArray[np.float64]]:
    """Rings and lines of a geometry, (n, 2) each."""
    found = []
    for part in shapely.get_parts(shapely.get_parts(shape)):
        rings = shapely.get_rings(part) if part.geom_type == "Polygon" else [part]
        found += [shapely.get_coordinates(r) for r in rings if r.geom_type != "Point"]
    return [ring for ring in found if len(ring) > 1]


def _message(
    paths: Sequence[tuple[int, int, NDArray[np.float64]]], box: Box, tolerance_px0: float
) -> bytes:
    points = np.concatenate([p for _, _, p in paths]) if paths else np.empty((0, 2))
    start = np.concatenate([[0], np.cumsum([len(p) for _, _, p in paths])])
    return packed(
        {"origin": [box.x, box.y], "tolerance_px0": tolerance_px0},
        points=(points - (box.x, box.y)).astype(np.float32),
        start=start.astype(np.uint32),
        region=np.array([n for n, _, _ in paths], np.uint16),
        form=np.array([f for _, f, _ in paths], np.uint8),
    )
