"""Tiles for people to look at: a slide at halves of its size, each tile as a JPEG.

View level ``k`` shows the slide reduced by ``2**k``. Where the file holds JPEG tiles at that very
reduction they are given on as they are: no second compression stands between the scanner and the
eye. Elsewhere pixels are read and encoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from pathology.records.geometry import Box
from pathology.records.slide import Slide
from pathology.slides.tile_codec import encoded_jpeg
from pathology.slides.tiled_slide import TiledSlide

SMALLEST_TILE_PX: Final = 200
LARGEST_TILE_PX: Final = 1024
"""Sides of stored tiles that are given on; smaller ones would be thousands of requests a screen,
larger ones are slow to appear. Engineering choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewLevel:
    """One reduction of the slide, cut into tiles; lengths in px of this level."""

    downsample: int  # level-0 px per px, a power of two
    width: int  # a last column that is only partly on the slide counts
    height: int
    tile_width: int
    tile_height: int
    stored: int | None = None  # the stored level whose JPEG tiles these are

    @property
    def columns(self) -> int:
        """Columns of tiles."""
        return -(-self.width // self.tile_width)

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return -(-self.height // self.tile_height)

    def box(self, column: int, row: int) -> Box:
        """What a tile shows, cut at the slide's edge.

        Raises
        ------
        ValueError
            There is no such tile.
        """
        if not (0 <= column < self.columns and 0 <= row < self.rows):
            raise ValueError(f"no tile ({column}, {row}) among {self.columns} x {self.rows}")
        x, y = column * self.tile_width, row * self.tile_height
        width, height = min(self.tile_width, self.width - x), min(self.tile_height, self.height - y)
        return Box(x, y, width, height)


def view_levels(slide: Slide, tile_px: int) -> tuple[ViewLevel, ...]:
    """Reductions 1, 2, 4 ... of a slide, down to the first that fits in one tile of ``tile_px``."""
    facts = slide.info.facts
    found: list[ViewLevel] = []
    downsample = 1
    while True:
        stored = _stored(slide, downsample)
        level = None if stored is None else facts.levels[stored]
        found.append(
            ViewLevel(
                downsample=downsample,
                width=ceil(facts.width_px0 / downsample),
                height=ceil(facts.height_px0 / downsample),
                tile_width=tile_px if level is None else level.tile_width,
                tile_height=tile_px if level is None else level.tile_height,
                stored=stored,
            )
        )
        if max(found[-1].width, found[-1].height) <= tile_px:
            return tuple(found)
        downsample *= 2


def _stored(slide: Slide, downsample: int) -> int | None:
    """The stored level of JPEG tiles at this very reduction, if any of a fit size is there."""
    if not isinstance(slide, TiledSlide):
        return None
    for number, level in enumerate(slide.info.facts.levels):
        sides = (level.tile_width, level.tile_height)
        if level.downsample == downsample and slide.holds_jpeg(number):
            fit = min(sides) >= SMALLEST_TILE_PX and max(sides) <= LARGEST_TILE_PX
            return number if fit else None
    return None


def view_tile(slide: Slide, level: ViewLevel, column: int, row: int, *, quality: int) -> bytes:
    """A tile as JPEG. Damaged parts are white, the colour of an empty slide.

    Raises
    ------
    ValueError
        There is no such tile.
    """
    box = level.box(column, row)
    if level.stored is not None and isinstance(slide, TiledSlide):
        jpeg = slide.stored_jpeg(level.stored, column, row)
        if jpeg is not None:
            return jpeg
    return encoded_jpeg(slide.read(box, downsample=float(level.downsample)).pixels, quality)
