"""Very large painted slides, cheaply: one block of tiles, encoded once, repeated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from tests.painted import GLASS, halved, paint_nuclei

TILE = 512
BLOCK = 4  # tiles in the edge of the repeated block
MPP = 0.25
LEVELS = 6


def write_large_slide(
    path: Path,
    side: int,
    *,
    height: int | None = None,
    tissue: float = 1.0,
    stain: str = "ihc-dab",
    spacing_um: float = 20,
) -> Path:
    """A JPEG pyramid of ``side`` x ``height`` px at 0.25 µm/px, nuclei in all of its upper rows.

    Square where no height is given. ``tissue`` is the share of rows that carry tissue; the rest is
    glass. On "he" no nucleus is brown. Nuclei lie ``spacing_um`` apart: 20 make 2,500 a mm².
    """
    block = paint_nuclei(
        width=TILE * BLOCK,
        height=TILE * BLOCK,
        mpp=MPP,
        margin_um=0,
        spacing_um=spacing_um,
        seed=5,
        stain=stain,
        brown_share=0.3 if stain == "ihc-dab" else 0.0,
    ).pixels
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for level in range(LEVELS):
            size = side >> level, (height or side) >> level
            per_cm = 1e4 / (MPP * 2**level)
            tiff.write(
                _encoded(block, size, tissue),
                shape=(size[1], size[0], 3),
                dtype="uint8",
                tile=(TILE, TILE),
                photometric="ycbcr",
                compression="jpeg",
                subfiletype=1 if level else 0,
                resolution=(per_cm, per_cm),
                resolutionunit="CENTIMETER",
            )
            block = _tiled(halved(block))
    return path


def _tiled(half: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The block of the next level: the halved one, repeated to the same size."""
    return np.tile(half, (2, 2, 1))


def _encoded(block: NDArray[np.uint8], size: tuple[int, int], tissue: float) -> Iterator[bytes]:
    """Tiles of a level of ``size`` (width, height), row by row."""
    glass = np.full((TILE, TILE, 3), GLASS, np.uint8)
    empty = imagecodecs.jpeg8_encode(glass, level=85)
    tiles = {
        (r, c): imagecodecs.jpeg8_encode(
            np.ascontiguousarray(block[r * TILE : (r + 1) * TILE, c * TILE : (c + 1) * TILE]),
            level=85,
        )
        for r in range(BLOCK)
        for c in range(BLOCK)
    }
    across, down = (-(-length // TILE) for length in size)
    for row in range(down):
        for column in range(across):
            inside = row * TILE < size[1] * tissue
            yield tiles[row % BLOCK, column % BLOCK] if inside else empty
