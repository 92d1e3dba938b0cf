"""Whether the first bytes of a file may begin a slide that is one file. The content alone decides.

The whole is examined once it is there; this only spares sending gigabytes that are none.
"""

from __future__ import annotations

from typing import Final, Literal

from pathology.slides.foreign_slide import FORMATS
from pathology.slides.tiff_chain import TIFF_MAGIC

Kind = Literal["one-file", "many-files", "picture", "unknown"]
HEAD_BYTES: Final = 4096
DICOM_AT, DICOM = 128, b"DICM"
CZI: Final = b"ZISRAWFILE"
PICTURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"GIF8")
INDEX: Final = (b"[GENERAL]", b"[Virtual Microscope Specimen]", b"[Uncompressed Virtual")
"""Beginnings of MRXS' Slidedat.ini and of Hamamatsu's VMS and VMU."""


def kind_of(head: bytes) -> Kind:
    """By the first ``HEAD_BYTES`` (or all, of a shorter file)."""
    if head[DICOM_AT:].startswith(DICOM) or head.lstrip(b"\xef\xbb\xbf\r\n ").startswith(INDEX):
        return "many-files"
    if head.startswith(PICTURES):
        return "picture"
    foreign = (f for f in FORMATS.values() if f.package and f.magic)
    if any(head[f.magic_at :].startswith(f.magic) for f in foreign):
        return "one-file"
    return "one-file" if head[:4] in TIFF_MAGIC or head.startswith(CZI) else "unknown"
