"""Plain pictures: one PNG, JPEG or TIFF, such as a photograph through a microscope.

They state no scale that counts: the resolution in a picture file is about printing. So they open
only with a scale that a person gives. The picture is decoded whole and kept; a larger one belongs
into a tiled pyramid. Orientation tags of cameras are not applied: places are those of the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

import imagecodecs
import numpy as np
import simplejpeg
import tifffile
from numpy.typing import NDArray

from pathology.errors import SlideUnreadable
from pathology.records.slide import Level, Slide, SlideFacts, SlideInfo
from pathology.slides.backend import Backend
from pathology.slides.pyramid import StoredSize
from pathology.slides.tile_pass import Fetched, Place
from pathology.slides.tiled_slide import PyramidSlide

Pixels: TypeAlias = NDArray[np.uint8]

NAME: Final = "field"
LIMIT_PX: Final = 100_000_000
"""Pixels of a picture that is decoded whole (300 MB); engineering choice, it fits any worker."""
LIMIT_BYTES: Final = 4 * LIMIT_PX
TILE_PX: Final = 512

DAMAGE: Final = (
    ValueError,
    RuntimeError,
    OSError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    MemoryError,
    OverflowError,
    struct.error,
)
"""What decoders let out for bytes that make no sense."""

PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
JPEG_MAGIC: Final = b"\xff\xd8\xff"
TIFF_MAGICS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PNG_GREY: Final = (0, 4)  # colour types of IHDR: grey, grey with alpha
RGB_PHOTOMETRICS: Final = (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR)
GREY_PHOTOMETRICS: Final = (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.MINISWHITE)


def recognises(path: Path) -> bool:
    """Whether ``path`` begins like a PNG, JPEG or TIFF; slides in TIFF are for others to claim."""
    return _kind(path) is not None


def examine(path: Path, slide_id: str) -> SlideFacts:
    """What a picture says about itself; it is decoded, since only that tells a damaged one.

    Raises
    ------
    SlideUnreadable
        "damaged-file", "fluorescence" (grey or many channels) or "unsupported-layout".
    """
    height, width, _ = decode_field(path, slide_id).shape
    level = Level(
        width=width, height=height, downsample=1.0, tile_width=TILE_PX, tile_height=TILE_PX
    )
    return SlideFacts(
        format="field",
        backend=NAME,
        codec=_kind(path) or "",
        levels=(level,),
        stated_mpp=None,
        magnification=None,
        scanner=None,
        files=(path,),
    )


def open_field(path: Path, info: SlideInfo) -> Slide:
    """The picture, ready to be read: held decoded. Raises as ``examine``."""
    pixels = decode_field(path, info.slide_id)
    size = StoredSize(
        level=0,
        reduce=1,
        downsample=1.0,
        width=pixels.shape[1],
        height=pixels.shape[0],
        tile_width=TILE_PX,
        tile_height=TILE_PX,
    )

    def fetch(size: StoredSize, places: Sequence[Place]) -> Iterator[tuple[Place, Fetched]]:
        for place in places:
            yield place, Fetched(pixels[size.tile_box(*place).slices])

    return PyramidSlide(info, (size,), fetch, lambda: None)


BACKEND: Final = Backend(name=NAME, recognises=recognises, examine=examine, open=open_field)


def decode_field(path: Path, slide_id: str) -> Pixels:
    """The whole picture, (height, width, 3) uint8 RGB; raises as ``examine``."""
    kind = _kind(path)
    if kind is None:
        raise SlideUnreadable(slide_id, "not-a-slide", {"detail": "no PNG, JPEG or TIFF"})
    try:
        if path.stat().st_size > LIMIT_BYTES:
            _refuse_size(slide_id, f"{path.stat().st_size / 1e6:.0f} MB")
        return _DECODERS[kind](path, slide_id)
    except SlideUnreadable:
        raise
    except DAMAGE as e:
        # Pillow is not asked: it shows what is left of a damaged JPEG, grey where it ends.
        said = str(e) if isinstance(e, (ValueError, RuntimeError)) else type(e).__name__
        raise SlideUnreadable(slide_id, "damaged-file", {"detail": said}) from e


def _kind(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            head = file.read(len(PNG_MAGIC))
    except OSError:
        return None
    if head == PNG_MAGIC:
        return "png"
    if head.startswith(JPEG_MAGIC):
        return "jpeg"
    return "tiff" if head.startswith(TIFF_MAGICS) else None


def _png(path: Path, slide_id: str) -> Pixels:
    data = path.read_bytes()
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    _check_size(width, height, slide_id)
    if colour in PNG_GREY:
        raise _grey(slide_id, depth)
    if depth > 8:
        raise SlideUnreadable(slide_id, "unsupported-layout", {"detail": f"{depth} bits a channel"})
    return _opaque(imagecodecs.png_decode(data))


def _jpeg(path: Path, slide_id: str) -> Pixels:
    data = path.read_bytes()
    height, width, colour, _ = simplejpeg.decode_jpeg_header(data)
    _check_size(width, height, slide_id)
    if colour == "Gray":
        raise _grey(slide_id, 8)
    if colour not in ("YCbCr", "RGB"):
        raise SlideUnreadable(slide_id, "unsupported-layout", {"detail": f"JPEG in {colour}"})
    pixels: Pixels = simplejpeg.decode_jpeg(data)
    return pixels


def _tiff(path: Path, slide_id: str) -> Pixels:
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        if not isinstance(page.imagewidth, int) or not isinstance(page.imagelength, int):
            raise TypeError("a size that is no number")  # a damaged tag can be a text of gigabytes
        _check_size(page.imagewidth, page.imagelength, slide_id)
        if page.photometric in GREY_PHOTOMETRICS:
            raise _grey(slide_id, page.bitspersample, len(tiff.pages))
        if refused := _refusal(tiff, page):
            raise SlideUnreadable(slide_id, "unsupported-layout", {"detail": refused})
        _check_strips(page, path.stat().st_size)
        pixels = page.asarray()
    if page.axes.startswith("S"):  # colours stored one after the other
        pixels = np.moveaxis(pixels, 0, -1)
    alphas = tuple(page.extrasamples)
    return _opaque(pixels, premultiplied=tifffile.EXTRASAMPLE.ASSOCALPHA in alphas)


def _check_strips(page: tifffile.TiffPage, file_bytes: int) -> None:
    """ValueError unless all strips or tiles are there: tifffile paints those that are not black."""
    places = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    expected = int(np.prod(page.chunked, dtype=np.int64))
    if len(places) != expected:
        raise ValueError(f"{len(places)} of {expected} strips are there")
    if any(offset <= 0 or count <= 0 or offset + count > file_bytes for offset, count in places):
        raise ValueError("the file ends before its picture does")


def _refusal(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> str | None:
    """Why a TIFF in colour is not read, or None."""
    if len(tiff.pages) > 1:
        return f"{len(tiff.pages)} pictures in one file"
    if page.photometric not in RGB_PHOTOMETRICS:
        return f"colours of TIFF kind {int(page.photometric)}"
    if page.dtype != np.uint8:
        return f"{page.bitspersample} bits a channel"
    if any(extra == tifffile.EXTRASAMPLE.UNSPECIFIED for extra in page.extrasamples):
        return f"{page.samplesperpixel} channels of unknown meaning"
    return None


_DECODERS: Final[Mapping[str, Callable[[Path, str], Pixels]]] = MappingProxyType(
    {"png": _png, "jpeg": _jpeg, "tiff": _tiff}
)


def _grey(slide_id: str, bits: int, pages: int = 1) -> SlideUnreadable:
    """Grey pictures have no stain: nearly all are fluorescence channels."""
    detail = f"one grey channel of {bits} bit" + (f", {pages} pictures" if pages > 1 else "")
    return SlideUnreadable(slide_id, "fluorescence", {"detail": detail})


def _check_size(width: int, height: int, slide_id: str) -> None:
    if width * height > LIMIT_PX:
        _refuse_size(slide_id, f"{width} x {height} px")
    if width * height == 0:
        raise ValueError("a picture of 0 px")


def _refuse_size(slide_id: str, size: str) -> None:
    detail = f"{size} in one piece, more than {LIMIT_PX / 1e6:.0f} million px"
    raise SlideUnreadable(slide_id, "unsupported-layout", {"detail": detail})


def _opaque(pixels: Pixels, *, premultiplied: bool = False) -> Pixels:
    """(height, width, 3 or 4) uint8 laid over white, the colour of an empty slide."""
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or pixels.dtype != np.uint8:
        raise ValueError(f"a picture of {pixels.shape} {pixels.dtype}")
    if pixels.shape[2] == 3:
        return np.ascontiguousarray(pixels)
    colour, alpha = pixels[..., :3].astype(np.uint16), pixels[..., 3:].astype(np.uint16)
    over = colour if premultiplied else (colour * alpha + 127) // 255
    laid: Pixels = np.minimum(over + (255 - alpha), 255).astype(np.uint8)
    return laid
