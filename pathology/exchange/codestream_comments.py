"""Words inside compressed tiles: JPEG and JPEG 2000 have room for comments and whole documents.

A copy keeps the bytes of every tile, so a tile that holds words cannot be copied. Only what says
how to decode passes, and the signature that a JPEG 2000 encoder leaves of itself.
"""

from __future__ import annotations

import re
from typing import Final

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
APP0, APP14 = 0xE0, 0xEE
JPEG_PLAIN: Final = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD, SOS})
"""Frames, tables, restart interval, number of lines, scan (ITU T.81, table B.1)."""
JFIF, ADOBE = b"JFIF\0", b"Adobe"
JFIF_BYTES, ADOBE_BYTES = 14, 12  # without a thumbnail; T.81 leaves them to their makers
BEYOND_SCAN: Final = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
PADDING: Final = b"\0\xff"

J2K_START, J2K_COMMENT, J2K_PART, J2K_DATA, J2K_END = 0xFF4F, 0xFF64, 0xFF90, 0xFF93, 0xFFD9
J2K_PLAIN: Final = frozenset(
    {0xFF51, 0xFF52, 0xFF53, 0xFF55, 0xFF57, 0xFF58, 0xFF5C, 0xFF5D, 0xFF5E, 0xFF5F, 0xFF60, 0xFF61}
    | {0xFF50, 0xFF63}
)
"""Marker segments without words (ITU T.800, table A.2)."""
ENCODER: Final = re.compile(
    rb"\0\x01(Kakadu|Created by OpenJPEG version|OpenJPEG|JasPer( Version)?|Grok|Aware)"
    rb"[ \-]?v?\d{1,3}(\.\d{1,4}){0,3}\0?"
    rb"|\0\x01Kdu-Layer-Info: log_2\{Delta-D\([A-Za-z\-]{1,20}\)/(\[2\^16\*)?Delta-L\(bytes\)\]?\},"
    rb" L\(bytes\)\n"
    rb"[\d\s.,eE+\-]{0,4000}\0?"
)
"""The name and version of a program, or Kakadu's table of layers, and nothing beside."""


def words_in(codec: str, tile: bytes) -> str | None:
    """What in a compressed tile is no picture, in a few words; None when nothing is.

    ``codec`` is jpeg or jpeg2000; others have no room for words. What cannot be followed to its end
    counts as words: nobody knows what it is.
    """
    try:
        if codec == "jpeg":
            return _in_jpeg(tile)
        return _in_jpeg2000(tile) if codec == "jpeg2000" else None
    except IndexError:
        return "it ends within its own header"


def tables_are_plain(tables: bytes) -> bool:
    """Whether TIFF's shared JPEG tables hold tables alone."""
    try:
        return _in_jpeg(tables) is None
    except IndexError:
        return False


def _in_jpeg(data: bytes) -> str | None:
    if data[:2] != bytes([0xFF, SOI]):
        return "it is no JPEG"
    at = 2
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1
        if data[at] != 0xFF:
            return "bytes between its segments"
        marker = data[at + 1]
        if marker == EOI:
            return "bytes behind its end" if data[at + 2 :].strip(PADDING) else None
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if problem := _jpeg_segment(marker, body):
            return problem
        at += 2 + length
        if marker == SOS:
            found = BEYOND_SCAN.search(data, at)
            if found is None:  # some writers leave the end marker out
                return None
            at = found.end() - 2


def _jpeg_segment(marker: int, body: bytes) -> str | None:
    plain = (
        marker in JPEG_PLAIN
        or (marker == APP0 and body.startswith(JFIF) and len(body) == JFIF_BYTES)
        or (marker == APP14 and body.startswith(ADOBE) and len(body) == ADOBE_BYTES)
    )
    return None if plain else f"a JPEG segment {marker:02X}"


def _in_jpeg2000(data: bytes) -> str | None:
    if int.from_bytes(data[:2], "big") != J2K_START:
        return "it is no bare JPEG 2000 codestream"
    at, part_at, part_length = 2, 0, 0
    while True:
        marker = (data[at] << 8) | data[at + 1]
        if marker == J2K_END:
            return "bytes behind its end" if data[at + 2 :].strip(PADDING) else None
        if marker == J2K_DATA:
            if part_length == 0:  # the last part reaches to the end
                return None
            at = part_at + part_length
            if at == len(data):  # some writers leave the end marker out
                return None
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == J2K_PART:
            part_at, part_length = at, int.from_bytes(data[at + 6 : at + 10], "big")
        elif marker == J2K_COMMENT:
            if not ENCODER.fullmatch(data[at + 4 : at + 2 + length]):
                return "a JPEG 2000 comment"
        elif marker not in J2K_PLAIN:
            return f"a JPEG 2000 segment {marker:04X}"
        at += 2 + length
