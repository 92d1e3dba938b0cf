"""Outlines of nuclei as rings of few points, all nuclei at once.

Around the centre of a nucleus lie ``sectors`` equal sectors; in each, the pixel furthest from the
centre gives a point. The ring is star-shaped, so it never crosses itself, and is scaled to the
area of its pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pathology.predictions.measure import NucleusPixels, Shapes

SECTORS = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rings:
    """Ring i is ``points_px[start[i]:start[i + 1]]``, (m, 2) x, y; the last is not repeated."""

    points_px: NDArray[np.float64]
    start: NDArray[np.int64]


def rings_of(pixels: NucleusPixels, shapes: Shapes) -> Rings:
    """One ring of 3 to ``SECTORS`` points around each nucleus, in order of angle.

    Nuclei need pixels in three sectors, that is, more than a line of pixels.
    """
    x, y = shapes.centre_px[pixels.nucleus].T
    dx, dy = pixels.column + 0.5 - x, pixels.row + 0.5 - y
    sector = np.minimum(
        ((np.arctan2(dy, dx) + np.pi) / (2 * np.pi) * SECTORS).astype(int), SECTORS - 1
    )
    cell = pixels.nucleus * SECTORS + sector
    distance = np.hypot(dx, dy)
    furthest = np.zeros(pixels.count * SECTORS)
    np.maximum.at(furthest, cell, distance)
    ends = np.flatnonzero(distance == furthest[cell])
    end = np.full(len(furthest), -1, np.int64)
    end[cell[ends]] = ends  # of equally far pixels the last one counts
    last = end[end >= 0]
    nucleus = pixels.nucleus[last]
    points = np.stack([dx[last], dy[last]], axis=1)
    start = np.concatenate([[0], np.cumsum(np.bincount(nucleus, minlength=pixels.count))])
    grown = points * _scale(points, nucleus, start, shapes.area_px)[nucleus, None]
    return Rings(points_px=grown + shapes.centre_px[nucleus], start=start.astype(np.int64))


def _scale(
    points: NDArray[np.float64],
    nucleus: NDArray[np.int64],
    start: NDArray[np.int64],
    area_px: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Factor (n,) that gives each ring the area of its pixels (shoelace formula)."""
    following = np.arange(1, len(points) + 1)
    has_points = np.diff(start) > 0
    following[start[1:][has_points] - 1] = start[:-1][has_points]
    ahead = points[following]
    cross = points[:, 0] * ahead[:, 1] - points[:, 1] * ahead[:, 0]
    ring_area = np.abs(np.bincount(nucleus, cross, minlength=len(area_px))) / 2
    # Pixel centres enclose less than the pixels; a ring that is nearly a line is left as it is.
    return np.sqrt(np.clip(area_px / np.maximum(ring_area, 1e-6), 1.0, 4.0))
