"""The bytes of stored tiles, read in the order of the file, and decoded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pathology.records.slide import LostTile
from pathology.slides.pyramid import StoredSize
from pathology.slides.tile_codec import TileDamaged, jpeg_prefix, tile_decoder, whole_jpeg
from pathology.slides.tile_index import TileIndex
from pathology.slides.tile_pass import Fetched, Place

JOIN_GAP: Final = 16 * 1024
JOIN_LIMIT: Final = 4 * 2**20
"""Bytes: stored tiles this close are read in one call, up to this much; engineering choice, a call
to a network share costs more than reading past a small gap."""

LARGEST_TILE: Final = 16
"""Bytes a pixel above which a byte count is damage: raw pixels have 3, and reading gigabytes for a
tile would take the memory of the night."""


class _Stored(NamedTuple):
    """Where the bytes of a tile lie. Sorts in the order of the files."""

    file: int
    offset: int
    size: int
    place: Place


class _Run(NamedTuple):
    """Neighbours in a file, read in one call."""

    tiles: list[_Stored]
    file: int
    offset: int
    size: int


class TileReader:
    """Opens the files of some tile indexes and fetches their tiles; one descriptor a file."""

    def __init__(self, levels: Sequence[TileIndex]) -> None:
        self._levels = tuple(levels)
        self._decoders = [tile_decoder(level) for level in levels]
        self._descriptors: dict[Path, int] = {}
        try:
            for path in dict.fromkeys(p for level in levels for p in level.paths):
                self._descriptors[path] = os.open(path, os.O_RDONLY)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close every file."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def fetch(self, size: StoredSize, places: Sequence[Place]) -> Iterator[tuple[Place, Fetched]]:
        """The tiles at ``places``, in the order of the file."""
        level, decode = self._levels[size.level], self._decoders[size.level]
        stored: list[_Stored] = []
        for place in places:
            count = level.byte_count.item(place)
            if count == 0:
                yield place, Fetched(None)
            elif count > LARGEST_TILE * level.tile_width * level.tile_height:
                yield place, _lost(size, place)
            else:
                stored.append(
                    _Stored(level.file.item(place), level.offset.item(place), count, place)
                )
        for run in _runs(sorted(stored)):
            data = self._bytes(level, run)
            for _, offset, count, place in run.tiles:
                at = offset - run.offset
                try:
                    tile = Fetched(decode(data[at : at + count], size.reduce))
                except TileDamaged:
                    tile = _lost(size, place)
                yield place, tile

    def stored_jpeg(self, number: int, place: Place) -> bytes | None:
        """A tile of a level as the file holds it, as a JPEG of its own.

        None where it is no JPEG, was never scanned, or is damaged: it is decoded to know.
        """
        level = self._levels[number]
        count = level.byte_count.item(place)
        if level.codec != "jpeg" or not 0 < count <= LARGEST_TILE * level.tile_width * (
            level.tile_height
        ):
            return None
        where = _Stored(level.file.item(place), level.offset.item(place), count, place)
        data = self._bytes(level, _Run([where], where.file, where.offset, where.size))
        try:
            self._decoders[number](data, 1)
            return whole_jpeg(data, jpeg_prefix(level.jpeg_tables, level.colour))
        except TileDamaged:
            return None

    def _bytes(self, level: TileIndex, run: _Run) -> memoryview:
        """The bytes of a run; short where the file ends early or the disk fails."""
        descriptor = self._descriptors[level.paths[run.file]]
        try:
            return memoryview(os.pread(descriptor, run.size, run.offset))
        except OSError:
            # One bad sector takes its tile, not its neighbours.
            return memoryview(b"") if len(run.tiles) == 1 else self._piecewise(descriptor, run)

    def _piecewise(self, descriptor: int, run: _Run) -> memoryview:
        data = bytearray(run.size)
        for tile in run.tiles:
            at = tile.offset - run.offset
            try:
                found = os.pread(descriptor, tile.size, tile.offset)
            except OSError:
                continue
            data[at : at + len(found)] = found
        return memoryview(data)


def _lost(size: StoredSize, place: Place) -> Fetched:
    box = size.to_px0(size.tile_box(*place))
    lost = LostTile(level=size.level, column=place.column, row=place.row, box_px0=box)
    return Fetched(None, (lost,))


def _runs(stored: Sequence[_Stored]) -> Iterator[_Run]:
    """Tiles in the order of the files, neighbours together."""
    tiles: list[_Stored] = []
    file = start = end = 0
    for tile in stored:
        stop = tile.offset + tile.size
        near = tile.file == file and tile.offset <= end + JOIN_GAP and stop - start <= JOIN_LIMIT
        if tiles and not near:
            yield _Run(tiles, file, start, end - start)
            tiles = []
        if not tiles:
            file, start, end = tile.file, tile.offset, stop
        tiles.append(tile)
        end = max(end, stop)
    if tiles:
        yield _Run(tiles, file, start, end - start)
