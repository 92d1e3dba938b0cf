"""What a scanner wrote into a file about whose slide it is: barcode, accession, specimen.

All of it is an identity: it is handed to whoever compares identities and told to nobody else.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import openslide
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from pathology.slides.dicom_series import (
    DAMAGE,
    dicom_candidates,
    has_magic,
    is_instance,
    read_header,
)
from pathology.slides.path_kind import is_folder

DICOM: Final = "dicom."
TAGS: Final = ("BarcodeValue", "ContainerIdentifier", "AccessionNumber")
SPECIMENS: Final = "SpecimenDescriptionSequence"


def read_label(path: Path, names: Collection[str]) -> tuple[tuple[str, str], ...]:
    """(field, text) of each field of ``names`` that the file has, as it stands there.

    Fields are "dicom." and an attribute's keyword (BarcodeValue, ContainerIdentifier,
    AccessionNumber; SpecimenIdentifier where one specimen is on the slide), or a property by
    OpenSlide's name. Instances of a series that differ are all told. A file that cannot be read
    says nothing here; reading it for its pixels tells why.
    """
    is_dicom = is_folder(path) or has_magic(path)
    found = _dicom(path) if is_dicom else _properties(path)
    told = ((name, text.strip()) for name, text in found if name in names)
    return tuple(dict.fromkeys((name, text) for name, text in told if text))


def _dicom(path: Path) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    try:
        files = [p for p in dicom_candidates(path) if is_instance(p)] if is_folder(path) else [path]
        for file in files:
            header, _ = read_header(file, (*TAGS, SPECIMENS))
            found += _attributes(header)
    except (*DAMAGE, InvalidDicomError):
        return found
    return found


def _attributes(header: Dataset) -> list[tuple[str, str]]:
    found = [(DICOM + tag, str(header.get(tag) or "")) for tag in TAGS]
    specimens = header.get(SPECIMENS) or []
    if len(specimens) == 1:
        found.append(
            (f"{DICOM}SpecimenIdentifier", str(specimens[0].get("SpecimenIdentifier", "")))
        )
    return found


def _properties(path: Path) -> list[tuple[str, str]]:
    try:
        if openslide.OpenSlide.detect_format(path) is None:
            return []
        with openslide.OpenSlide(path) as slide:
            return list(slide.properties.items())
    except (openslide.OpenSlideError, OSError, ValueError):
        return []
