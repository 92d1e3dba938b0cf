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
        spans = _spans(size, boxes)
        first = spans[:, :2].min(axis=0) if len(spans) else np.zeros(2, np.int64)
        self._row, self._column = int(first[0]), int(first[1])
        self._needs = _needs(spans - np.tile(first, 2))

    def pixels(self, source: Box) -> tuple[Pixels, list[LostTile]]:
        """Pixels of ``source`` (source px, white past the slide), and which tiles are lost.

        It is one of the boxes the pass was made for, each asked for once.
        """
        size = self._size
        right, bottom = source.x + source.width, source.y + source.height
        inside = source.x >= 0 and source.y >= 0 and right <= size.width and bottom <= size.height
        shown = source if inside else source.overlap(size.box)
        if shown is None:
            return _canvas(source, size), []
        tiles = self._tiles(shown)
        if inside and self._is_one_tile(source):
            # A stored tile and nothing else is given on as it was decoded.
            ((place, tile),) = tiles
            if tile.pixels is not None and place not in self._kept:
                return tile.pixels, list(tile.lost)
            tiles = iter([(place, tile)])
        canvas = _canvas(source, size)
        lost: list[LostTile] = []
        for place, tile in tiles:
            lost += tile.lost
            self._paste(place, tile.pixels, source, canvas)
        return canvas, lost

    def _is_one_tile(self, box: Box) -> bool:
        width, height = self._size.tile_width, self._size.tile_height
        return box.width == width and box.height == height and not (box.x % width or box.y % height)

    def _needed_again(self, place: Place) -> bool:
        return self._needs.item(place[0] - self._row, place[1] - self._column) > 0

    def _tiles(self, box: Box) -> Iterator[tuple[Place, Fetched]]:
        rows, columns = self._size.tiles_under(box)
        places = [
            Place(r, c)
            for r in range(rows.start, rows.stop)
            for c in range(columns.start, columns.stop)
        ]
        needs = self._needs[
            rows.start - self._row : rows.stop - self._row,
            columns.start - self._column : columns.stop - self._column,
        ]
        needs -= 1
        missing = [place for place in places if place not in self._kept]
        if len(missing) < len(places):
            for place in [place for place in places if place in self._kept]:
                again = self._needed_again(place)
                yield place, self._kept[place] if again else self._kept.pop(place)
        for place, tile in self._fetch(self._size, missing):
            if self._needed_again(place):
                self._kept[place] = tile
            yield place, tile

    def _paste(self, place: Place, pixels: Pixels | None, source: Box, canvas: Pixels) -> None:
        """Put what ``source`` shows of a tile in its place on the canvas of ``source``."""
        size = self._size
        x, y = place[1] * size.tile_width - source.x, place[0] * size.tile_height - source.y
        left, top = max(x, 0), max(y, 0)
        right = min(x + size.tile_width, source.width, size.width - source.x)
        bottom = min(y + size.tile_height, source.height, size.height - source.y)
        if pixels is None:
            canvas[top:bottom, left:right] = WHITE
        else:
            canvas[top:bottom, left:right] = pixels[top - y : bottom - y, left - x : right - x]


def _spans(size: StoredSize, boxes: Iterable[Box]) -> NDArray[np.int64]:
    """Tiles under each box: (n, 4) first row, first column, last row + 1, last column + 1.

    Boxes that do not touch the slide are left out.
    """
    numbers = [(box.y, box.x, box.y + box.height, box.x + box.width) for box in boxes]
    edges = np.array(numbers, np.int64).reshape(-1, 4)
    edges = np.clip(edges, 0, [size.height, size.width] * 2)
    edges = edges[(edges[:, 2:] > edges[:, :2]).all(axis=1)]
    tile = [size.tile_height, size.tile_width]
    return np.hstack([edges[:, :2] // tile, -(-edges[:, 2:] // tile)])


def _needs(spans: NDArray[np.int64]) -> NDArray[np.int32]:
    """How many of the spans hold each place, (rows + 1, columns + 1); the last of both are 0."""
    top, left, bottom, right = spans.T
    count = np.zeros((bottom.max(initial=0) + 1, right.max(initial=0) + 1), np.int32)
    np.add.at(count, (top, left), 1)
    np.add.at(count, (top, right), -1)
    np.add.at(count, (bottom, left), -1)
    np.add.at(count, (bottom, right), 1)
    np.cumsum(count, axis=0, out=count)
    return np.cumsum(count, axis=1, out=count)


def _canvas(source: Box, size: StoredSize) -> Pixels:
    """Room for ``source``: white where it leaves the slide, not yet painted elsewhere."""
    pixels = np.empty((source.height, source.width, 3), np.uint8)
    if source.x < 0:
        pixels[:, : -source.x] = WHITE
    if source.y < 0:
        pixels[: -source.y] = WHITE
    if source.right > size.width:
        pixels[:, max(0, size.width - source.x) :] = WHITE
    if source.bottom > size.height:
        pixels[max(0, size.height - source.y) :] = WHITE
    return pixels
