"""Masks to polygons and back, exactly: the polygons run along the pixels' edges.

A polygon is made of pixels that share edges (4-connected), so two pixels that touch at a corner
become two polygons that touch at that corner. All polygons are valid and disjoint, their areas add
up to that of the mask, and painting them again gives the mask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from pathology.exchange.shapes import polygons_of_shape, shapes_of
from pathology.records.geometry import grid_to_px0
from pathology.records.region import Polygon, Ring


def polygons_of(
    mask: NDArray[np.bool_], downsample: float, *, tolerance_px0: float = 0.0
) -> tuple[Polygon, ...]:
    """Outlines of the true pixels of ``mask`` (rows, columns), in level-0 px, holes included.

    Outer rings run clockwise as seen on the screen (y down), holes the other way. With
    ``tolerance_px0`` the outlines are smoothed (Visvalingam and Whyatt 1993, on all outlines at
    once, so that they stay valid and disjoint); areas are then only nearly those of the mask.
    Time and memory grow with the number of corners.
    """
    rings = _rings(_corners(np.asarray(mask, dtype=bool)))
    polygons = tuple(
        Polygon(
            outer=Ring(points_px0=grid_to_px0(outer, downsample)),
            holes=tuple(Ring(points_px0=grid_to_px0(h, downsample)) for h in holes),
        )
        for outer, holes in _grouped(rings)
    )
    return _smoothed(polygons, tolerance_px0) if polygons and tolerance_px0 > 0 else polygons


def _smoothed(polygons: tuple[Polygon, ...], tolerance_px0: float) -> tuple[Polygon, ...]:
    return polygons_of_shape(shapely.coverage_simplify(shapes_of(polygons), tolerance_px0))


@dataclass(frozen=True, slots=True, eq=False)
class _Corners:
    """Where outlines turn, in the order of rows, then columns; all arrays are (n,).

    A vertex where two pixels touch only diagonally is two corners: one with the horizontal edge to
    its left, then one with that to its right. So corners 2i and 2i + 1 bound a horizontal edge.
    """

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    down: NDArray[np.bool_]  # the vertical edge leads down (else up)
    below: NDArray[np.bool_]  # the pixel below and to the right is true
    component: NDArray[np.int32]  # label of the pixels whose outline this is


def _corners(mask: NDArray[np.bool_]) -> _Corners:
    labels = np.pad(ndimage.label(mask)[0], 1)
    nw, ne, sw, se = labels[:-1, :-1], labels[:-1, 1:], labels[1:, :-1], labels[1:, 1:]
    west, east = (nw > 0) != (sw > 0), (ne > 0) != (se > 0)  # is there a horizontal edge?
    north, south = (nw > 0) != (ne > 0), (sw > 0) != (se > 0)
    diagonal = west & east & north & south
    row, column = np.nonzero(((west != east) & (north != south)) | diagonal)
    at = np.repeat(np.arange(len(row)), np.where(diagonal[row, column], 2, 1))
    second = np.zeros(len(at), bool)
    second[1:] = at[1:] == at[:-1]
    row, column = row[at], column[at]
    nw, ne, sw, se = (quarter[row, column] for quarter in (nw, ne, sw, se))
    twice = diagonal[row, column]
    # Two components: each outline hugs its own pixel. One component, closed in a circle by this
    # very corner: the outlines cross over, or one ring would touch itself.
    falling = nw > 0  # the diagonal runs from north-west to south-east
    crossing = np.where(falling, nw == se, ne == sw)
    own = np.where(second, np.maximum(ne, se), np.maximum(nw, sw))
    return _Corners(
        row=row,
        column=column,
        down=np.where(twice, (falling == second) ^ crossing, south[row, column]),
        below=se > 0,
        component=np.where(twice, own, np.maximum(np.maximum(nw, ne), np.maximum(sw, se))),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Rings:
    """Closed outlines on the grid: ring i is ``points[start[i]:start[i + 1]]``."""

    points: NDArray[np.float64]  # (m, 2) x, y
    start: NDArray[np.int64]  # (n + 1,)
    component: NDArray[np.int32]  # (n,)
    is_hole: NDArray[np.bool_]  # (n,)


def _rings(corners: _Corners) -> _Rings:
    """Corners joined to rings, with the pixels on the right hand of who walks along."""
    count = len(corners.row)
    across = np.empty(count, np.int64)  # the other end of the vertical edge
    order = np.lexsort((corners.down, corners.row, corners.column))
    across[order[0::2]], across[order[1::2]] = order[1::2], order[0::2]
    left, right = np.arange(0, count, 2), np.arange(1, count, 2)
    below = corners.below[left]
    begin, end = np.where(below, left, right), np.where(below, right, left)
    # Both ends of an edge give its number as half; so edges follow edges.
    path, start = _cycles((across[end] // 2).tolist())
    walked = np.stack([begin[path], end[path]], axis=1).ravel()
    points = np.stack([corners.column[walked], corners.row[walked]], axis=1).astype(np.float64)
    component = corners.component[begin[path[start[:-1]]]]
    return _Rings(points, 2 * start, component, _signed_areas(points, 2 * start) < 0)


def _cycles(following: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Members of all cycles of a permutation one after the other, and where each begins (n + 1)."""
    path: list[int] = []
    start: list[int] = []
    seen = bytearray(len(following))
    for first in range(len(following)):
        if seen[first]:
            continue
        start.append(len(path))
        here = first
        while not seen[here]:
            seen[here] = 1
            path.append(here)
            here = following[here]
    return np.array(path, np.int64), np.array([*start, len(path)], np.int64)


def _signed_areas(points: NDArray[np.float64], start: NDArray[np.int64]) -> NDArray[np.float64]:
    """Twice the area of each ring, positive when clockwise on the screen."""
    if not len(points):
        return np.empty(0)
    (x, y), following = points.T, _following(start)
    return np.add.reduceat(x * y[following] - x[following] * y, start[:-1])


def _following(start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Index of the next point on its ring, for every point; ring i begins at ``start[i]``."""
    following = np.arange(1, start[-1] + 1)
    following[start[1:] - 1] = start[:-1]
    return following


def _grouped(
    rings: _Rings,
) -> list[tuple[NDArray[np.float64], list[NDArray[np.float64]]]]:
    """Outer ring and holes of each component."""
    outer: dict[int, NDArray[np.float64]] = {}
    holes: dict[int, list[NDArray[np.float64]]] = {}
    starts, components = rings.start.tolist(), rings.component.tolist()
    for i, is_hole in enumerate(rings.is_hole.tolist()):
        points = rings.points[starts[i] : starts[i + 1]]
        if is_hole:
            holes.setdefault(components[i], []).append(points)
        else:
            outer[components[i]] = points
    return [(ring, holes.get(component, [])) for component, ring in outer.items()]


def rasterise(
    polygons: Sequence[Polygon], shape: tuple[int, int], downsample: float
) -> NDArray[np.bool_]:
    """Grid pixels (rows, columns) whose centre lies in any of the polygons.

    A centre on an outline belongs to the area right of or below it. Polygons are valid (holes
    inside their outer ring) and may overlap one another. Memory: four bytes a pixel.
    """
    rows, columns = shape
    turns = np.zeros((rows, columns + 1), np.int32)
    rings = [(r, h) for p in polygons for r, h in _with_role(p) if len(r.points_px0)]
    if rings:
        points = np.concatenate([r.points_px0 for r, _ in rings]) / downsample - 0.5
        lengths = np.array([len(r.points_px0) for r, _ in rings])
        start = np.concatenate([[0], np.cumsum(lengths)])
        # Inside counts 1 for whichever way a ring was drawn; overlapping areas add up.
        clockwise = _signed_areas(points, start) > 0
        sign = np.where(clockwise != np.array([h for _, h in rings]), 1, -1)
        _add_crossings(turns, points, points[_following(start)], np.repeat(sign, lengths))
    return np.asarray(np.cumsum(turns[:, :-1], axis=1, dtype=np.int32) > 0)


def _with_role(polygon: Polygon) -> list[tuple[Ring, bool]]:
    return [(polygon.outer, False), *((hole, True) for hole in polygon.holes)]


def _add_crossings(
    turns: NDArray[np.int32],
    begin: NDArray[np.float64],
    end: NDArray[np.float64],
    sign: NDArray[np.int64],
) -> None:
    """Where edges from ``begin`` to ``end`` (n, 2) cross the rows of pixel centres.

    Centres are at whole numbers. An edge that rises on the screen adds its ``sign`` (n,), as does
    the left side of a clockwise ring, where one enters; one that falls takes it away.
    """
    (x0, y0), (x1, y1) = begin.T, end.T
    first = np.clip(np.ceil(np.minimum(y0, y1)), 0, len(turns)).astype(np.int64)
    last = np.clip(np.ceil(np.maximum(y0, y1)), 0, len(turns)).astype(np.int64)
    crossed = last - first
    edge = np.repeat(np.arange(len(begin)), crossed)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(crossed) - crossed, crossed) + first[edge]
    slope = (x1[edge] - x0[edge]) / (y1[edge] - y0[edge])
    x = x0[edge] + (row - y0[edge]) * slope
    column = np.clip(np.ceil(x), 0, turns.shape[1] - 1).astype(np.int64)
    np.add.at(turns, (row, column), np.where(y1 < y0, sign, -sign)[edge])


def inside(polygons: Sequence[Polygon], points_px0: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the points (n, 2), x and y in level-0 px, lie in any of the polygons; (n,) bool.

    A point on an outline is not inside.
    """
    found = np.zeros(len(points_px0), bool)
    if not len(points_px0):
        return found
    (left, top), (right, bottom) = points_px0.min(axis=0), points_px0.max(axis=0)
    area = shapely.box(left, top, right, bottom)
    for shape in shapes_of(polygons):
        if not shapely.intersects(shape.envelope, area):
            continue
        shapely.prepare(shape)
        found |= shapely.contains_xy(shape, points_px0[:, 0], points_px0[:, 1])
    return found
