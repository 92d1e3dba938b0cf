"""A slide whose pixels come in tiles: regions at any scale, each tile decoded once a pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from pathology.records.geometry import Box
from pathology.records.slide import LostTile, Region, SlideInfo
from pathology.slides.area_mean import area_mean
from pathology.slides.pyramid import Grid, StoredSize, grid_of
from pathology.slides.tile_codec import reductions
from pathology.slides.tile_index import TileIndex
from pathology.slides.tile_pass import WHITE, Fetch, Place, TilePass
from pathology.slides.tile_reader import TileReader

PIECE_PX: Final = 4096
"""Longest side, source px, that is held at once (48 MiB): a slide stored without a pyramid is asked
for its overview too, and does not fit in memory."""


class PyramidSlide:
    """A ``Slide`` over any source of tiles.

    ``sizes`` are the stored sizes, one of them of downsample 1; ``fetch`` gives their tiles and
    ``let_go`` closes the files. Not safe to share between threads.
    """

    def __init__(
        self,
        info: SlideInfo,
        sizes: Sequence[StoredSize],
        fetch: Fetch,
        let_go: Callable[[], None],
    ) -> None:
        self._info, self._sizes, self._fetch, self._let_go = info, tuple(sizes), fetch, let_go
        self._closed = False

    @property
    def info(self) -> SlideInfo:
        """Facts and scale."""
        return self._info

    def read(self, box: Box, *, downsample: float = 1.0) -> Region:
        """Pixels of ``box``, a rectangle on the grid of ``downsample``; see ``records.slide``."""
        return next(self.sweep([box], downsample=downsample))

    def sweep(self, boxes: Sequence[Box], *, downsample: float) -> Iterator[Region]:
        """The regions of ``boxes`` in their order; each stored tile is decoded exactly once.

        Raises
        ------
        ValueError
            The slide is closed, or ``downsample`` is below 1.
        """
        if self._closed:
            raise ValueError("the slide is closed")
        return self._regions(tuple(boxes), downsample, grid_of(self._sizes, downsample))

    def _regions(self, boxes: Sequence[Box], downsample: float, grid: Grid) -> Iterator[Region]:
        needed = (grid.source_box(piece) for box in boxes for piece in _pieces(grid, box))
        tiles = TilePass(grid.source, needed, self._fetch)
        for box in boxes:
            if self._closed:
                raise ValueError("the slide was closed during a sweep")
            yield _region(box, downsample, grid, tiles)

    def close(self) -> None:
        """Let go of the file; reading afterwards is an error."""
        if not self._closed:
            self._closed = True
            self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class TiledSlide(PyramidSlide):
    """A ``Slide`` over tile indexes, level 0 first; opens each of their files once."""

    def __init__(self, info: SlideInfo, levels: Sequence[TileIndex]) -> None:
        reader = TileReader(levels)
        self._levels, self._reader = tuple(levels), reader
        super().__init__(info, stored_sizes(levels), reader.fetch, reader.close)

    def holds_jpeg(self, level: int) -> bool:
        """Whether tiles of a level are JPEGs that can be given on as they are."""
        return self._levels[level].codec == "jpeg"

    def stored_jpeg(self, level: int, column: int, row: int) -> bytes | None:
        """A stored tile as a JPEG of its own, pixel for pixel what the scanner wrote.

        None where it reaches past the slide (its rest is padding), was never scanned, is damaged,
        or is no JPEG: then ``read`` says what is to be seen there.
        """
        index = self._levels[level]
        if not (0 <= row < index.rows and 0 <= column < index.columns):
            return None
        box = index.tile_box(row, column)
        if (box.width, box.height) != (index.tile_width, index.tile_height):
            return None
        return self._reader.stored_jpeg(level, Place(row, column))


def stored_sizes(levels: Sequence[TileIndex]) -> tuple[StoredSize, ...]:
    """Every size at which the levels can be had; a size without a pixel is none."""
    return tuple(
        StoredSize(
            level=number,
            reduce=reduce,
            downsample=level.downsample * reduce,
            width=level.width // reduce,
            height=level.height // reduce,
            tile_width=level.tile_width // reduce,
            tile_height=level.tile_height // reduce,
        )
        for number, level in enumerate(levels)
        for reduce in reductions(level)
        if level.width >= reduce and level.height >= reduce
    )


def _pieces(grid: Grid, box: Box) -> tuple[Box, ...]:
    """The parts of ``box`` that are made one at a time.

    Where pixels are only copied there is one: tiles go straight to their place in the region.
    """
    shown = grid.on_slide(box)
    if shown is None:
        return ()
    return (box,) if grid.factor == 1 else grid.pieces(shown, PIECE_PX)


def _region(box: Box, downsample: float, grid: Grid, tiles: TilePass) -> Region:
    pieces = _pieces(grid, box)
    if pieces == (box,):
        pixels, gone = _piece(box, grid, tiles)
        lost = tuple(sorted(gone)) if gone else ()
        return Region(box=box, downsample=downsample, pixels=pixels, lost=lost)
    pixels = np.full((box.height, box.width, 3), WHITE, np.uint8)
    names: set[LostTile] = set()
    for piece in pieces:
        seen, gone = _piece(piece, grid, tiles)
        names.update(gone)
        pixels[Box(piece.x - box.x, piece.y - box.y, piece.width, piece.height).slices] = seen
    return Region(box=box, downsample=downsample, pixels=pixels, lost=tuple(sorted(names)))


def _piece(box: Box, grid: Grid, tiles: TilePass) -> tuple[NDArray[np.uint8], list[LostTile]]:
    source = grid.source_box(box)
    pixels, lost = tiles.pixels(source)
    return (pixels if grid.factor == 1 else area_mean(pixels, source, box, grid.factor)), lost
