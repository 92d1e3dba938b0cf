"""A colour profile (ICC) without words: what it does to colours stays, its makers' names go."""

from __future__ import annotations

import struct
from typing import Final

HEADER_BYTES: Final = 128
TAG = struct.Struct(">4sII")
MOST_TAGS: Final = 100
COLOUR_TAGS: Final = frozenset(
    {b"wtpt", b"bkpt", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"chad"}
    | {b"A2B0", b"A2B1", b"A2B2", b"B2A0", b"B2A1", b"B2A2", b"gamt", b"lumi", b"view", b"meas"}
    | {b"D2B0", b"D2B1", b"D2B2", b"D2B3", b"B2D0", b"B2D1", b"B2D2", b"B2D3", b"chrm", b"tech"}
)
"""ICC.1:2010, section 9.2, without those that are text, names, dates or devices."""
COLOUR_TYPES: Final = frozenset(
    {b"XYZ ", b"curv", b"para", b"sf32", b"uf32", b"mft1", b"mft2", b"mAB ", b"mBA ", b"mpet"}
    | {b"view", b"meas", b"chrm", b"sig "}
)
DATE: Final = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
CLEARED: Final = ((4, 8), (40, 44), (48, 56), (80, 128))
"""Bytes of the header that name programs, devices and makers, and its digest."""


def plain_profile(profile: bytes) -> bytes:
    """The profile with its colour tags alone, and with the two texts it must have made neutral.

    Raises
    ------
    ValueError
        It is no profile that can be followed.
    """
    if len(profile) < HEADER_BYTES + 4 or profile[36:40] != b"acsp":
        raise ValueError("no colour profile")
    (count,) = struct.unpack_from(">I", profile, HEADER_BYTES)
    if count > MOST_TAGS or HEADER_BYTES + 4 + count * TAG.size > len(profile):
        raise ValueError("a colour profile whose tags are cut off")
    kept: list[tuple[bytes, bytes]] = []
    for number in range(count):
        name, at, size = TAG.unpack_from(profile, HEADER_BYTES + 4 + number * TAG.size)
        body = profile[at : at + size]
        if name in COLOUR_TAGS:
            if len(body) != size or body[:4] not in COLOUR_TYPES:
                raise ValueError("a colour profile with an unknown tag")
            kept.append((name, body))
    text = _localised if profile[8] >= 4 else _described
    return _assembled(profile, [(b"desc", text()), (b"cprt", _copyright(profile[8])), *kept])


def _assembled(profile: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    table, bodies = b"", b""
    at = HEADER_BYTES + 4 + TAG.size * len(tags)
    for name, body in tags:
        table += TAG.pack(name, at + len(bodies), len(body))
        bodies += body + b"\0" * (-len(body) % 4)
    header = bytearray(profile[:HEADER_BYTES])
    for first, after in CLEARED:
        header[first:after] = bytes(after - first)
    header[24:36] = DATE
    header[:4] = struct.pack(">I", at + len(bodies))
    return bytes(header) + struct.pack(">I", len(tags)) + table + bodies


def _described() -> bytes:
    """``textDescriptionType`` of ICC version 2: ASCII, no Unicode, no Macintosh text."""
    text = b"slide\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(8 + 3 + 67)


def _localised() -> bytes:
    """``multiLocalizedUnicodeType`` of ICC version 4, one record."""
    text = "slide".encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text


def _copyright(version: int) -> bytes:
    return _localised() if version >= 4 else b"text\0\0\0\0none\0"
