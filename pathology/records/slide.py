"""What a slide is to every room: facts, a scale, and regions of pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from pathology.records.geometry import Box, Mpp

ScaleSource = Literal["file", "user", "manifest", "site", "assumed"]
"""Who states the scale. "assumed" is the demo's alone: nobody knows it, and the result says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One stored size of the slide; level 0 is the scan itself, ``downsample`` 1."""

    width: int
    height: int
    downsample: float  # level-0 px per pixel of this level, nominal (2, not 2.0004)
    tile_width: int
    tile_height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlideFacts:
    """What a file says about itself before anybody believes it.

    ``files`` are all files of the slide (MRXS and DICOM have many), the one opened first.
    """

    format: str  # "aperio-svs", "tiled-tiff", "ome-tiff", "dicom-wsm", "ome-zarr", "field", ...
    backend: str  # "tiled", "openslide", "zarr", "field", "foreign": decided once, recorded
    codec: str  # "jpeg", "jpeg2000", "openslide", ...
    levels: tuple[Level, ...]
    stated_mpp: tuple[float, float] | None  # x, y; as stated, credible or not
    magnification: float | None
    scanner: str | None  # vendor and model as the file names them: key of the site's scale table
    files: tuple[Path, ...]

    @property
    def width_px0(self) -> int:
        """Width of the scan, level-0 px."""
        return self.levels[0].width

    @property
    def height_px0(self) -> int:
        """Height of the scan, level-0 px."""
        return self.levels[0].height


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedScale:
    """A scale that somebody outside the file answers for."""

    mpp: float
    source: Literal["user", "manifest", "assumed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The scale everybody works with, and who said so."""

    mpp_x: float
    mpp_y: float
    source: ScaleSource
    flags: tuple[str, ...] = ()  # e.g. "scale-disagrees-with-magnification"

    @property
    def mpp(self) -> Mpp:
        """Micrometres per level-0 pixel; x and y differ by less than the tolerance."""
        return Mpp((self.mpp_x + self.mpp_y) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlideInfo:
    """A slide that may be measured: its facts and a scale somebody answers for."""

    slide_id: str
    facts: SlideFacts
    scale: Scale

    @property
    def mpp(self) -> Mpp:
        """Micrometres per level-0 pixel."""
        return self.scale.mpp


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class LostTile:
    """A stored tile that could not be decoded. White in the pixels, counted in the quality."""

    level: int
    column: int
    row: int
    box_px0: Box = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Region:
    """Pixels and where they lie.

    ``pixels`` is (box.height, box.width, 3) uint8 RGB. Past the slide's edge and under a lost tile
    it is white, the colour of an empty slide: black would read as dense nuclei.
    """

    box: Box  # grid px: the scan reduced by ``downsample``
    downsample: float
    pixels: NDArray[np.uint8]
    lost: tuple[LostTile, ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.shape != (self.box.height, self.box.width, 3):
            raise ValueError(f"pixels {self.pixels.shape} do not fill {self.box}")


class Slide(Protocol):
    """Pixels and scale of one slide. It knows nothing of tissue, tiles or models.

    Not safe to share between threads that read at the same time, nor between processes: every
    worker opens its own. Whoever opens it closes it (``with``).
    """

    @property
    def info(self) -> SlideInfo:
        """Facts and scale."""
        ...

    def read(self, box: Box, *, downsample: float = 1.0) -> Region:
        """Pixels of ``box``, a rectangle on the grid of ``downsample`` (>= 1, any real number).

        Output pixel (row, column) is the mean colour of the level-0 square from
        ``((box.x + column) * downsample, (box.y + row) * downsample)``, as far as the stored
        levels resolve it, so it does not depend on which box it was read in. The box may reach
        past the slide or lie outside it.
        """
        ...

    def sweep(self, boxes: Sequence[Box], *, downsample: float) -> Iterator[Region]:
        """The regions of ``boxes`` in their order, each stored tile decoded once where it can be.

        Memory: the regions not yet taken by the caller plus the stored tiles that a later box
        still needs.
        """
        ...

    def close(self) -> None:
        """Let go of the file; reading afterwards is an error."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
