"""Tiled TIFF -> facts and tile indexes: Aperio SVS, OME-TIFF, and generic pyramids.

Levels are the tiled pages (or SubIFDs of the first) that are the first page reduced; label, macro
and thumbnail are no levels. tifffile parses the file; nothing here decodes a pixel.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
import tifffile

from pathology.errors import SlideUnreadable
from pathology.records.slide import Slide, SlideFacts, SlideInfo
from pathology.slides.pyramid import nominal_downsample
from pathology.slides.tiff_chain import directories_end_early, quiet_tiff
from pathology.slides.tiff_scale import (
    Statement,
    aperio_statement,
    ome_pixels,
    ome_statement,
    tiff_statement,
)
from pathology.slides.tile_index import Codec, StoredColour, TileIndex, one_file
from pathology.slides.tiled_slide import TiledSlide

NAME: Final = "tiled"
CODECS: Final[dict[int, Codec]] = {
    1: "none",
    5: "lzw",
    7: "jpeg",
    8: "deflate",
    32946: "deflate",
    33003: "jpeg2000",
    33005: "jpeg2000",
    34712: "jpeg2000",
}
J2K_YCBCR: Final = 33003
RGB, YCBCR = 2, 6
DAMAGE = (
    tifffile.TiffFileError,
    struct.error,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    OSError,
)
"""What tifffile lets out when bytes make no sense."""
Dialect = Literal["aperio-svs", "ome-tiff", "tiled-tiff"]


def examine(path: Path, slide_id: str) -> SlideFacts:
    """What the file says about itself.

    Raises
    ------
    SlideUnreadable
        "damaged-file", "fluorescence" or "unsupported-layout".
    """
    return _read(path, slide_id)[0]


def open_tiled(path: Path, info: SlideInfo) -> Slide:
    """The slide, ready to be read; raises as ``examine``."""
    return TiledSlide(info, _read(path, info.slide_id)[1])


def _read(path: Path, slide_id: str) -> tuple[SlideFacts, tuple[TileIndex, ...]]:
    try:
        if directories_end_early(path):
            raise _unreadable(slide_id, "damaged-file", "its directories lie past its end")
        with quiet_tiff(path) as tiff:
            return _parsed(path, slide_id, tiff)
    except DAMAGE as cause:
        detail = f"its TIFF directories make no sense: {type(cause).__name__}"
        raise _unreadable(slide_id, "damaged-file", detail) from cause


def _parsed(
    path: Path, slide_id: str, tiff: tifffile.TiffFile
) -> tuple[SlideFacts, tuple[TileIndex, ...]]:
    first = _level_0(tiff)
    dialect, statement = _dialect(tiff, first, slide_id)
    _check_pixels(first, slide_id)
    levels = tuple(_index(page, downsample, path) for downsample, page in _levels(tiff, first))
    if [level.downsample for level in levels].count(1) > 1:
        detail = "several pictures of full size: focal planes, or channels"
        raise _unreadable(slide_id, "unsupported-layout", detail)
    if _end_of_data(tiff, levels) > path.stat().st_size:
        raise _unreadable(slide_id, "damaged-file", "stored pixels lie past its end")
    facts = SlideFacts(
        format=dialect,
        backend=NAME,
        codec=levels[0].codec,
        levels=tuple(level.facts for level in levels),
        stated_mpp=statement.mpp,
        magnification=statement.magnification,
        scanner=statement.scanner,
        files=(path,),
    )
    return facts, levels


def _end_of_data(tiff: tifffile.TiffFile, levels: Sequence[TileIndex]) -> int:
    """The last byte that any picture needs, label and macro too: past it a file was cut short."""
    pages = [_page(tiff, number) for number in range(len(tiff.pages))]
    ends = [(level.offset + level.byte_count).max() for level in levels]
    ends += [
        max(map(sum, zip(page.dataoffsets, page.databytecounts, strict=True)), default=0)
        for page in pages
        if not page.is_tiled
    ]
    return int(max(ends))


def _page(tiff: tifffile.TiffFile, number: int) -> tifffile.TiffPage:
    page = tiff.pages[number]
    return page if isinstance(page, tifffile.TiffPage) else page.aspage()


def _level_0(tiff: tifffile.TiffFile) -> tifffile.TiffPage:
    """The first page where the dialect says so, else the largest that is stored in tiles."""
    first = _page(tiff, 0)
    if tiff.is_ome or first.description.startswith("Aperio"):
        return first
    pages = [_page(tiff, number) for number in range(len(tiff.pages))]
    tiled = [page for page in pages if page.is_tiled]
    return max(tiled, key=lambda page: page.imagewidth * page.imagelength, default=first)


def _dialect(
    tiff: tifffile.TiffFile, first: tifffile.TiffPage, slide_id: str
) -> tuple[Dialect, Statement]:
    if first.description.startswith("Aperio"):
        return "aperio-svs", aperio_statement(first.description)
    if not tiff.is_ome:
        return "tiled-tiff", tiff_statement(first)
    document = tifffile.xml2dict(first.description)
    pixels = ome_pixels(document)
    planes = {axis: int(pixels.get(f"Size{axis}", 1)) for axis in "ZCT"}
    if planes["C"] > first.samplesperpixel:
        detail = f"{planes['C']} channels stored apart"
        raise _unreadable(slide_id, "fluorescence", detail)
    if planes["Z"] > 1 or planes["T"] > 1:
        detail = f"{planes['Z']} focal planes, {planes['T']} times"
        raise _unreadable(slide_id, "unsupported-layout", detail)
    return "ome-tiff", ome_statement(document)


def _check_pixels(page: tifffile.TiffPage, slide_id: str) -> None:
    """8-bit RGB in tiles of a known codec, or the reason why not."""
    samples, bits = page.samplesperpixel, page.bitspersample
    if samples == 1 or samples > 4:
        raise _unreadable(slide_id, "fluorescence", f"{samples} channel(s) of {bits} bits")
    if samples != 3 or bits != 8 or page.dtype != np.uint8:
        detail = f"{samples} channels of {page.dtype}"
        raise _unreadable(slide_id, "unsupported-layout", detail)
    if page.planarconfig != 1 or not page.is_tiled or page.tiledepth > 1:
        raise _unreadable(slide_id, "unsupported-layout", "pixels not in tiles of RGB")
    if not _is_readable(page):
        detail = f"compression {int(page.compression)}, photometric {int(page.photometric)}"
        raise _unreadable(slide_id, "unsupported-layout", detail)


def _is_readable(page: tifffile.TiffPage) -> bool:
    codec = CODECS.get(int(page.compression))
    photometric = {"jpeg": (RGB, YCBCR), "jpeg2000": (RGB, YCBCR)}.get(codec or "", (RGB,))
    return codec is not None and page.photometric in photometric and page.predictor in (1, 2)


def _levels(
    tiff: tifffile.TiffFile, first: tifffile.TiffPage
) -> list[tuple[float, tifffile.TiffPage]]:
    """Level 0, and every page that is it reduced or as large, from fine to coarse."""
    size = (first.imagewidth, first.imagelength)
    found = [(1.0, first)]
    for page in _candidates(tiff, first):
        downsample = nominal_downsample(size, (page.imagewidth, page.imagelength))
        if downsample == 1 or (downsample and downsample not in [d for d, _ in found]):
            found.append((downsample, page))
    return sorted(found, key=lambda level: level[0])


def _candidates(tiff: tifffile.TiffFile, first: tifffile.TiffPage) -> Iterator[tifffile.TiffPage]:
    below = [
        page if isinstance(page, tifffile.TiffPage) else page.aspage() for page in first.pages or ()
    ]
    others = [_page(tiff, number) for number in range(len(tiff.pages))]
    for page in [*below, *others]:
        same = (page.samplesperpixel, str(page.dtype), page.planarconfig) == (3, "uint8", 1)
        if page.offset != first.offset and page.is_tiled and same and _is_readable(page):
            yield page


def _index(page: tifffile.TiffPage, downsample: float, path: Path) -> TileIndex:
    shape = (
        -(-page.imagelength // page.tilelength),
        -(-page.imagewidth // page.tilewidth),
    )
    compression = int(page.compression)
    ycbcr = (
        compression == J2K_YCBCR
        if CODECS[compression] == "jpeg2000"
        else (page.photometric == YCBCR)
    )
    colour: StoredColour = "ycbcr" if ycbcr else "rgb"
    return TileIndex(
        paths=(path,),
        codec=CODECS[compression],
        colour=colour,
        width=page.imagewidth,
        height=page.imagelength,
        tile_width=page.tilewidth,
        tile_height=page.tilelength,
        downsample=downsample,
        file=one_file(shape),
        offset=np.asarray(page.dataoffsets, np.int64).reshape(shape),
        byte_count=np.asarray(page.databytecounts, np.int64).reshape(shape),
        jpeg_tables=page.jpegtables or b"",
        horizontal_differences=page.predictor == 2,
    )


def _unreadable(slide_id: str, code: str, detail: str) -> SlideUnreadable:
    return SlideUnreadable(slide_id, code, {"detail": detail})
