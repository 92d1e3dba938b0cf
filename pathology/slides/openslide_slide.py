"""Every format OpenSlide knows and we do not read ourselves: NDPI, MRXS, SCN, BIF, VMS, Philips...

The slide is read in fixed blocks of a few stored tiles, so a pixel does not depend on the box it
was asked in. An OpenSlide handle that has met one bad tile refuses every later read: it is opened
again, and the block is retried tile by tile, so that only the bad one is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import openslide
from numpy.typing import NDArray
from PIL import Image

from pathology.errors import SlideUnreadable
from pathology.records.geometry import Box
from pathology.records.slide import Level, LostTile, Slide, SlideFacts, SlideInfo
from pathology.slides.backend import Backend
from pathology.slides.pyramid import StoredSize, nominal_downsample
from pathology.slides.tile_pass import Fetched, Place
from pathology.slides.tiled_slide import PyramidSlide

NAME: Final = "openslide"
BLOCK_PX: Final = 512
"""Shortest side of a block, level px; engineering choice: small reads cost OpenSlide most."""
UNSTATED_TILE_PX: Final = 256
MODEL_PROPERTIES: Final = (
    "tiff.Model",
    "leica.device-model",
    "ventana.ScannerModel",
    "philips.DICOM_MANUFACTURERS_MODEL_NAME",
    "mirax.GENERAL.SLIDE_VERSION",
)
OVERVIEW_PX: Final = 1024
DARK: Final = 40
"""Brightest channel (0..255) of the typical pixel below which no light shone through the slide: a
brightfield scan is glass or stained tissue, and even dense blue nuclei stay above 100. Engineering
value, checked on a DAPI scan and on H&E."""


def recognises(path: Path) -> bool:
    """Whether OpenSlide names a vendor for the content of ``path``."""
    return path.is_file() and openslide.OpenSlide.detect_format(path) is not None


def examine(path: Path, slide_id: str) -> SlideFacts:
    """What the file says about itself.

    Raises
    ------
    SlideUnreadable
        "damaged-file" with OpenSlide's words, or "fluorescence".
    """
    with _handle(path, slide_id) as handle:
        said = handle.properties
        vendor = said[openslide.PROPERTY_NAME_VENDOR]
        model = next((said[name] for name in MODEL_PROPERTIES if name in said), None)
        mpp = said.get(openslide.PROPERTY_NAME_MPP_X), said.get(openslide.PROPERTY_NAME_MPP_Y)
        power = said.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER)
        facts = SlideFacts(
            format=vendor,
            backend=NAME,
            codec="openslide",
            levels=_levels(handle),
            stated_mpp=(float(mpp[0]), float(mpp[1])) if mpp[0] and mpp[1] else None,
            magnification=float(power) if power else None,
            scanner=f"{vendor} {model}" if model else vendor,
            files=_files(path, said),
        )
        if _is_dark(_overview(handle)):
            raise SlideUnreadable(slide_id, "fluorescence", {"detail": f"{vendor}, dark field"})
        return facts


def open_openslide(path: Path, info: SlideInfo) -> Slide:
    """The slide, ready to be read."""
    blocks = _Blocks(path, info)
    return PyramidSlide(info, blocks.sizes, blocks.fetch, blocks.close)


BACKEND: Final = Backend(name=NAME, recognises=recognises, examine=examine, open=open_openslide)


class _Blocks:
    """Blocks of a slide through one OpenSlide handle, which is replaced when it dies."""

    def __init__(self, path: Path, info: SlideInfo) -> None:
        self._path, self._slide_id, self._levels = path, info.slide_id, info.facts.levels
        self._open = _handle(path, info.slide_id)
        self.sizes = tuple(_block_size(n, level) for n, level in enumerate(self._levels))

    def close(self) -> None:
        self._open.close()

    def fetch(
        self,
        size: StoredSize,
        places: Sequence[Place],
    ) -> Iterator[tuple[Place, Fetched]]:
        for place in places:
            box = size.tile_box(*place)
            pixels = self._read(size.level, box)
            if pixels is None:
                yield place, self._mended(size, box)
            else:
                yield place, Fetched(pixels)

    def _read(self, level: int, box: Box) -> NDArray[np.uint8] | None:
        """Pixels of ``box`` (level px) over white; None after an error, with a fresh handle."""
        scale = self._open.level_downsamples[level]
        corner = round(box.x * scale), round(box.y * scale)
        try:
            image = self._open.read_region(corner, level, (box.width, box.height))
        except openslide.OpenSlideError:
            self._open.close()
            self._open = _handle(self._path, self._slide_id)
            return None
        return _over_white(image)

    def _mended(self, size: StoredSize, block: Box) -> Fetched:
        """A block that failed, tile by tile: white and lost where a tile fails again."""
        level = self._levels[size.level]
        pixels = np.full((block.height, block.width, 3), 255, np.uint8)
        lost: list[LostTile] = []
        for y in range(block.y, block.bottom, level.tile_height):
            for x in range(block.x, block.right, level.tile_width):
                width, height = block.right - x, block.bottom - y
                tile = Box(x, y, min(width, level.tile_width), min(height, level.tile_height))
                seen = self._read(size.level, tile)
                if seen is None:
                    column, row = x // level.tile_width, y // level.tile_height
                    box_px0 = size.to_px0(tile)
                    lost.append(LostTile(level=size.level, column=column, row=row, box_px0=box_px0))
                else:
                    pixels[Box(x - block.x, y - block.y, tile.width, tile.height).slices] = seen
        return Fetched(pixels, tuple(lost))


def _handle(path: Path, slide_id: str) -> openslide.OpenSlide:
    try:
        return openslide.OpenSlide(path)
    except openslide.OpenSlideError as cause:
        # OpenSlide's words name the file, which no reason may.
        detail = str(cause).replace(str(path.parent), "").replace(path.name, "the file")
        raise SlideUnreadable(slide_id, "damaged-file", {"detail": detail}) from cause


def _block_size(number: int, level: Level) -> StoredSize:
    return StoredSize(
        level=number,
        reduce=1,
        downsample=level.downsample,
        width=level.width,
        height=level.height,
        tile_width=level.tile_width * -(-BLOCK_PX // level.tile_width),
        tile_height=level.tile_height * -(-BLOCK_PX // level.tile_height),
    )


def _levels(handle: openslide.OpenSlide) -> tuple[Level, ...]:
    sizes, said = handle.level_dimensions, handle.properties
    return tuple(
        Level(
            width=size[0],
            height=size[1],
            downsample=nominal_downsample(sizes[0], size) or handle.level_downsamples[number],
            tile_width=int(said.get(f"openslide.level[{number}].tile-width", UNSTATED_TILE_PX)),
            tile_height=int(said.get(f"openslide.level[{number}].tile-height", UNSTATED_TILE_PX)),
        )
        for number, size in enumerate(sizes)
    )


def _overview(handle: openslide.OpenSlide) -> NDArray[np.uint8]:
    """The whole slide small, or the middle of one that is stored without small levels."""
    number = next(
        (n for n, size in enumerate(handle.level_dimensions) if max(size) <= OVERVIEW_PX),
        handle.level_count - 1,
    )
    size = handle.level_dimensions[number]
    shown = min(OVERVIEW_PX, size[0]), min(OVERVIEW_PX, size[1])
    scale = handle.level_downsamples[number]
    corner = round((size[0] - shown[0]) / 2 * scale), round((size[1] - shown[1]) / 2 * scale)
    try:
        return _over_white(handle.read_region(corner, number, shown))
    except openslide.OpenSlideError:
        # A damaged overview says nothing about light; the damage is met again, and counted, on
        # reading.
        return np.full((1, 1, 3), 255, np.uint8)


def _is_dark(pixels: NDArray[np.uint8]) -> bool:
    return bool(np.median(pixels.max(axis=2)) < DARK)


def _over_white(image: Image.Image) -> NDArray[np.uint8]:
    """RGBA to RGB on white: where a scanner saw nothing, OpenSlide is transparent."""
    alpha = image.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return np.array(image.convert("RGB"))
    canvas = Image.new("RGB", image.size, (255, 255, 255))
    canvas.paste(image, mask=alpha)
    return np.array(canvas)


def _files(path: Path, said: Mapping[str, str]) -> tuple[Path, ...]:
    """All files of a slide: MRXS keeps a folder of its name, VMS names its parts."""
    folder = path.with_suffix("")
    inside = sorted(p for p in folder.iterdir() if p.is_file()) if folder.is_dir() else []
    named = [path.parent / value for key, value in said.items() if key.startswith("hamamatsu.")]
    beside = sorted({p for p in named if p != path and p.name and p.is_file()})
    return path, *inside, *beside
