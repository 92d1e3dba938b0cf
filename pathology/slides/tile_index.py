"""Where the stored tiles of one level lie in their files, and how their bytes become pixels.

Knows nothing of TIFF or DICOM: whoever reads a container fills a ``TileIndex``, and
``slides.tiled_slide`` reads it with ``os.pread``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pathology.records.geometry import Box
from pathology.records.slide import Level

Codec = Literal["jpeg", "jpeg2000", "lzw", "deflate", "none"]
StoredColour = Literal["rgb", "ycbcr"]
Reduce = Literal[1, 2, 4, 8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TileIndex:
    """The stored tiles of one level. Level pixels are 8-bit, three channels.

    ``file``, ``offset`` and ``byte_count`` are (rows, columns): which of ``paths`` holds the tile,
    where its bytes begin, how many they are. A tile of 0 bytes was never scanned: it is glass
    (white), not lost. Tiles at the right and bottom edge are stored whole; what lies past
    ``width`` and ``height`` is padding and never shown.
    """

    paths: tuple[Path, ...]
    codec: Codec
    colour: StoredColour  # what the stored samples mean; JPEG markers that disagree are overruled
    width: int
    height: int
    tile_width: int
    tile_height: int
    downsample: float  # level-0 px per level px, nominal
    file: NDArray[np.uint16]
    offset: NDArray[np.int64]
    byte_count: NDArray[np.int64]
    jpeg_tables: bytes = b""  # a JPEG of tables only (SOI ... EOI), shared by all tiles
    horizontal_differences: bool = False  # TIFF predictor 2, for lzw and deflate

    def __post_init__(self) -> None:
        shape = (-(-self.height // self.tile_height), -(-self.width // self.tile_width))
        if not self.file.shape == self.offset.shape == self.byte_count.shape == shape:
            raise ValueError(f"{self.offset.shape} tiles do not fill {shape}")
        for column in (self.file, self.offset, self.byte_count):
            column.setflags(write=False)

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return int(self.offset.shape[0])

    @property
    def columns(self) -> int:
        """Columns of tiles."""
        return int(self.offset.shape[1])

    @property
    def facts(self) -> Level:
        """What the slide says of this level."""
        return Level(
            width=self.width,
            height=self.height,
            downsample=self.downsample,
            tile_width=self.tile_width,
            tile_height=self.tile_height,
        )

    def tile_box(self, row: int, column: int) -> Box:
        """What a stored tile shows, level px, cut at the level's edge."""
        x, y = column * self.tile_width, row * self.tile_height
        width, height = min(self.tile_width, self.width - x), min(self.tile_height, self.height - y)
        return Box(x, y, width, height)


def one_file(shape: tuple[int, int]) -> NDArray[np.uint16]:
    """The ``file`` column of an index whose tiles all lie in its first path."""
    return np.zeros(shape, np.uint16)
