"""Which TIFFs are read tile by tile here, and which are left to OpenSlide or the plain fields."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import openslide
import tifffile

from pathology.slides.backend import Backend
from pathology.slides.tiff_chain import has_tiff_magic, quiet_tiff
from pathology.slides.tiff_index import CODECS, DAMAGE, NAME, examine, open_tiled

READ_HERE: Final = (None, "aperio", "generic-tiff")
"""Vendors, in OpenSlide's words, whose TIFFs are plain pyramids; the others have rules of their own
(NDPI's strips, SCN's areas, BIF's overlaps, Philips' sparse levels)."""


def recognises(path: Path) -> bool:
    """Whether ``path`` is a TIFF for this backend: tiled, multichannel, or too damaged to tell.

    A TIFF whose directory cannot be read comes here to be refused in plain words.
    """
    if not path.is_file() or not has_tiff_magic(path):
        return False
    if openslide.OpenSlide.detect_format(path) not in READ_HERE:
        return False
    try:
        with quiet_tiff(path) as tiff:
            pages = [page.aspage() for page in tiff.pages]
            tiled = any(page.is_tiled for page in pages)
            return bool(tiled or tiff.is_qpi) and not _has_thin_colour(pages[0], path)
    except DAMAGE:
        return True


def _has_thin_colour(page: tifffile.TiffPage, path: Path) -> bool:
    """Whether JPEG 2000 tiles store colour at less than full size, which OpenSlide can widen."""
    if CODECS.get(int(page.compression)) != "jpeg2000":
        return False
    with path.open("rb") as file:
        file.seek(page.dataoffsets[0])
        head = file.read(min(page.databytecounts[0], 256))
    # SIZ (ISO/IEC 15444-1 A.5.1): 36 bytes after the marker's length come the components, 3 bytes
    # each, of which the last two are the steps between their samples.
    at = head.find(b"\xff\x51")
    if at < 0:
        return False
    components = head[at + 40 : at + 40 + 3 * int.from_bytes(head[at + 38 : at + 40])]
    return any(step != 1 for step in components[1::3] + components[2::3])


BACKEND: Final = Backend(name=NAME, recognises=recognises, examine=examine, open=open_tiled)
