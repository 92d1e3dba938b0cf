"""One pass over the stored tiles of one size: each is fetched once and kept while still needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pathology.records.geometry import Box
from pathology.records.slide import LostTile
from pathology.slides.pyramid import StoredSize

WHITE: Final = 255
Span: TypeAlias = tuple[slice, slice]
"""Rows and columns of tiles."""


class Place(NamedTuple):
    """Where a tile stands among the tiles of its size."""

    row: int
    column: int


class Fetched(NamedTuple):
    """A stored tile: (tile_height, tile_width, 3) uint8, or None for white; and what it lost."""

    pixels: NDArray[np.uint8] | None
    lost: tuple[LostTile, ...] = ()


Pixels: TypeAlias = NDArray[np.uint8]
Fetch: TypeAlias = Callable[[StoredSize, Sequence[Place]], Iterable[tuple[Place, Fetched]]]
"""Reads and decodes the asked tiles, in any order, and gives their pixels away. A damaged tile is
white and says it is lost."""


class TilePass:
    """Tiles of one pass. Memory: the tiles that a later box still needs."""

    def __init__(self, size: StoredSize, boxes: Iterable[Box], fetch: Fetch) -> None:
        self._size, self._fetch = size, fetch
        self._kept: dict[Place, Fetched] = {}
        spans = [size.tiles_under(box) for box in boxes]
        self._first = (
            min((rows.start for rows, _ in spans), default=0),
            min((columns.start for _, columns in spans), default=0),
        )
        self._needs = np.zeros(self._needed_shape(spans), np.int32)
        for span in spans:
            self._needs[self._shifted(span)] += 1

    def pixels(self, source: Box) -> tuple[Pixels, list[LostTile]]:
        """Pixels of ``source`` (source px, white past the slide), and which tiles are lost.

        What of it lies on the slide is one of the boxes the pass was made for.
        """
        shown = source.overlap(self._size.box)
        if shown is None:
            return _canvas(source, self._size), []
        if shown == source and self._is_one_tile(source):
            # A stored tile and nothing else is given on as it was decoded.
            ((place, tile),) = self._tiles(source)
            if tile.pixels is not None and place not in self._kept:
                return tile.pixels, list(tile.lost)
            return self._assembled(source, shown, [(place, tile)])
        return self._assembled(source, shown, self._tiles(shown))

    def _assembled(
        self, source: Box, shown: Box, tiles: Iterable[tuple[Place, Fetched]]
    ) -> tuple[Pixels, list[LostTile]]:
        canvas = _canvas(source, self._size)
        lost: list[LostTile] = []
        for place, tile in tiles:
            lost += tile.lost
            self._paste(place, tile.pixels, shown, (canvas, (source.x, source.y)))
        return canvas, lost

    def _is_one_tile(self, box: Box) -> bool:
        width, height = self._size.tile_width, self._size.tile_height
        return (box.width, box.height) == (width, height) and not (box.x % width or box.y % height)

    def _needed_shape(self, spans: Sequence[Span]) -> tuple[int, int]:
        return (
            max((rows.stop for rows, _ in spans), default=0) - self._first[0],
            max((columns.stop for _, columns in spans), default=0) - self._first[1],
        )

    def _shifted(self, span: Span) -> Span:
        (rows, columns), (row, column) = span, self._first
        return slice(rows.start - row, rows.stop - row), slice(
            columns.start - column, columns.stop - column
        )

    def _needed_again(self, place: Place) -> bool:
        return bool(self._needs[place.row - self._first[0], place.column - self._first[1]])

    def _tiles(self, box: Box) -> Iterator[tuple[Place, Fetched]]:
        rows, columns = span = self._size.tiles_under(box)
        places = [
            Place(r, c)
            for r in range(rows.start, rows.stop)
            for c in range(columns.start, columns.stop)
        ]
        self._needs[self._shifted(span)] -= 1
        missing = [place for place in places if place not in self._kept]
        for place in places:
            if place in self._kept:
                again = self._needed_again(place)
                yield place, self._kept[place] if again else self._kept.pop(place)
        for place, tile in self._fetch(self._size, missing):
            if self._needed_again(place):
                self._kept[place] = tile
            yield place, tile

    def _paste(
        self, place: Place, pixels: Pixels | None, box: Box, onto: tuple[Pixels, tuple[int, int]]
    ) -> None:
        canvas, (x, y) = onto
        tile = self._size.tile_box(*place)
        left, top = max(tile.x, box.x), max(tile.y, box.y)
        right, bottom = min(tile.right, box.right), min(tile.bottom, box.bottom)
        spot = slice(top - y, bottom - y), slice(left - x, right - x)
        if pixels is None:
            canvas[spot] = WHITE
        else:
            canvas[spot] = pixels[top - tile.y : bottom - tile.y, left - tile.x : right - tile.x]


def _canvas(source: Box, size: StoredSize) -> Pixels:
    """Room for ``source``: white where it leaves the slide, not yet painted elsewhere."""
    pixels = np.empty((source.height, source.width, 3), np.uint8)
    if source.right > size.width:
        pixels[:, max(0, size.width - source.x) :] = WHITE
    if source.bottom > size.height:
        pixels[max(0, size.height - source.y) :] = WHITE
    return pixels
