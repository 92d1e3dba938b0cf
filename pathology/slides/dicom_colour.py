"""What the samples of DICOM frames mean: the frames are asked first, the header second.

Headers that say RGB over YCbCr frames are common; whoever believes them sees pink and green, and
so do OpenSlide and wsidicom.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pathology.slides.tile_index import Codec, StoredColour

PHOTOMETRICS: Final = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
"""PhotometricInterpretation of colour frames that are read (PS3.3 C.7.6.3.1.2)."""
HEAD_BYTES: Final = 4096  # far more than the segments that come before the pixels

APP0, APP14, START_OF_SCAN = 0xFFE0, 0xFFEE, 0xFFDA
CODESTREAM: Final = b"\xff\x4f\xff\x51"
CODING_STYLE, START_OF_TILE = 0xFF52, 0xFF90


def stored_colour(codec: Codec, photometric: str, head: bytes) -> StoredColour:
    """What a decoder of ``codec`` gets to see, before any colour transform of ours.

    Parameters
    ----------
    photometric
        One of ``PHOTOMETRICS``, as the header states it.
    head
        The first ``HEAD_BYTES`` of a frame.
    """
    said = {"jpeg": _said_by_jpeg, "jpeg2000": _said_by_jpeg2000}.get(codec, _says_nothing)(head)
    by_header: StoredColour = "rgb" if photometric == "RGB" else "ycbcr"
    return said or by_header


def _says_nothing(head: bytes) -> None:
    return None


def _said_by_jpeg(head: bytes) -> StoredColour | None:
    """JFIF's marker means YCbCr (ITU-T T.871), Adobe's names the transform; else None."""
    said: StoredColour | None = None
    for marker, body in _segments(head, 2, START_OF_SCAN):
        if marker == APP14 and body[:5] == b"Adobe" and len(body) >= 12:
            return "rgb" if body[11] == 0 else "ycbcr"
        if marker == APP0 and body[:4] == b"JFIF":
            said = "ycbcr"
    return said


def _said_by_jpeg2000(head: bytes) -> StoredColour | None:
    """A codestream with a colour transform of its own undoes it and gives RGB; else None.

    The flag is byte 4 of the coding style segment (ISO/IEC 15444-1 A.6.1).
    """
    start = head.find(CODESTREAM)
    if start < 0:
        return None
    for marker, body in _segments(head, start + 2, START_OF_TILE):
        if marker == CODING_STYLE and len(body) > 4:
            return "rgb" if body[4] == 1 else None
    return None


def _segments(head: bytes, at: int, last: int) -> Iterator[tuple[int, bytes]]:
    """(marker, body) of the segments from byte ``at`` up to marker ``last``."""
    while at + 4 <= len(head) and head[at] == 0xFF:
        marker, length = int.from_bytes(head[at : at + 2]), int.from_bytes(head[at + 2 : at + 4])
        if marker == last:
            return
        yield marker, head[at + 4 : at + 2 + length]
        at += 2 + length
