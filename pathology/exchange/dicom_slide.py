"""The slide that DICOM objects of a result speak about: its header, or one made up and said to be.

Objects of a DICOM slide carry its study, patient, specimen and frame of reference, so that an
archive files them beside it (PS3.3 A.32.8). A slide that is no DICOM has none of these: then UIDs
are made from its digest, always the same ones, nobody is named, and the objects say so.
"""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pydicom
from highdicom.spatial import ImageToReferenceTransformer
from highdicom.sr import CodedConcept
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.sr.codedict import codes
from pydicom.uid import UID, VLWholeSlideMicroscopyImageStorage

from pathology.errors import UsageError
from pathology.records.result import StoredResult, StoredSlide

MADE_UP: Final = "UIDs of study, series and image made up: no DICOM scan was named"
WITHHELD: Final = "no patient is named: this site works with pseudonyms"
NAMES: Final = uuid.UUID("b2a1c9f4-0a53-5a0f-8f0e-6c1f5b7e2d11")
PATIENT: Final = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
STUDY: Final = (
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
NEEDED: Final = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "TotalPixelMatrixRows",
    "TotalPixelMatrixColumns",
    "TotalPixelMatrixOriginSequence",
    "ImageOrientationSlide",
)
"""Without these no place on the slide can be told to another program."""
SHOWN: Final = (
    "SpecificCharacterSet",
    "Modality",
    "ImageType",
    "PositionReferenceIndicator",
    "StudyDescription",
    "IssuerOfPatientID",
    "PatientAge",
    "ContainerIdentifier",
    "IssuerOfTheContainerIdentifierSequence",
    "ContainerTypeCodeSequence",
    "SpecimenDescriptionSequence",
    "DimensionOrganizationType",
    "SharedFunctionalGroupsSequence",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)
HEADER: Final = (*PATIENT, *STUDY, *NEEDED, *SHOWN)
"""What is asked of a slide's header. The place of every frame is not: it takes half a minute."""
UTF8: Final = "ISO_IR 192"
TILE_PX: Final = 256
GLASS: Final = CodedConcept.from_code(codes.SCT.MicroscopeSlide)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DicomSlide:
    """Header of a slide's finest image; ``said`` is what people must know of it."""

    header: Dataset
    said: tuple[str, ...] = ()

    @property
    def spacing_mm(self) -> tuple[float, float]:
        """Between rows and between columns of the total pixel matrix."""
        shared = self.header.SharedFunctionalGroupsSequence[0]
        between_rows, between_columns = shared.PixelMeasuresSequence[0].PixelSpacing
        return float(between_rows), float(between_columns)

    @property
    def origin_mm(self) -> tuple[float, float, float]:
        """Where the middle of the first pixel lies on the glass."""
        at = self.header.TotalPixelMatrixOriginSequence[0]
        z = at.get("ZOffsetInSlideCoordinateSystem") or 0.0
        x, y = at.XOffsetInSlideCoordinateSystem, at.YOffsetInSlideCoordinateSystem
        return float(x), float(y), float(z)

    @property
    def orientation(self) -> tuple[float, ...]:
        """Direction cosines of rows and columns, six numbers."""
        return tuple(float(c) for c in self.header.ImageOrientationSlide)

    def to_mm(self, points_px0: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (n, 2) in level-0 px as (n, 3) mm in the slide's frame of reference.

        Ours and DICOM's image coordinates are alike: (0, 0) is a corner, (0.5, 0.5) the middle of
        the first pixel (PS3.3 C.18.6.1.1).
        """
        transform = ImageToReferenceTransformer(
            image_position=self.origin_mm,
            image_orientation=self.orientation,
            pixel_spacing=self.spacing_mm,
        )
        found: NDArray[np.float64] = transform(np.asarray(points_px0, np.float64))
        return found


def read_headers(files: Iterable[Path]) -> list[Dataset]:
    """``HEADER`` of the images among ``files`` that show the slide at scan quality."""
    found: list[Dataset] = []
    for path in files:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of values that break a rule of form
                header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(HEADER))
        except (InvalidDicomError, OSError):
            continue  # what stands beside a slide's images is no business of ours
        kind = list(header.get("ImageType") or [])
        if header.get("SOPClassUID") == VLWholeSlideMicroscopyImageStorage and "VOLUME" in kind:
            found.append(header)
    return found


def slide_of_header(headers: Sequence[Dataset], result: StoredResult) -> DicomSlide:
    """The image of a DICOM series that a result's level-0 pixels are those of.

    ``headers`` hold ``HEADER``. With pseudonyms nobody is named.

    Raises
    ------
    UsageError
        No image has the result's size, or its header does not say where it lies.
    """
    size = result.slide.width_px0, result.slide.height_px0
    finest = next((h for h in headers if _size(h) == size), None)
    if finest is None:
        raise UsageError("--slide: no image of this DICOM series has the size of the result's scan")
    header = _chosen(finest)
    shared = header.get("SharedFunctionalGroupsSequence") or [Dataset()]
    missing = [name for name in NEEDED if header.get(name) in (None, "")]
    missing += [] if shared[0].get("PixelMeasuresSequence") else ["PixelSpacing"]
    if missing:
        raise UsageError(
            f"--slide: its header lacks {', '.join(missing)}, so no place on it can be told in "
            "DICOM. Export without --slide: UIDs are made up then, and the files say so"
        )
    said = _scales(header, result)
    if result.slide.file is None:
        _blank(header)
        said = (*said, WITHHELD)
    return DicomSlide(header=header, said=said)


def made_up_slide(result: StoredResult) -> DicomSlide:
    """A header for a slide that has none: its axes are the scan's own, from its upper left corner.

    The same scan always gets the same UIDs.
    """
    slide = result.slide
    header = Dataset()
    _blank(header)
    header.StudyDate, header.StudyTime = None, None
    header.SpecificCharacterSet = UTF8
    header.Modality, header.SOPClassUID = "SM", VLWholeSlideMicroscopyImageStorage
    header.ImageType = ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    for keyword in NEEDED:
        if keyword.endswith("InstanceUID") or keyword == "FrameOfReferenceUID":
            setattr(header, keyword, own_uid(f"{slide.digest}/{keyword}"))
    header.PositionReferenceIndicator = "SLIDE_CORNER"
    header.Rows = header.Columns = TILE_PX
    header.TotalPixelMatrixRows, header.TotalPixelMatrixColumns = slide.height_px0, slide.width_px0
    header.NumberOfFrames = -(-slide.height_px0 // TILE_PX) * -(-slide.width_px0 // TILE_PX)
    header.DimensionOrganizationType = "TILED_FULL"
    header.ImageOrientationSlide = [1, 0, 0, 0, 1, 0]
    half_x, half_y = slide.mpp_x / 2000, slide.mpp_y / 2000
    header.TotalPixelMatrixOriginSequence = [
        made(XOffsetInSlideCoordinateSystem=half_x, YOffsetInSlideCoordinateSystem=half_y)
    ]
    spacing = [slide.mpp_y / 1000, slide.mpp_x / 1000]
    measures = made(PixelSpacing=spacing, SliceThickness=0.001)
    header.SharedFunctionalGroupsSequence = [made(PixelMeasuresSequence=[measures])]
    _add_specimen(header, slide)
    return DicomSlide(header=header, said=(MADE_UP,))


def _add_specimen(header: Dataset, slide: StoredSlide) -> None:
    """The glass slide as container and as specimen, under the id of the result."""
    header.ContainerIdentifier = slide.id[:64]
    header.IssuerOfTheContainerIdentifierSequence = []
    header.ContainerTypeCodeSequence = [GLASS]
    header.SpecimenDescriptionSequence = [
        made(
            SpecimenIdentifier=slide.id[:64],
            SpecimenUID=own_uid(f"{slide.digest}/specimen"),
            IssuerOfTheSpecimenIdentifierSequence=[],
            SpecimenPreparationSequence=[],
        )
    ]


def own_uid(name: str) -> UID:
    """The UID that ``name`` always has (PS3.5 B.2: "2.25." and a UUID as a number)."""
    return UID(f"2.25.{uuid.uuid5(NAMES, name).int}")


def made(**elements: Any) -> Dataset:
    """A data set of a few elements."""
    found = Dataset()
    for keyword, value in elements.items():
        setattr(found, keyword, value)
    return found


def _size(header: Dataset) -> tuple[int, int]:
    columns, rows = (
        header.get("TotalPixelMatrixColumns") or 0,
        header.get("TotalPixelMatrixRows") or 0,
    )
    return int(columns), int(rows)


def _chosen(header: Dataset) -> Dataset:
    """What objects of a result need, with empty values where the standard wants one at least."""
    found = Dataset()
    for keyword in HEADER:
        if keyword in header:
            found.add(header[keyword])
    for keyword in (*PATIENT, *STUDY):
        if keyword not in found:
            setattr(found, keyword, None)
    found.Modality = header.get("Modality") or "SM"
    return found


def _blank(header: Dataset) -> None:
    """Nobody is named; dates of the study stay, since they belong to its UID."""
    for keyword in (*PATIENT, "AccessionNumber", "StudyID", "ReferringPhysicianName"):
        setattr(header, keyword, None)
    for keyword in ("StudyDescription", "IssuerOfPatientID", "PatientAge"):
        if keyword in header:
            delattr(header, keyword)


def _scales(header: Dataset, result: StoredResult) -> tuple[str, ...]:
    """A sentence where the result was measured with another scale than the header states."""
    shared = header.SharedFunctionalGroupsSequence[0]
    stated_um = float(shared.PixelMeasuresSequence[0].PixelSpacing[1]) * 1000
    if abs(stated_um / result.slide.mpp_x - 1) < 0.01:
        return ()
    return (
        f"measured at {result.slide.mpp_x:.4g} µm/px ({result.slide.mpp_source}); the header "
        f"states {stated_um:.4g}, and places in mm follow the header",
    )
