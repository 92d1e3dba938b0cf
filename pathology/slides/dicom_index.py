"""DICOM whole-slide series -> facts and one ``TileIndex`` a level.

The frames are indexed here rather than read through a library, so that a bad frame costs that
frame, JPEG frames can be decoded at a half, quarter or eighth of their size, and DICOM is as fast
as SVS. Kept out, with a reason: focal planes, optical paths (fluorescence), greyscale.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from pathology.errors import SlideUnreadable
from pathology.records.slide import Slide, SlideFacts, SlideInfo
from pathology.slides.backend import Backend
from pathology.slides.dicom_colour import HEAD_BYTES, PHOTOMETRICS, stored_colour
from pathology.slides.dicom_frames import (
    EXPLICIT_LITTLE_ENDIAN,
    IMPLICIT_LITTLE_ENDIAN,
    first_bytes,
    frame_cells,
    locate_frames,
)
from pathology.slides.dicom_series import DAMAGE, WSM_SOP_CLASS, Instance, is_dicom, siblings
from pathology.slides.pyramid import nominal_downsample
from pathology.slides.tile_index import Codec, TileIndex
from pathology.slides.tiled_slide import TiledSlide

CODEC_OF: Final[Mapping[str, Codec]] = MappingProxyType(
    {
        IMPLICIT_LITTLE_ENDIAN: "none",
        EXPLICIT_LITTLE_ENDIAN: "none",
        "1.2.840.10008.1.2.4.50": "jpeg",  # baseline
        "1.2.840.10008.1.2.4.51": "jpeg",  # extended; 12 bit is refused by BitsAllocated
        "1.2.840.10008.1.2.4.90": "jpeg2000",  # lossless
        "1.2.840.10008.1.2.4.91": "jpeg2000",
    }
)
NAME: Final = "dicom"
SMALLEST_LEVEL_PX: Final = 64
LARGEST_FRAME_PX: Final = 2**26
MOST_TILES: Final = 10**8
"""Beyond these a header is damaged or its slide no pyramid: known before memory is asked for."""


def examine(path: Path, slide_id: str) -> SlideFacts:
    """What a series says about itself; raises as ``index_dicom``."""
    return index_dicom(path, slide_id)[0]


def open_dicom(path: Path, info: SlideInfo) -> Slide:
    """The slide, ready to be read; raises as ``index_dicom``."""
    return TiledSlide(info, index_dicom(path, info.slide_id)[1])


BACKEND: Final = Backend(name=NAME, recognises=is_dicom, examine=examine, open=open_dicom)


def index_dicom(path: Path, slide_id: str) -> tuple[SlideFacts, tuple[TileIndex, ...]]:
    """Facts and levels of a series folder, or of the series that one of its files belongs to.

    Raises
    ------
    SlideUnreadable
        "damaged-file", "not-a-slide", "unsupported-layout" or "fluorescence", with the detail.
    """
    try:
        return _index(path, slide_id)
    except DAMAGE as cause:  # a header whose values make no sense in a way nobody thought of
        detail = f"its DICOM header makes no sense: {type(cause).__name__}"
        raise SlideUnreadable(slide_id, "damaged-file", {"detail": detail}) from cause


def _index(path: Path, slide_id: str) -> tuple[SlideFacts, tuple[TileIndex, ...]]:
    instances = siblings(path, slide_id)
    parts = _by_level([i for i in instances if i.is_volume], slide_id)
    sizes = [_size(part[0]) for part in parts]
    # A level of a few pixels has no downsample to speak of, one of other proportions shows
    # something else: the finer ones serve in their place.
    downsamples = [
        nominal_downsample(sizes[0], size) if max(size) >= SMALLEST_LEVEL_PX else None
        for size in sizes
    ]
    levels = tuple(
        _tile_index(part, downsample, slide_id)
        for part, downsample in zip(parts, [1.0, *downsamples[1:]], strict=True)
        if downsample is not None
    )
    header = parts[0][0].header
    facts = SlideFacts(
        format="dicom-wsm",
        backend=NAME,
        codec=levels[0].codec,
        levels=tuple(level.facts for level in levels),
        stated_mpp=_stated_mpp(header),
        magnification=_magnification(header),
        scanner=_scanner(header),
        files=tuple(sorted((i.path for i in instances), key=lambda p: (p != path, p))),
    )
    return facts, levels


def _by_level(instances: list[Instance], slide_id: str) -> list[list[Instance]]:
    """Instances of each size, widest first; several of one size are parts of a concatenation."""
    by_size: dict[tuple[int, int], list[Instance]] = {}
    for instance in instances:
        _check(instance, slide_id)
        by_size.setdefault(_size(instance), []).append(instance)
    if not by_size:
        raise SlideUnreadable(slide_id, "not-a-slide", {"detail": "DICOM, but no tissue image"})
    for size, parts in by_size.items():
        parts.sort(key=lambda i: int(i.header.get("ConcatenationFrameOffsetNumber") or 0))
        whole = {i.header.get("ConcatenationUID") for i in parts}
        if len(parts) > 1 and (len(whole) > 1 or None in whole):
            detail = f"{len(parts)} images of {size[0]} x {size[1]} px: planes or channels"
            raise SlideUnreadable(slide_id, "unsupported-layout", {"detail": detail})
    return [by_size[size] for size in sorted(by_size, reverse=True)]


def _size(instance: Instance) -> tuple[int, int]:
    """(width, height) of the whole picture, px."""
    header = instance.header
    return int(header.TotalPixelMatrixColumns), int(header.TotalPixelMatrixRows)


def _check(instance: Instance, slide_id: str) -> None:
    """Raise SlideUnreadable unless an instance can be a level of a brightfield scan."""
    header = instance.header
    if header.SOPClassUID != WSM_SOP_CLASS or "TotalPixelMatrixColumns" not in header:
        raise SlideUnreadable(slide_id, "not-a-slide", {"detail": "DICOM, but no whole slide"})
    paths = max(int(header.get("NumberOfOpticalPaths") or 1), len(_paths(header)))
    samples = int(header.SamplesPerPixel)
    if paths > 1 or samples != 3:
        detail = f"{paths} optical paths of {samples} channels, {header.PhotometricInterpretation}"
        raise SlideUnreadable(slide_id, "fluorescence", {"detail": detail})
    planes = int(header.get("TotalPixelMatrixFocalPlanes") or 1)
    refusals = {
        f"{planes} focal planes": planes > 1,
        f"{header.BitsAllocated} bits a channel": int(header.BitsAllocated) != 8,
        f"colours as {header.PhotometricInterpretation}": (
            header.PhotometricInterpretation not in PHOTOMETRICS
        ),
        f"transfer syntax {instance.syntax}": instance.syntax not in CODEC_OF,
        f"uncompressed {header.PhotometricInterpretation}": (
            CODEC_OF.get(instance.syntax) == "none"
            and (header.PhotometricInterpretation != "RGB" or header.get("PlanarConfiguration"))
        ),
    }
    for detail, refused in refusals.items():
        if refused:
            raise SlideUnreadable(slide_id, "unsupported-layout", {"detail": detail})


def _tile_index(parts: list[Instance], downsample: float, slide_id: str) -> TileIndex:
    """One level from its instance, or from the parts of its concatenation."""
    header = parts[0].header
    width, height = _size(parts[0])
    tile_width, tile_height = int(header.Columns), int(header.Rows)
    if min(width, height, tile_width, tile_height) < 1:
        raise ValueError(f"{width} x {height} px in tiles of {tile_width} x {tile_height}")
    grid = -(-height // tile_height), -(-width // tile_width)
    if tile_width * tile_height > LARGEST_FRAME_PX or grid[0] * grid[1] > MOST_TILES:
        detail = f"{width} x {height} px in frames of {tile_width} x {tile_height}"
        raise SlideUnreadable(slide_id, "unsupported-layout", {"detail": detail})
    places = [locate_frames(part, slide_id) for part in parts]
    rows, columns = frame_cells(parts, grid, slide_id).T
    file, offset = np.zeros(grid, np.uint16), np.zeros(grid, np.int64)
    byte_count = np.zeros(grid, np.int64)  # a tile without a frame was never scanned
    file[rows, columns] = np.repeat(np.arange(len(parts)), [len(p) for p in places])
    offset[rows, columns], byte_count[rows, columns] = np.concatenate(places).T
    codec = CODEC_OF[parts[0].syntax]
    head = first_bytes(parts[0].path, places[0][0], HEAD_BYTES)
    return TileIndex(
        paths=tuple(part.path for part in parts),
        codec=codec,
        colour=stored_colour(codec, str(header.PhotometricInterpretation), head),
        width=width,
        height=height,
        tile_width=tile_width,
        tile_height=tile_height,
        downsample=downsample,
        file=file,
        offset=offset,
        byte_count=byte_count,
    )


def _paths(header: Dataset) -> list[Dataset]:
    return list(header.get("OpticalPathSequence") or [])


def _stated_mpp(header: Dataset) -> tuple[float, float] | None:
    """(x, y) µm/px from PixelSpacing, which is (between rows, between columns) in mm.

    ImagedVolumeWidth is not asked: writers fill it with the size of a label where they do not know.
    """
    groups = header.get("SharedFunctionalGroupsSequence") or []
    measures = (groups[0].get("PixelMeasuresSequence") or []) if groups else []
    spacing = measures[0].get("PixelSpacing") if measures else None
    if not spacing:
        return None
    return float(spacing[1]) * 1e3, float(spacing[0]) * 1e3


def _magnification(header: Dataset) -> float | None:
    powers = [path.get("ObjectiveLensPower") for path in _paths(header)]
    return float(powers[0]) if powers and powers[0] else None


def _scanner(header: Dataset) -> str | None:
    """Manufacturer and model, as the header names them."""
    names = (header.get("Manufacturer"), header.get("ManufacturerModelName"))
    return " ".join(str(n).strip() for n in names if n) or None
