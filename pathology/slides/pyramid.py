"""Which stored pixels serve a wanted scale. Arithmetic only, no file in sight.

A level can be had at its own size and, where its codec allows (JPEG), at a half, quarter or eighth
of it. Each of these is a ``StoredSize`` with a grid of its own, *source pixels*: the level's pixels
divided by ``reduce``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log2

from pathology.records.geometry import Box
from pathology.slides.tile_index import Reduce

SERVES_WITHIN = 0.005
"""A stored size up to this share coarser than what is wanted still serves it; engineering choice:
levels nominally 4 are 4.002 in some files, and half a percent is far below what blurs a nucleus."""

DRIFT_PX = 0.05
"""A factor counts as whole if its error adds up to less than this over the slide, source px."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSize:
    """One size at which a slide's pixels can be had, cut into tiles. All lengths in source px.

    A last column or row that is only partly on the slide is left out (``width`` rounds down).
    """

    level: int
    reduce: Reduce
    downsample: float  # level-0 px per source px, nominal
    width: int
    height: int
    tile_width: int
    tile_height: int

    @property
    def tile_shape(self) -> tuple[int, int]:
        """(rows, columns) of tiles."""
        return -(-self.height // self.tile_height), -(-self.width // self.tile_width)

    @property
    def box(self) -> Box:
        """All of it."""
        return Box(0, 0, self.width, self.height)

    def tile_box(self, row: int, column: int) -> Box:
        """What a tile shows, cut at the edge of the slide."""
        x, y = column * self.tile_width, row * self.tile_height
        width, height = min(self.tile_width, self.width - x), min(self.tile_height, self.height - y)
        return Box(x, y, width, height)

    def tiles_under(self, box: Box) -> tuple[slice, slice]:
        """(rows, columns) of the tiles that ``box``, which lies inside, touches."""
        rows = slice(box.y // self.tile_height, -(-box.bottom // self.tile_height))
        return rows, slice(box.x // self.tile_width, -(-box.right // self.tile_width))

    def to_px0(self, box: Box) -> Box:
        """The level-0 pixels that ``box`` shows, rounded outwards."""
        x, y = floor(box.x * self.downsample), floor(box.y * self.downsample)
        right, bottom = ceil(box.right * self.downsample), ceil(box.bottom * self.downsample)
        return Box(x, y, right - x, bottom - y)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The grid of a wanted downsample over the stored size that serves it."""

    source: StoredSize
    factor: float  # source px per grid px; 1.0 exactly where pixels are copied

    width: int  # grid px that show any of the slide
    height: int

    def on_slide(self, box: Box) -> Box | None:
        """The grid pixels of ``box`` that show any of the slide, or None."""
        if box.x >= 0 and box.y >= 0 and box.right <= self.width and box.bottom <= self.height:
            return box
        return box.overlap(Box(0, 0, self.width, self.height))

    def source_box(self, box: Box) -> Box:
        """The source pixels under ``box`` (grid px); may reach past the slide by a pixel."""
        if self.factor == 1:
            return box
        x, y = floor(box.x * self.factor), floor(box.y * self.factor)
        right, bottom = ceil(box.right * self.factor), ceil(box.bottom * self.factor)
        return Box(x, y, right - x, bottom - y)

    def pieces(self, box: Box, limit_px: int) -> tuple[Box, ...]:
        """``box`` cut so that no piece needs more than ``limit_px`` source px a side."""
        step = max(1, int(limit_px / self.factor))
        if box.width <= step and box.height <= step:
            return (box,)
        return tuple(
            Box(x, y, min(step, box.right - x), min(step, box.bottom - y))
            for y in range(box.y, box.bottom, step)
            for x in range(box.x, box.right, step)
        )


def grid_of(sizes: Sequence[StoredSize], downsample: float) -> Grid:
    """The grid of ``downsample`` over the coarsest stored size that is not coarser than it.

    Raises
    ------
    ValueError
        ``downsample`` is below 1 or no number: a slide holds nothing finer than its level 0.
    """
    if not isfinite(downsample) or downsample < 1:
        raise ValueError(f"a downsample is 1 or more, got {downsample}")
    fine_enough = [s for s in sizes if s.downsample <= downsample * (1 + SERVES_WITHIN)]
    # Of two equal sizes the coarser level has fewer bytes to read.
    source = max(fine_enough, key=lambda s: (s.downsample, s.level))
    factor = downsample / source.downsample
    whole = max(1, round(factor))
    drift_px = abs(factor - whole) * max(source.width, source.height) / whole
    if drift_px < DRIFT_PX:
        factor = float(whole)
    width, height = ceil(source.width / factor), ceil(source.height / factor)
    return Grid(source=source, factor=factor, width=width, height=height)


def nominal_downsample(level_0: tuple[int, int], level: tuple[int, int]) -> float | None:
    """Level-0 px per level px, from two sizes (width, height); None where they do not match.

    Levels are rounded to whole pixels: 46000 px halved five times are 1437, a ratio of 32.01. The
    power of two, else the whole number, that explains both sizes to a pixel is what was meant.
    """
    ratios = level_0[0] / level[0], level_0[1] / level[1]
    ratio = ratios[0] if level[0] >= level[1] else ratios[1]  # the longer side rounds less
    for guess in (2 ** round(log2(ratio)), round(ratio)):
        if guess >= 1 and all(
            abs(whole / guess - part) <= 1 for whole, part in zip(level_0, level, strict=True)
        ):
            return float(guess)
    fits = all(abs(w / ratio - p) <= 1 for w, p in zip(level_0, level, strict=True))
    return ratio if fits and ratio >= 1 else None
