"""DICOM instances on disk: which files are DICOM, and which of them belong to one slide.

A slide is a series of VL Whole Slide Microscopy instances in one folder (PS3.3 A.32.8): one or
more instances a resolution, beside label, overview and thumbnail. Only headers are read here.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from pathology.errors import SlideUnreadable
from pathology.slides.path_kind import is_file

WSM_SOP_CLASS = "1.2.840.10008.5.1.4.1.1.77.1.6"
DICOMDIR_SOP_CLASS = "1.2.840.10008.1.3.10"
PREAMBLE = 128
DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
TAGS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "ImageType",
    "Manufacturer",
    "ManufacturerModelName",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "BitsAllocated",
    "TotalPixelMatrixColumns",
    "TotalPixelMatrixRows",
    "TotalPixelMatrixFocalPlanes",
    "NumberOfOpticalPaths",
    "OpticalPathSequence",
    "DimensionOrganizationType",
    "ConcatenationUID",
    "ConcatenationFrameOffsetNumber",
    "SharedFunctionalGroupsSequence",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
)
"""What is read of a header. The per-frame groups of a large slide take pydicom half a minute."""
DAMAGE = (
    BytesLengthException,
    EOFError,
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    struct.error,
)
"""What pydicom lets out when bytes make no sense."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Instance:
    """One DICOM file: its header, and where in the file its pixel data element begins."""

    path: Path
    header: Dataset
    series: str  # SeriesInstanceUID
    syntax: str  # TransferSyntaxUID
    pixels_at: int  # byte of the pixel data element's tag, or the end of the header
    is_volume: bool  # shows the tissue at scan quality


class Glance(NamedTuple):
    """What a short look at a header tells."""

    series: str
    is_volume: bool


def is_dicom(path: Path) -> bool:
    """Whether ``path`` is a DICOM file, or a folder with at least one in it."""
    try:
        return any(map(has_magic, dicom_candidates(path) if path.is_dir() else [path]))
    except OSError:
        return False


def has_magic(path: Path) -> bool:
    """Whether a file carries "DICM" after its preamble (PS3.10 7.1)."""
    try:
        with path.open("rb") as file:
            return file.read(PREAMBLE + 4)[PREAMBLE:] == b"DICM"
    except OSError:
        return False


def dicom_candidates(folder: Path) -> list[Path]:
    """Files of a folder whose names allow for DICOM, sorted.

    Exports often have no suffix at all, or are named by UIDs, whose last number looks like one.
    """
    return sorted(p for p in folder.iterdir() if may_be_dicom(p) and is_file(p))


def may_be_dicom(path: Path) -> bool:
    """Whether the name allows for DICOM; hidden files and DICOMDIR do not."""
    suffix = path.suffix.lower()
    if path.name.startswith(".") or path.name.upper() == "DICOMDIR":
        return False
    return suffix in DICOM_SUFFIXES or suffix == "" or suffix[1:].isdigit()


def read_instance(path: Path, slide_id: str) -> Instance:
    """The header of one file, without its pixels.

    Raises
    ------
    SlideUnreadable
        "damaged-file": the header ends too early or makes no sense; "not-a-slide": not DICOM.
    """
    try:
        # pydicom warns of values that break a rule of form, as many scanners' do; what is needed
        # from the header is checked where it is used.
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(TAGS))
            pixels_at = file.tell()
            # Values are parsed on first use: meet a damaged one here.
            header.walk(_parse)
            syntax, series = str(header.file_meta.TransferSyntaxUID), str(header.SeriesInstanceUID)
    except InvalidDicomError as cause:
        raise SlideUnreadable(slide_id, "not-a-slide", {"detail": "no DICOM header"}) from cause
    except DAMAGE as cause:
        detail = f"its DICOM header cannot be read: {type(cause).__name__}"
        raise SlideUnreadable(slide_id, "damaged-file", {"detail": detail}) from cause
    return Instance(
        path=path,
        header=header,
        series=series,
        syntax=syntax,
        pixels_at=pixels_at,
        is_volume=_shows_volume(header),
    )


def read_header(path: Path, tags: Sequence[str]) -> tuple[Dataset, int]:
    """Elements of a header by keyword, all their values parsed, and the byte it ends at.

    Raises ``InvalidDicomError`` and ``DAMAGE``. pydicom warns of values that break a rule of form,
    as many scanners' do: what is needed is checked where it is used.
    """
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(tags))
        # Values are parsed on first use: meet a damaged one here.
        header.walk(_parse)
        return header, file.tell()


def _parse(holder: Dataset, element: object) -> None:
    """Nothing to do: handing an element over has parsed it."""


def series_of(paths: Iterable[Path], slide_id: str) -> Mapping[str, list[Instance]]:
    """Instances by SeriesInstanceUID, in the order of ``paths``; raises as ``read_instance``."""
    by_series: dict[str, list[Instance]] = {}
    for path in paths:
        instance = read_instance(path, slide_id)
        by_series.setdefault(instance.series, []).append(instance)
    return by_series


def siblings(path: Path, slide_id: str) -> list[Instance]:
    """All instances of one slide: those of a series folder, or of the series of one instance.

    Raises
    ------
    SlideUnreadable
        A header is damaged, or a folder holds several series ("unsupported-layout").
    """
    if path.is_dir():
        found = series_of(filter(is_instance, dicom_candidates(path)), slide_id)
        shown = {uid: i for uid, i in found.items() if any(x.is_volume for x in i)} or found
        if len(shown) != 1:
            detail = f"a folder of {len(shown)} DICOM series; name one file of the wanted one"
            raise SlideUnreadable(slide_id, "unsupported-layout", {"detail": detail})
        return next(iter(shown.values()))
    named = read_instance(path, slide_id)
    others = (p for p in dicom_candidates(path.parent) if p.name != path.name and is_instance(p))
    instances = [named]
    for other in others:
        seen = glance(other)
        if seen is None or seen.series == named.series:
            # A header too damaged to tell is refused aloud by read_instance, since the lost file
            # may be this slide's finest level.
            instances.append(read_instance(other, slide_id))
    return instances


def is_instance(path: Path) -> bool:
    """Whether a file counts as DICOM: by its content, or by a suffix that says so."""
    return path.suffix.lower() in DICOM_SUFFIXES or has_magic(path)


def glance(path: Path) -> Glance | None:
    """A short look at a header; None where it cannot be read or names no series."""
    try:
        header, _ = read_header(path, ("SeriesInstanceUID", "ImageType"))
        return Glance(str(header.SeriesInstanceUID), _shows_volume(header))
    except (InvalidDicomError, *DAMAGE):
        return None


def _shows_volume(header: Dataset) -> bool:
    """Whether an instance shows the tissue: neither label, overview nor thumbnail.

    Files that do not say (ImageType is mandatory, and missing in some) are taken for tissue.
    """
    kind = list(header.get("ImageType") or [])
    return len(kind) < 3 or kind[2] == "VOLUME"
