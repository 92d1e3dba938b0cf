"""The bytes of a stored tile -> pixels. Damage is an error, never grey pixels that look real.

Limits: of JPEGs with random bytes in them about 3 % decode without a word from libjpeg (10 of 300,
most with less than 50 bytes replaced). OpenJPEG notices a tile that is cut short or begins wrongly,
and fills over zeroed or random bytes inside. Pixels stored without compression show no damage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import imagecodecs
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from pathology.slides.tile_index import Reduce, StoredColour, TileIndex

Pixels: TypeAlias = NDArray[np.uint8]
Stored: TypeAlias = bytes | memoryview
TileDecoder: TypeAlias = Callable[[Stored, Reduce], Pixels]

SOI: Final = b"\xff\xd8"
EOI: Final = b"\xff\xd9"
MARKERS_OF_COLOUR: Final = (0xE0, 0xEE)  # APP0 (JFIF) and APP14 (Adobe)
ADOBE_RGB: Final = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
ADOBE_YCBCR: Final = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x01"


class TileDamaged(ValueError):
    """The bytes of one tile are no picture of its size; the tile is lost, the slide is not."""


def tile_decoder(index: TileIndex) -> TileDecoder:
    """The function that decodes the tiles of ``index`` to (height, width, 3) uint8 RGB.

    Its second argument asks for the tile at a half, quarter or eighth of its size; only the
    reductions of ``reductions(index)`` are served. It raises ``TileDamaged``, also for whatever
    libjpeg merely warns about (a JPEG cut short decodes to a grey rest otherwise).
    """
    return _DECODERS[index.codec](index)


def reductions(index: TileIndex) -> tuple[Reduce, ...]:
    """Sizes a tile can be decoded at: whole, and for JPEG a half, quarter and eighth.

    JPEG blocks are 8 x 8 px: a smaller inverse DCT of each block is a smaller picture, several
    times cheaper than decoding whole and shrinking. It is left out where tiles would not divide.
    """
    if index.codec != "jpeg":
        return (1,)
    sides = (index.tile_width, index.tile_height)
    steps: tuple[Reduce, ...] = (1, 2, 4, 8)
    return tuple(r for r in steps if all(side % r == 0 for side in sides))


def jpeg_prefix(tables: bytes, colour: StoredColour) -> bytes:
    """What goes before the first segment of an abbreviated JPEG tile.

    Without a marker libjpeg guesses the colour space from component numbers, and guesses wrong on
    slides stored as RGB: the container knows, so an Adobe marker says it.
    """
    adobe = ADOBE_RGB if colour == "rgb" else ADOBE_YCBCR
    inside = tables.removeprefix(SOI).removesuffix(EOI)
    return SOI + adobe + inside[_first_segment(inside, 0) :]


def _first_segment(data: Stored, at: int) -> int:
    """Where the first segment begins that says nothing about colour."""
    while len(data) >= at + 4 and data[at] == 0xFF and data[at + 1] in MARKERS_OF_COLOUR:
        at += 2 + (data[at + 2] << 8) + data[at + 3]
    return at


def whole_jpeg(data: Stored, prefix: bytes) -> bytes:
    """A stored tile as a JPEG that stands alone; ``prefix`` is ``jpeg_prefix`` of its level."""
    if data[:2] != SOI:
        raise TileDamaged("no JPEG")
    return b"".join((prefix, data[_first_segment(data, 2) :]))


def encoded_jpeg(pixels: Pixels, quality: int) -> bytes:
    """Pixels (height, width, 3) uint8 RGB as a JPEG; ``quality`` in [1, 100].

    Colour keeps its full size (4:4:4): brown and blue lie side by side in a nucleus.
    """
    jpeg: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality=quality, colorspace="RGB", colorsubsampling="444"
    )
    return jpeg


def _jpeg(index: TileIndex) -> TileDecoder:
    prefix = jpeg_prefix(index.jpeg_tables, index.colour)
    height, width = index.tile_height, index.tile_width

    def decode(data: Stored, reduce: Reduce) -> Pixels:
        whole = whole_jpeg(data, prefix)
        pixels = np.empty((height // reduce, width // reduce, 3), np.uint8)
        try:
            seen: Pixels = simplejpeg.decode_jpeg(
                whole,
                min_height=height // reduce if reduce > 1 else 0,
                min_width=width // reduce if reduce > 1 else 0,
                buffer=pixels,  # too small for a picture larger than the tile: refused unread
            )
        except ValueError as cause:
            raise TileDamaged(str(cause)) from cause
        return _checked(seen, pixels.shape)

    return decode


def _jpeg2000(index: TileIndex) -> TileDecoder:
    shape = (index.tile_height, index.tile_width, 3)

    def decode(data: Stored, reduce: Reduce) -> Pixels:
        try:
            seen = imagecodecs.jpeg2k_decode(bytes(data), numthreads=1)
        except (RuntimeError, ValueError) as cause:  # Jpeg2kError is a RuntimeError
            raise TileDamaged(str(cause)) from cause
        whole = _checked(seen, shape)
        return _rgb_of_ycbcr(whole) if index.colour == "ycbcr" else whole

    return decode


def _rgb_of_ycbcr(pixels: Pixels) -> Pixels:
    """JFIF's full-range YCbCr to RGB, (height, width, 3) uint8 both (ITU-T T.871)."""
    y, cb, cr = np.moveaxis(pixels.astype(np.float32), 2, 0)
    cb, cr = cb - 128, cr - 128
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], axis=2)
    whole: Pixels = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return whole


def _raw(unpack: Callable[[bytes, int], bytes | bytearray]) -> Callable[[TileIndex], TileDecoder]:
    def decoder(index: TileIndex) -> TileDecoder:
        shape = (index.tile_height, index.tile_width, 3)
        size = index.tile_height * index.tile_width * 3

        def decode(data: Stored, reduce: Reduce) -> Pixels:
            try:
                flat = np.frombuffer(unpack(bytes(data), size), np.uint8)
            except (RuntimeError, ValueError) as cause:  # LzwError, ZlibError are RuntimeErrors
                raise TileDamaged(str(cause)) from cause
            if flat.size != size:
                raise TileDamaged(f"{flat.size} bytes of {size}")
            if index.horizontal_differences:
                return np.cumsum(flat.reshape(shape), axis=1, dtype=np.uint8)
            return flat.reshape(shape).copy()  # the bytes may not be written to

        return decode

    return decoder


def _checked(pixels: Pixels, shape: tuple[int, ...]) -> Pixels:
    if pixels.shape != shape or pixels.dtype != np.uint8:
        raise TileDamaged(f"a picture of {pixels.shape} {pixels.dtype} where {shape} belongs")
    return pixels


_DECODERS: Final[dict[str, Callable[[TileIndex], TileDecoder]]] = {
    "jpeg": _jpeg,
    "jpeg2000": _jpeg2000,
    "lzw": _raw(lambda data, size: imagecodecs.lzw_decode(data, out=size)),
    "deflate": _raw(lambda data, size: imagecodecs.zlib_decode(data, out=size)),
    "none": _raw(lambda data, size: data),
}
