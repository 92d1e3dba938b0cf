"""KFB and TMAP through community readers, with what those readers hide made an error again.

No file of a scanner has been read with this: the layouts are those the packages ``kfbslide`` and
``tmapslide`` document, and the tests paint them. Both packages mean well in ways that cannot be
had here, so:

* KFB: a tile that cannot be decoded is not replaced by a neighbour's bytes ("healing");
* TMAP: tiles whose bytes lie past the end of the file make it damaged, they are not background;
* TMAP: a pixel size that the package derived from the objective is no stated scale;
* levels whose size and downsample contradict each other are not used.

Runs in the worker process only; nothing else imports it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NoReturn

from pathology.slides.pyramid import nominal_downsample

TMAP_TILE_PX: Final = 512  # part of a TMAP that is asked at once, and lost at once


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignLevel:
    """A level of a foreign slide and its number in the reader's own count."""

    number: int
    width: int
    height: int
    downsample: int  # always whole: readers round places of other levels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForeignReader:
    """An open foreign slide and what it says about itself."""

    slide: Any  # has OpenSlide's ``read_region``
    levels: tuple[ForeignLevel, ...]
    tile_px: int
    stated_mpp: tuple[float, float] | None  # x, y
    magnification: float | None
    scanner: str | None


def open_kfb(path: Path) -> ForeignReader:
    """A KFB slide. Raises what ``kfbslide`` raises, and ValueError for a file cut short."""
    import kfbslide

    class Unhealed(kfbslide.OpenSlide):  # type: ignore[misc]
        def _try_heal_tile(self, idx: int, exc: Exception) -> NoReturn:
            raise exc

    _check_kfb(path)
    slide = Unhealed(str(path))
    said = slide.properties
    return ForeignReader(
        slide=slide,
        levels=_levels(slide.level_dimensions, slide.level_downsamples),
        tile_px=int(said["kfbio.tile_size"]),
        stated_mpp=(float(said["openslide.mpp-x"]), float(said["openslide.mpp-y"])),
        magnification=_number(said.get("openslide.objective-power")),
        scanner="KFBio",
    )


def open_tmap(path: Path) -> ForeignReader:
    """A TMAP slide. Raises what ``tmapslide`` raises, and ValueError for a file cut short."""
    import tmapslide

    with path.open("rb") as file:
        version_6 = file.read(6) == b"TMAP06"
    (_check_tmap06 if version_6 else _check_tmap07)(path)
    slide = tmapslide.OpenSlide(str(path))
    said = slide.properties
    levels = _levels(slide.level_dimensions, slide.level_downsamples)
    believed = said.get("tmap.mpp_source") == "header"
    return ForeignReader(
        slide=slide,
        # Where a TMAP06 lacks a coarse level, the package shows a finer one at the wrong size.
        levels=levels[:1] if version_6 else levels,
        tile_px=TMAP_TILE_PX,
        stated_mpp=(float(said["openslide.mpp-x"]), float(said["openslide.mpp-y"]))
        if believed
        else None,
        magnification=_number(said.get("openslide.objective-power")),
        scanner="UNIC",
    )


OPENERS: Final[Mapping[str, Callable[[Path], ForeignReader]]] = MappingProxyType(
    {"kfb": open_kfb, "tmap": open_tmap}
)


def _number(text: str | None) -> float | None:
    return float(text) if text and float(text) > 0 else None


def _levels(
    dimensions: Sequence[tuple[int, int]], downsamples: Sequence[float]
) -> tuple[ForeignLevel, ...]:
    """The levels whose size agrees with their downsample; ValueError where the first does not."""
    found = []
    for number, (size, stated) in enumerate(zip(dimensions, downsamples, strict=True)):
        if min(size) >= 1 and stated == int(stated) == nominal_downsample(dimensions[0], size):
            level = ForeignLevel(
                number=number, width=size[0], height=size[1], downsample=int(stated)
            )
            found.append(level)
    if not found or found[0].number != 0 or found[0].downsample != 1:
        raise ValueError("there is no level 0")
    return tuple(found)


def _check_kfb(path: Path) -> None:
    """ValueError where the tiles of the index are more bytes than the file has.

    Header: tile count at byte 16, index at byte 68 (64 bit); 64 bytes a tile, its size at 36.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(128)
        if len(head) < 128:
            raise ValueError("the file ends in its header")
        (tiles,) = struct.unpack_from("<I", head, 16)
        (index_at,) = struct.unpack_from("<Q", head, 68)
        file.seek(index_at)
        index = file.read(tiles * 64)
    if tiles == 0 or len(index) < tiles * 64:
        raise ValueError("the file ends in its index of tiles")
    stored = sum(record[0] for record in struct.iter_unpack("<32xI28x", index))
    if stored > size:
        raise ValueError(f"{stored} bytes of tiles in a file of {size}")


def _check_tmap07(path: Path) -> None:
    """ValueError where a tile lies past the end of the file.

    16 levels of 32 bytes at byte 560 (width, height, rows, columns at 8, index at 24); 40 bytes a
    tile (offset at 24, 64 bit, size at 32), 0 where glass was not stored.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(560)
        table = file.read(16 * 32)
        for width, height, rows, columns, index_at in struct.iter_unpack("<8xIIIII4x", table):
            if width == 0 or height == 0:
                continue
            file.seek(index_at)
            records = file.read(rows * columns * 40)
            if len(records) < rows * columns * 40:
                raise ValueError("the file ends in its index of tiles")
            for offset, count in struct.iter_unpack("<24xQI4x", records):
                if offset + count > size:
                    raise ValueError("tiles lie past the end of the file")


def _check_tmap06(path: Path) -> None:
    """ValueError where a tile lies past the end of its file, or that file is missing.

    Blocks of 308 bytes from byte 192, their number at 20: the file's number at 0, grid column and
    row (0xFFFF: unused) at 8, 24 tiles of 12 bytes from 20 (offset at 4, size at 8).
    """
    sizes = {0: path.stat().st_size}
    for number in range(1, 256):
        spilled = path.with_suffix(f".DT{number}")
        spilled = spilled if spilled.is_file() else path.with_suffix(f".dt{number}")
        if not spilled.is_file():
            break
        sizes[number] = spilled.stat().st_size
    with path.open("rb") as file:
        head = file.read(192)
        (blocks,) = struct.unpack_from("<I", head, 20)
        data = file.read(blocks * 308)
    if len(data) < blocks * 308:
        raise ValueError("the file ends in its index of tiles")
    for at in range(0, len(data), 308):
        if struct.unpack_from("<HH", data, at + 8) == (0xFFFF, 0xFFFF):
            continue
        limit = sizes.get(data[at], 0)
        for offset, count in struct.iter_unpack("<4xII", data[at + 20 : at + 308]):
            if count and offset + count > limit:
                raise ValueError("tiles lie past the end of the file")
