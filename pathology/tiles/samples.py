"""A few places, spread over the scored tissue, to learn the slide's stains from."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pathology.records.geometry import Box, Mpp, um_to_px
from pathology.records.settings.tiles import TilesSettings
from pathology.records.tile import Survey
from pathology.tiles.plan import cover_fraction


def choose_samples(
    survey: Survey, downsample: float, mpp: Mpp, settings: TilesSettings
) -> tuple[Box, ...]:
    """Boxes on the grid of ``downsample``, scale ``mpp``, in the order of the file.

    Full boxes first: those of which at least ``samples.least_cover`` is scored tissue; where no
    box is that full (thin biopsies), the fullest ones. Among them each next box is the one
    farthest from those already chosen, so that all pieces of tissue have their say. The same
    survey gives the same boxes. Empty where nothing is scored.
    """
    scored, ratio = survey.scored, survey.downsample / downsample
    boxes = _cells(scored.shape, ratio, max(1, round(um_to_px(settings.samples.side_um, mpp))))
    covers = np.array([cover_fraction(scored, box, ratio) for box in boxes])
    enough = min(settings.samples.least_cover, covers.max(initial=0.0) / 2)
    full = np.flatnonzero((covers >= enough) & (covers > 0))
    if not len(full):
        return ()
    centres = np.array([(boxes[i].x + boxes[i].width / 2, boxes[i].y) for i in full])
    chosen = spread(centres, covers[full], settings.samples.count)
    return tuple(boxes[full[i]] for i in sorted(chosen))


def spread(
    points: NDArray[np.float64], weights: NDArray[np.float64], count: int
) -> tuple[int, ...]:
    """Indices of up to ``count`` of ``points`` (n, 2), far from each other.

    Starts at the largest weight, then always takes the point farthest from all taken (Gonzalez,
    Theor Comput Sci 1985); ties go to the earlier point.
    """
    chosen = [int(np.argmax(weights))]
    distance = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < min(count, len(points)):
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return tuple(chosen)


def _cells(shape: tuple[int, ...], ratio: float, side: int) -> list[Box]:
    """A grid of boxes of ``side`` over the whole survey, row by row, cut at its far edges."""
    height, width = (math.ceil(length * ratio) for length in shape)
    return [
        Box(x, y, min(side, width - x), min(side, height - y))
        for y in range(0, height, side)
        for x in range(0, width, side)
    ]
