"""KFB and TMAP slides painted after the layouts that the open readers document.

Nobody here has seen a file of a scanner: these prove our side of the wire, not the packages'.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import simplejpeg

from tests.painted import halved
from tests.painted_dicom import frames_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

TILE = 256
Tiles = list[tuple[int, int, int, bytes]]


def write_kfb(
    path: Path,
    pixels: NDArray[np.uint8],
    *,
    mpp: float = 0.5,
    power: int = 20,
    levels: int = 1,
) -> Path:
    """Header, macro picture, index of 64 bytes a tile, tiles; every level halves the one before."""
    tiles = _tiles(pixels, levels)
    macro = simplejpeg.encode_jpeg(pixels[:64, :64].copy())
    section_2 = b"\xf1\x02\xee\xee" + struct.pack("<4xII4xII20x", 64, 64, len(macro), 4 + 44 + 4)
    section_2 += b"\xff\x02\xee\xee"
    head_size = 4 + 88 + 4
    index_at = head_size + len(section_2) + len(macro)
    payload = struct.pack(
        "<4s4xfIIII4s4xIqIIQQf8xI",
        b"KFB",
        1.6,
        len(tiles),
        pixels.shape[0],
        pixels.shape[1],
        power,
        b"JPEG",
        0,
        0,
        head_size,
        0,
        index_at + 64 * len(tiles),
        index_at,
        mpp,
        TILE,
    )
    index = b"".join(
        struct.pack(
            "<4xIIIIf8xI28x", column * TILE, row * TILE, TILE, TILE, power / 2**level, len(data)
        )
        for level, row, column, data in tiles
    )
    head = b"\xf1\x01\xee\xee" + payload + b"\xff\x01\xee\xee"
    path.write_bytes(head + section_2 + macro + index + b"".join(t[3] for t in tiles))
    return path


def write_tmap(
    path: Path,
    pixels: NDArray[np.uint8],
    *,
    mpp: float = 0.5,
    power: int = 20,
    levels: int = 1,
) -> Path:
    """TMAP07: header, table of 16 levels, 40 bytes a tile, tiles."""
    tiles = _tiles(pixels, levels)
    head = struct.pack(
        "<8sBBBBB3xfIII", b"TMAP07", 0, 90, 1, power, 244, mpp / 1000, 0, levels, len(tiles)
    ).ljust(560, b"\0")
    index_at, data_at = 560 + 16 * 32, 560 + 16 * 32 + 40 * len(tiles)
    table, records, done = b"", b"", 0
    height, width = pixels.shape[:2]
    for level in range(levels):
        rows, columns = -(-height // TILE), -(-width // TILE)
        scale = power / 2**level
        at = index_at + 40 * done
        table += struct.pack("<IfIIIIII", level, scale, width, height, rows, columns, at, done)
        done += rows * columns
        height, width = height // 2, width // 2
    for level, row, column, data in tiles:
        place = (level, 0, column * TILE, row * TILE, TILE, TILE, data_at, len(data))
        records += struct.pack("<IIIIIIQI4x", *place)
        data_at += len(data)
    path.write_bytes(head + table.ljust(16 * 32, b"\0") + records + b"".join(t[3] for t in tiles))
    return path


def _tiles(pixels: NDArray[np.uint8], levels: int) -> Tiles:
    """(level, row, column, JPEG) of every tile."""
    found, image = [], pixels
    for level in range(levels):
        columns = -(-image.shape[1] // TILE)
        for number, frame in enumerate(frames_of(image, TILE)):
            data = simplejpeg.encode_jpeg(frame, quality=95, colorsubsampling="444")
            found.append((level, number // columns, number % columns, data))
        image = halved(image)
    return found
