"""The bytes of stored tiles, read in the order of the file, and decoded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pathology.records.slide import LostTile
from pathology.slides.pyramid import StoredSize
from pathology.slides.tile_codec import TileDamaged, tile_decoder
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

    @property
    def end(self) -> int:
        return self.offset + self.size


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
        level = self._levels[size.level]
        stored: list[_Stored] = []
        for place in places:
            count = int(level.byte_count[place])
            if count == 0:
                yield place, Fetched(None)
            elif count > LARGEST_TILE * level.tile_width * level.tile_height:
                yield place, _lost(size, place)
            else:
                offset = int(level.offset[place])
                stored.append(_Stored(int(level.file[place]), offset, count, place))
        for run in _runs(sorted(stored)):
            data = self._bytes(level, run)
            for tile in run:
                at = tile.offset - run[0].offset
                stored_bytes = data[at : at + tile.size]
                yield tile.place, self._decoded(size, tile.place, stored_bytes)

    def _bytes(self, level: TileIndex, run: Sequence[_Stored]) -> memoryview:
        """The bytes of a run; short where the file ends early or the disk fails."""
        descriptor = self._descriptors[level.paths[run[0].file]]
        size = max(tile.end for tile in run) - run[0].offset
        try:
            return memoryview(os.pread(descriptor, size, run[0].offset))
        except OSError:
            # One bad sector takes its tile, not its neighbours.
            return memoryview(b"") if len(run) == 1 else self._piecewise(descriptor, run, size)

    def _piecewise(self, descriptor: int, run: Sequence[_Stored], size: int) -> memoryview:
        data = bytearray(size)
        for tile in run:
            at = tile.offset - run[0].offset
            try:
                found = os.pread(descriptor, tile.size, tile.offset)
            except OSError:
                continue
            data[at : at + len(found)] = found
        return memoryview(data)

    def _decoded(self, size: StoredSize, place: Place, data: memoryview) -> Fetched:
        try:
            return Fetched(self._decoders[size.level](data, size.reduce))
        except TileDamaged:
            return _lost(size, place)


def _lost(size: StoredSize, place: Place) -> Fetched:
    box = size.to_px0(size.tile_box(*place))
    lost = LostTile(level=size.level, column=place.column, row=place.row, box_px0=box)
    return Fetched(None, (lost,))


def _runs(stored: Sequence[_Stored]) -> Iterator[list[_Stored]]:
    """Neighbours in a file, to be read in one call."""
    run: list[_Stored] = []
    end = 0
    for tile in stored:
        near = run and tile.file == run[0].file and tile.offset <= end + JOIN_GAP
        if run and not (near and tile.end - run[0].offset <= JOIN_LIMIT):
            yield run
            run, end = [], 0
        run.append(tile)
        end = max(end, tile.end)
    if run:
        yield run
