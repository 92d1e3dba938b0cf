"""OME-Zarr folders as slides: a chunk is a stored tile, and a broken chunk costs that chunk."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pathology.errors import SlideUnreadable
from pathology.records.slide import Level, LostTile, Slide, SlideFacts, SlideInfo
from pathology.slides.backend import Backend
from pathology.slides.pyramid import StoredSize, nominal_downsample
from pathology.slides.tile_pass import Fetched, Place
from pathology.slides.tiled_slide import PyramidSlide
from pathology.slides.zarr_metadata import Multiscale, is_zarr, read_multiscale

NAME: Final = "zarr"
LIMIT_PX: Final = 2**26
"""Pixels of a chunk (200 MB): a larger one is a picture in one piece, not a pyramid."""
DAMAGE: Final = (ValueError, KeyError, TypeError, RuntimeError, OSError, EOFError, zlib.error)
"""What zarr and its codecs let out for a chunk that makes no sense."""


def examine(path: Path, slide_id: str) -> SlideFacts:
    """What an OME-Zarr folder says about itself.

    Raises
    ------
    SlideUnreadable
        As ``zarr_metadata.read_multiscale``; "unsupported-layout" also for chunks of huge size.
    """
    image = read_multiscale(path, slide_id)
    sizes = stored_sizes(image)
    if max(size.tile_width * size.tile_height for size in sizes) > LIMIT_PX:
        detail = f"chunks of {sizes[0].tile_width} x {sizes[0].tile_height} px"
        raise SlideUnreadable(slide_id, "unsupported-layout", {"detail": detail})
    return SlideFacts(
        format="ome-zarr",
        backend=NAME,
        codec=f"zarr-v{image.arrays[0].metadata.zarr_format}",
        levels=tuple(
            Level(
                width=size.width,
                height=size.height,
                downsample=size.downsample,
                tile_width=size.tile_width,
                tile_height=size.tile_height,
            )
            for size in sizes
        ),
        stated_mpp=image.stated_mpp,
        magnification=None,
        scanner=None,
        files=tuple(sorted(p for p in path.rglob("*") if p.is_file())),
    )


def open_zarr(path: Path, info: SlideInfo) -> Slide:
    """The slide, ready to be read; raises as ``examine``."""
    image = read_multiscale(path, info.slide_id)

    def fetch(size: StoredSize, places: Sequence[Place]) -> Iterator[tuple[Place, Fetched]]:
        for place in places:
            yield place, _fetched(image, size, place)

    return PyramidSlide(info, stored_sizes(image), fetch, lambda: None)


BACKEND: Final = Backend(name=NAME, recognises=is_zarr, examine=examine, open=open_zarr)


def stored_sizes(image: Multiscale) -> tuple[StoredSize, ...]:
    """The levels whose proportions are those of the finest one; ``level`` counts the arrays."""
    whole = image.size(0, "x"), image.size(0, "y")
    found = []
    for number in range(len(image.arrays)):
        width, height = image.size(number, "x"), image.size(number, "y")
        downsample = nominal_downsample(whole, (width, height))
        if downsample is None:
            continue
        size = StoredSize(
            level=number,
            reduce=1,
            downsample=downsample,
            width=width,
            height=height,
            tile_width=image.chunk(number, "x"),
            tile_height=image.chunk(number, "y"),
        )
        found.append(size)
    return tuple(found)


def _fetched(image: Multiscale, size: StoredSize, place: Place) -> Fetched:
    """One chunk, or white and its name among the lost.

    A channel that is 0 throughout a chunk is no tissue on a bright field: it is a chunk that was
    never written, for which zarr gives back its fill value, and black would read as nuclei.
    """
    box = size.tile_box(*place)
    try:
        pixels = read_chunk(image, size.level, box.slices)
    except DAMAGE:
        pixels = None
    if pixels is None or not pixels.any(axis=(0, 1)).all():
        box_px0 = size.to_px0(box)
        lost = LostTile(level=size.level, column=place.column, row=place.row, box_px0=box_px0)
        return Fetched(None, (lost,))
    return Fetched(pixels)


def read_chunk(image: Multiscale, level: int, inside: tuple[slice, slice]) -> NDArray[np.uint8]:
    """(rows, columns, 3) uint8 RGB of a part of a level; raises ``DAMAGE``."""
    rows, columns = inside
    wanted: dict[str, int | slice] = {"y": rows, "x": columns, "c": slice(None), "t": 0, "z": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        part = np.asarray(image.arrays[level][tuple(wanted[axis] for axis in image.axes)])
    left = [axis for axis in image.axes if axis in "yxc"]
    return np.ascontiguousarray(part.transpose([left.index(axis) for axis in "yxc"]))
