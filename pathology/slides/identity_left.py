"""A second look at a copy without identity, by other eyes than those that made it.

OpenSlide, tifffile and pydicom read the copy, and what they find is held against short lists of
what may be there. The makers' code (``exchange``) is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import openslide
import pydicom
import pydicom.config
import tifffile
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from pathology.slides.dicom_series import dicom_candidates
from pathology.slides.tiff_chain import quiet_tiff

APERIO: Final = re.compile(
    r"Aperio Image Library\r\n\d+x\d+ \(\d+x\d+\)( -> \d+x\d+)?"
    r"(\|AppMag = [\d.]+)?(\|MPP = [\d.e\-]+)?"
)
OBJECTIVE: Final = re.compile(r"(<Objective>[\d.]+x)?")
OME_WORDS: Final = frozenset(
    {
        "OME", "Instrument", "Objective", "Image", "InstrumentRef", "ObjectiveSettings", "Pixels",
        "Channel", "TiffData",
    }
)  # fmt: skip
TEXT_TAGS: Final = frozenset({270})
KINDS_OF_TEXT: Final = frozenset({2})
MAY_HIDE: Final = frozenset({347, 34675})
"""Bytes that are no text: JPEG tables, a colour profile."""
BYTES_KIND: Final = 7
NAMES: Final = frozenset({"PN", "DA", "DT", "TM", "LT", "ST", "UT", "UC", "UR", "AE", "AS", "UN"})
SAID: Final = {
    "ContentDate": "20000101",
    "ContentTime": "000000",
    "AcquisitionDateTime": "20000101000000",
}


def left_in_tiff(copy: Path) -> list[str]:
    """What in a TIFF could still name somebody; empty when nothing does."""
    found: list[str] = []
    with quiet_tiff(copy) as tiff:
        for page in tiff.pages:
            whole = page if isinstance(page, tifffile.TiffPage) else page.aspage()
            found += _in_page(whole)
            for below in whole.pages or ():
                found += _in_page(below if isinstance(below, tifffile.TiffPage) else below.aspage())
    return found + _pictures_beside(copy)


def _pictures_beside(copy: Path) -> list[str]:
    try:
        if openslide.OpenSlide.detect_format(copy) is None:
            return []
        with openslide.OpenSlide(copy) as slide:
            return [f"OpenSlide finds a picture: {name}" for name in slide.associated_images]
    except openslide.OpenSlideError:  # a codec that it does not know, as bare JPEG 2000
        return []


def _in_page(page: tifffile.TiffPage) -> list[str]:
    found = [] if page.is_tiled else ["a picture that is not stored in tiles"]
    for tag in page.tags.values():
        kind = int(tag.dtype)
        if kind in KINDS_OF_TEXT and tag.code not in TEXT_TAGS:
            found.append(f"tag {tag.code} is a text")
        if kind == BYTES_KIND and tag.code not in MAY_HIDE and tag.count > 4:
            found.append(f"tag {tag.code} holds bytes")
    text = page.description
    if not (APERIO.fullmatch(text) or OBJECTIVE.fullmatch(text) or _plain_ome(text)):
        found.append("the description says more than size and scale")
    return found


def _plain_ome(text: str) -> bool:
    """Whether an OME document has elements of the list alone, and no text between them."""
    if not text.startswith("<?xml"):
        return False
    names = set(re.findall(r"<([A-Za-z]+)", text))
    between = re.sub(r"<[^>]*>", "", text).strip()
    values = re.findall(r'="([^"]*)"', text)
    short = all(len(v) <= 24 or v.startswith("http://www.openmicroscopy.org/") for v in values)
    return names <= OME_WORDS and not between and short


def left_in_dicom(folder: Path, originals: Sequence[Path]) -> list[str]:
    """What in a folder of instances could still name somebody; empty when nothing does."""
    with pydicom.config.disable_value_validation():  # its complaints would quote the header
        return _left(folder, originals)


def _left(folder: Path, originals: Sequence[Path]) -> list[str]:
    old = {value for path in originals for value in _uids(_read(path))}
    found: list[str] = []
    for copy in dicom_candidates(folder):
        header = _read(copy)
        if list(header.get("ImageType") or ())[2:3] != ["VOLUME"]:
            found.append("a label or overview image")
        if header.get("PatientIdentityRemoved") != "YES":
            found.append("no mark that identity was removed")
        found += [f"an identifier of the scan ({uid[:8]}...)" for uid in old & _uids(header)]
        found += [f"{e.keyword or e.tag} has a value" for e in header.iterall() if _tells(e)]
        with copy.open("rb") as file:
            if file.read(128).strip(b"\0"):
                found.append("words before the header")
    return found


def _tells(element: DataElement) -> bool:
    if element.tag.is_private:
        return True
    value = "" if element.value is None else str(element.value)
    return element.VR in NAMES and bool(value) and SAID.get(element.keyword) != value


def _read(path: Path) -> Dataset:
    return pydicom.dcmread(path, stop_before_pixels=True)


def _uids(header: Dataset) -> set[str]:
    found: set[str] = set()
    for element in [*header.iterall(), *header.file_meta]:
        # The class of an implementation names the library that wrote a file, of either alike.
        if element.VR == "UI" and element.value and element.keyword != "ImplementationClassUID":
            value: Any = element.value
            found |= {str(v) for v in ([value] if isinstance(value, str) else value)}
    return {uid for uid in found if not uid.startswith("1.2.840.10008.")}
