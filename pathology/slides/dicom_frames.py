"""Where the frames of a DICOM instance lie in its file, and in the picture.

Encapsulated pixel data (PS3.5 A.4) is a list of items: a table of offsets, often empty, then one
fragment a frame. The extended offset table (PS3.3 C.7.6.3.1.8) lies in the header.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pathology.errors import SlideUnreadable
from pathology.slides.dicom_series import DAMAGE, Instance, read_header

IMPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
NATIVE: Final = frozenset({IMPLICIT_LITTLE_ENDIAN, EXPLICIT_LITTLE_ENDIAN})

PIXEL_DATA: Final = b"\xe0\x7f\x10\x00"
ITEM: Final = b"\xfe\xff\x00\xe0"
ITEM_HEADER: Final = 8  # bytes: tag and length


def locate_frames(instance: Instance, slide_id: str) -> NDArray[np.int64]:
    """(frames, 2) first byte and number of bytes of each frame, in the order of the file.

    Raises
    ------
    SlideUnreadable
        "damaged-file": there is no pixel data, or it ends before its last frame;
        "unsupported-layout": frames are split into several fragments.
    """
    size = instance.path.stat().st_size
    handle = os.open(instance.path, os.O_RDONLY)
    try:
        if instance.syntax in NATIVE:
            places = _native(handle, instance)
        else:
            places = _encapsulated(handle, instance)
    except (ValueError, struct.error) as cause:
        raise SlideUnreadable(slide_id, "damaged-file", {"detail": str(cause)}) from cause
    finally:
        os.close(handle)
    frames = frame_count(instance)
    if len(places) > frames:
        detail = f"{frames} frames in {len(places)} fragments"
        raise SlideUnreadable(slide_id, "unsupported-layout", {"detail": detail})
    ends = places.sum(axis=1)
    if len(places) < frames or (ends > size).any() or (places < 0).any():
        whole = int((ends <= size).sum())
        detail = f"{whole} of {frames} frames are there"
        raise SlideUnreadable(slide_id, "damaged-file", {"detail": detail})
    return places


def frame_count(instance: Instance) -> int:
    """Frames of an instance as its header says."""
    return int(instance.header.get("NumberOfFrames") or 1)


def _native(handle: int, instance: Instance) -> NDArray[np.int64]:
    """Frames of one length, one after the other."""
    header = instance.header
    skip = 8 if instance.syntax == IMPLICIT_LITTLE_ENDIAN else 12
    if os.pread(handle, 4, instance.pixels_at) != PIXEL_DATA:
        raise ValueError("there is no pixel data")
    count = int(header.Rows) * int(header.Columns) * int(header.SamplesPerPixel)
    starts = instance.pixels_at + skip + count * np.arange(frame_count(instance), dtype=np.int64)
    return np.stack([starts, np.full_like(starts, count)], axis=1)


def _encapsulated(handle: int, instance: Instance) -> NDArray[np.int64]:
    head = os.pread(handle, 12 + ITEM_HEADER, instance.pixels_at)
    if head[:4] != PIXEL_DATA or head[12:16] != ITEM:
        raise ValueError("there is no pixel data")
    (table_bytes,) = struct.unpack("<I", head[16:])
    table_at = instance.pixels_at + 12 + ITEM_HEADER
    first = table_at + table_bytes
    extended = instance.header.get("ExtendedOffsetTable")
    lengths = instance.header.get("ExtendedOffsetTableLengths")
    if extended and lengths:
        starts = first + ITEM_HEADER + np.frombuffer(extended, "<u8").astype(np.int64)
        return np.stack([starts, np.frombuffer(lengths, "<u8").astype(np.int64)], axis=1)
    table = np.frombuffer(os.pread(handle, table_bytes // 4 * 4, table_at), "<u4")
    by_table = _by_table(handle, first, table.astype(np.int64), frame_count(instance))
    return _walk(handle, first) if by_table is None else by_table


def _by_table(
    handle: int, first: int, table: NDArray[np.int64], frames: int
) -> NDArray[np.int64] | None:
    """Frames as the basic offset table places them; None where the table cannot be right.

    Its 32 bits overflow in files above 4 GiB, and a frame may lie in several fragments: both show
    in the order of the offsets and in the lengths of the first and last item.
    """
    if len(table) != frames or table[0] != 0 or (np.diff(table) <= ITEM_HEADER).any():
        return None
    starts = first + ITEM_HEADER + table
    last = _item_length(handle, int(starts[-1]) - ITEM_HEADER)
    if last is None:
        return None
    counts = np.append(np.diff(table) - ITEM_HEADER, last)
    if _item_length(handle, first) != counts[0]:
        return None
    if _item_length(handle, int(starts[-1]) + last) is not None:
        return None  # the last frame goes on in another fragment
    return np.stack([starts, counts], axis=1)


def _item_length(handle: int, at: int) -> int | None:
    """Length of the item that begins at byte ``at``; None where none does."""
    head = os.pread(handle, ITEM_HEADER, at)
    if len(head) < ITEM_HEADER or head[:4] != ITEM:
        return None
    return int(struct.unpack("<I", head[4:])[0])


def _walk(handle: int, first: int) -> NDArray[np.int64]:
    """Every fragment from byte ``first`` on, up to the first thing that is no item."""
    places: list[tuple[int, int]] = []
    at = first
    while (length := _item_length(handle, at)) is not None:
        places.append((at + ITEM_HEADER, length))
        at += ITEM_HEADER + length
    return np.array(places, dtype=np.int64).reshape(-1, 2)


def frame_cells(
    instances: list[Instance], grid: tuple[int, int], slide_id: str
) -> NDArray[np.int64]:
    """(frames, 2) row and column of tiles of each frame of one level, in file order.

    ``instances`` are one instance or the parts of a concatenation in their order; ``grid`` is
    (rows, columns) of tiles. TILED_FULL frames fill the grid row by row. Others must state their
    places: files that state neither exist, and one of them goes column by column.

    Raises
    ------
    SlideUnreadable
        "damaged-file": the places of frames cannot be read; "unsupported-layout": frames without a
        place, off the grid, or more than one at a place (focal planes, optical paths).
    """
    total = sum(map(frame_count, instances))
    header = instances[0].header
    if header.get("DimensionOrganizationType") == "TILED_FULL" or grid == (1, 1):
        cells = np.stack(np.divmod(np.arange(total, dtype=np.int64), grid[1]), axis=1)
        fits = total == grid[0] * grid[1]
    else:
        corners_px = _stated_corners_px(instances, slide_id)
        cells, rest = np.divmod(corners_px, [int(header.Rows), int(header.Columns)])
        inside = (cells >= 0).all() and (cells < grid).all() and not rest.any()
        fits = bool(inside) and len(np.unique(cells, axis=0)) == total
    if not fits:
        detail = f"{total} frames for {grid[0]} x {grid[1]} tiles, not one each"
        raise SlideUnreadable(slide_id, "unsupported-layout", {"detail": detail})
    return cells


def _stated_corners_px(instances: list[Instance], slide_id: str) -> NDArray[np.int64]:
    """(frames, 2) row and column of each frame's first pixel, from 0.

    From the plane position of each frame (PS3.3 C.8.12.6.1), which counts from 1.
    """
    tag = "PerFrameFunctionalGroupsSequence"
    corners: list[tuple[int, int]] = []
    try:
        for instance in instances:
            header, _ = read_header(instance.path, [tag])
            for group in header.get(tag) or ():
                place = group.PlanePositionSlideSequence[0]
                row = int(place.RowPositionInTotalImagePixelMatrix)
                corners.append((row, int(place.ColumnPositionInTotalImagePixelMatrix)))
    except DAMAGE as cause:
        detail = "the places of its frames cannot be read"
        raise SlideUnreadable(slide_id, "damaged-file", {"detail": detail}) from cause
    if not corners:
        detail = "its frames state no place in the picture"
        raise SlideUnreadable(slide_id, "unsupported-layout", {"detail": detail})
    if len(corners) != sum(map(frame_count, instances)):
        detail = f"{len(corners)} places for {sum(map(frame_count, instances))} frames"
        raise SlideUnreadable(slide_id, "damaged-file", {"detail": detail})
    return np.array(corners, dtype=np.int64) - 1


def first_bytes(path: Path, place: NDArray[np.int64], count: int) -> bytes:
    """The first ``count`` bytes of a frame."""
    handle = os.open(path, os.O_RDONLY)
    try:
        return os.pread(handle, min(count, int(place[1])), int(place[0]))
    finally:
        os.close(handle)
