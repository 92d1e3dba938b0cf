"""TIFF slides in the dialects of their writers, and ways to damage them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from tests.painted import halved


def svs_description(width: int, height: int, *, mpp: float | None, app_mag: float | None) -> str:
    """An Aperio ImageDescription; what is None is not stated."""
    said = [] if app_mag is None else [f"AppMag = {app_mag:g}"]
    said += [] if mpp is None else [f"MPP = {mpp:.4f}"]
    head = f"Aperio Image Library v11.2.1 \r\n{width}x{height} (256x256) JPEG/RGB Q=70"
    return "|".join([head, *said, "ScanScope ID = SS1"])


def write_svs(
    path: Path,
    pixels: NDArray[np.uint8],
    *,
    mpp: float | None = 0.5,
    app_mag: float | None = 20,
    levels: tuple[int, ...] = (1, 4),
    stored: str = "rgb",
    marked: bool = True,
) -> Path:
    """An Aperio slide: level 0, a stripped thumbnail, further levels, a label and a macro.

    ``stored`` is the colour space of its JPEGs, "rgb" or "ycbcr"; without ``marked`` the JPEGs say
    nothing about it and only the TIFF knows, as Aperio's own.
    """
    height, width = pixels.shape[:2]
    text = svs_description(width, height, mpp=mpp, app_mag=app_mag)
    with tifffile.TiffWriter(path) as tiff:
        for number, downsample in enumerate(levels):
            level = reduced(pixels, downsample)
            tiff.write(
                jpeg_tiles(level, stored=stored, marked=marked),
                shape=level.shape,
                dtype=np.uint8,
                tile=(256, 256),
                photometric="rgb" if stored == "rgb" else "ycbcr",
                compression="jpeg",
                compressionargs={"outcolorspace": stored},  # else tifffile says YCbCr
                subsampling=(1, 1),
                description=text,
                metadata=None,
                software=False,
            )
            if number == 0:
                tiff.write(reduced(pixels, 8), photometric="rgb", description=text, metadata=None)
        for name, kind in (("label", 1), ("macro", 9)):
            tiff.write(
                np.full((90, 120, 3), 200, np.uint8),
                photometric="rgb",
                subfiletype=kind,
                description=f"Aperio Image Library v11.2.1 \r\n{name} 120x90",
                metadata=None,
            )
    return path


def write_ome(
    path: Path,
    pixels: NDArray[np.uint8],
    *,
    size: float | None = 0.5,
    unit: str = "µm",
    magnification: float | None = 20,
    levels: int = 2,
    compression: str = "jpeg",
) -> Path:
    """An OME-TIFF whose lower levels are SubIFDs of its first page."""
    metadata: dict[str, object] = {"axes": "YXS"}
    if size is not None:
        metadata |= {"PhysicalSizeX": size, "PhysicalSizeXUnit": unit}
        metadata |= {"PhysicalSizeY": size, "PhysicalSizeYUnit": unit}
    form = {"tile": (256, 256), "photometric": "rgb", "compression": compression}
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(pixels, subifds=levels - 1, metadata=metadata, **form)
        image = pixels
        for _ in range(levels - 1):
            image = halved(image)
            tiff.write(image, subfiletype=1, **form)
    if magnification is not None:
        with tifffile.TiffFile(path) as tiff:
            xml = tiff.pages[0].description
        objective = (
            '<Instrument ID="Instrument:0"><Microscope Manufacturer="Maker" Model="One"/>'
            f'<Objective ID="Objective:0" NominalMagnification="{magnification}"/></Instrument>'
        )
        tifffile.tiffcomment(path, xml.replace("<Image ", f"{objective}<Image ", 1).encode())
    return path


def reduced(pixels: NDArray[np.uint8], downsample: int) -> NDArray[np.uint8]:
    while downsample > 1:
        pixels, downsample = halved(pixels), downsample // 2
    return pixels


def jpeg_tiles(pixels: NDArray[np.uint8], *, stored: str, marked: bool) -> Iterator[bytes]:
    """The tiles of a level, row by row, the edge repeated into the padding."""
    height, width = pixels.shape[:2]
    whole = np.pad(pixels, ((0, -height % 256), (0, -width % 256), (0, 0)), mode="edge")
    for y in range(0, height, 256):
        for x in range(0, width, 256):
            tile = np.ascontiguousarray(whole[y : y + 256, x : x + 256])
            data = imagecodecs.jpeg8_encode(
                tile, level=90, colorspace="rgb", outcolorspace=stored, subsampling="444"
            )
            yield data if marked else without_colour_markers(data)


def without_colour_markers(jpeg: bytes) -> bytes:
    """A JPEG without its JFIF and Adobe segments."""
    at = 2
    while jpeg[at + 1] in (0xE0, 0xEE):
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return jpeg[:2] + jpeg[at:]


def tile_place(path: Path, tile: int, page: int = 0) -> tuple[int, int]:
    """Offset and length of a stored tile."""
    with tifffile.TiffFile(path) as tiff:
        stored = tiff.pages[page]
        return stored.dataoffsets[tile], stored.databytecounts[tile]


def overwrite_tile(path: Path, tile: int, how: str, page: int = 0) -> None:
    """Damage one stored tile: "zeroed", "random", or "cut" (its second half zeroed)."""
    offset, count = tile_place(path, tile, page)
    junk = {
        "zeroed": bytes(count),
        "random": np.random.default_rng(tile).bytes(count),
        "cut": bytes(count - count // 2),
    }[how]
    with path.open("r+b") as file:
        file.seek(offset + count - len(junk))
        file.write(junk)


def forget_tile(path: Path, tile: int, page: int = 0) -> None:
    """Say that a tile was never scanned: offset 0, 0 bytes."""
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tags = tiff.pages[page].tags
        for name in ("TileOffsets", "TileByteCounts"):
            values = list(tags[name].value)
            values[tile] = 0
            tags[name].overwrite(values)
