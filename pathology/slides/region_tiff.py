"""A rectangle of a slide as a pyramidal TIFF: its pixels as they are, its scale, and its place.

Pixels are packed without loss (deflate): what is sent for an opinion is what the scanner's file
holds, and nothing of the file itself. Place and scale stand in the baseline tags: resolution in px
per cm, position of the upper left corner in cm from the slide's.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import tifffile
from numpy.typing import NDArray

from pathology.records.geometry import Box
from pathology.records.slide import LostTile, Slide
from pathology.slides.tile_pass import WHITE

TILE_PX: Final = 512
GRID_PX0: Final = 64
"""Corners lie on this grid, so that every stored level begins at a whole pixel of it."""
COARSEST: Final = 64
X_POSITION, Y_POSITION, RATIONAL = 286, 287, 5
UM_PER_CM: Final = 10_000
LARGEST_PART: Final = 2**31


def on_grid(box_px0: Box, slide: Slide) -> Box:
    """The rectangle grown to ``GRID_PX0`` and cut at the slide's edge.

    Raises
    ------
    ValueError
        It lies beside the slide.
    """
    left, top = (side // GRID_PX0 * GRID_PX0 for side in (box_px0.x, box_px0.y))
    right = -(-box_px0.right // GRID_PX0) * GRID_PX0
    bottom = -(-box_px0.bottom // GRID_PX0) * GRID_PX0
    facts = slide.info.facts
    whole = Box(0, 0, facts.width_px0, facts.height_px0)
    inside = Box(left, top, right - left, bottom - top).overlap(whole)
    if inside is None:
        raise ValueError("a region that lies beside the slide")
    return inside


def write_region(slide: Slide, box_px0: Box, path: Path) -> int:
    """Write ``box_px0``, which is ``on_grid``; the number of its stored tiles that were lost.

    Lost tiles are white. Memory: one row of tiles.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    mpp, lost, downsample = slide.info.mpp, 0, 1
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        while True:
            level = _reduced(box_px0, downsample)
            rows = _Tiles(slide, level, downsample)
            tiff.write(
                iter(rows),
                shape=(level.height, level.width, 3),
                dtype=np.uint8,
                tile=(TILE_PX, TILE_PX),
                photometric="rgb",
                compression="zlib",
                predictor=True,
                subfiletype=0 if downsample == 1 else 1,
                resolution=(UM_PER_CM / (mpp * downsample),) * 2,
                resolutionunit="CENTIMETER",
                extratags=_position(box_px0, mpp),
                metadata=None,
                software=False,
            )
            lost = max(lost, rows.lost)
            if max(level.width, level.height) <= TILE_PX or downsample >= COARSEST:
                return lost
            downsample *= 2


class _Tiles:
    """The tiles of a level, row by row; pixels past the region are white, never its neighbours."""

    def __init__(self, slide: Slide, level: Box, downsample: int) -> None:
        self._slide, self._level, self._downsample = slide, level, downsample
        self.lost = 0

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        level = self._level
        boxes = [
            Box(x, y, min(TILE_PX, level.right - x), min(TILE_PX, level.bottom - y))
            for y in range(level.y, level.bottom, TILE_PX)
            for x in range(level.x, level.right, TILE_PX)
        ]
        lost: set[LostTile] = set()
        for region in self._slide.sweep(boxes, downsample=float(self._downsample)):
            lost.update(region.lost)
            tile = np.full((TILE_PX, TILE_PX, 3), WHITE, np.uint8)
            tile[: region.box.height, : region.box.width] = region.pixels
            yield tile
        self.lost = len(lost)


def _reduced(box_px0: Box, downsample: int) -> Box:
    """The box on the grid of a level; a last pixel that is only partly in it counts."""
    return Box(
        box_px0.x // downsample,
        box_px0.y // downsample,
        -(-box_px0.width // downsample),
        -(-box_px0.height // downsample),
    )


def _position(box_px0: Box, mpp: float) -> list[tuple[int, int, int, tuple[int, int], bool]]:
    sides = ((X_POSITION, box_px0.x), (Y_POSITION, box_px0.y))
    return [(tag, RATIONAL, 1, _rational(side * mpp / UM_PER_CM), False) for tag, side in sides]


def _rational(value: float) -> tuple[int, int]:
    near = Fraction(value).limit_denominator(LARGEST_PART)
    while near.numerator >= LARGEST_PART * 2 or near.denominator >= LARGEST_PART * 2:
        near = near.limit_denominator(near.denominator // 2)
    return near.numerator, near.denominator
