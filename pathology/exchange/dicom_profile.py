"""DICOM headers without identity: PS3.15 annex E, Basic Profile, and stricter.

The profile lists what must go; here stands what may stay, so that an attribute that is new, private
or forgotten goes as well. Dates, times, names, numbers of devices and free text are not on the
list. Identifiers (UIDs) are replaced, each by the same one everywhere in a copy.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Final

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from pathology.exchange.colour_profile import plain_profile

STANDARD_UIDS: Final = "1.2.840.10008."
KEPT: Final = frozenset(
    {
        "SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID",
        "SeriesInstanceUID", "Modality", "Manufacturer", "ManufacturerModelName",
        "VolumetricProperties", "BurnedInAnnotation", "FrameOfReferenceUID", "InstanceNumber",
        "SeriesNumber", "InConcatenationNumber", "InConcatenationTotalNumber", "ConcatenationUID",
        "ConcatenationFrameOffsetNumber", "SOPInstanceUIDOfConcatenationSource",
        "DimensionOrganizationSequence", "DimensionOrganizationUID", "DimensionIndexSequence",
        "DimensionIndexPointer", "FunctionalGroupPointer", "DimensionOrganizationType",
        "DimensionIndexValues", "FrameContentSequence", "SamplesPerPixel",
        "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames",
        "FrameIncrementPointer", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit",
        "PixelRepresentation", "LossyImageCompression", "LossyImageCompressionRatio",
        "LossyImageCompressionMethod", "RepresentativeFrameNumber", "PresentationLUTShape",
        "RescaleIntercept", "RescaleSlope", "ImagedVolumeWidth", "ImagedVolumeHeight",
        "ImagedVolumeDepth", "TotalPixelMatrixColumns", "TotalPixelMatrixRows",
        "TotalPixelMatrixFocalPlanes", "TotalPixelMatrixOriginSequence",
        "XOffsetInSlideCoordinateSystem", "YOffsetInSlideCoordinateSystem",
        "ZOffsetInSlideCoordinateSystem", "ImageOrientationSlide", "SpecimenLabelInImage",
        "FocusMethod", "ExtendedDepthOfField", "NumberOfFocalPlanes",
        "DistanceBetweenFocalPlanes", "NumberOfOpticalPaths", "OpticalPathSequence",
        "IlluminationTypeCodeSequence", "IlluminationColorCodeSequence", "IlluminationWaveLength",
        "ObjectiveLensPower", "ObjectiveLensNumericalAperture", "CondenserLensPower",
        "OpticalPathIdentifier", "OpticalPathIdentificationSequence", "CodeValue",
        "CodingSchemeDesignator", "CodeMeaning", "ICCProfile", "ColorSpace",
        "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
        "PixelMeasuresSequence", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices",
        "PlanePositionSlideSequence", "ColumnPositionInTotalImagePixelMatrix",
        "RowPositionInTotalImagePixelMatrix", "WholeSlideMicroscopyImageFrameTypeSequence",
        "FrameType", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
    }
)  # fmt: skip
EMPTIED: Final = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "AccessionNumber", "ReferringPhysicianName", "StudyID", "PositionReferenceIndicator",
)  # fmt: skip
"""Must be there, and say nothing (type 2; action Z)."""
DUMMY: Final[Mapping[str, str]] = {
    "ContentDate": "20000101",
    "ContentTime": "000000",
    "AcquisitionDateTime": "20000101000000",
    "ContainerIdentifier": "CONTAINER",
    "DeviceSerialNumber": "0",
    "SoftwareVersions": "0",
}
"""Must be there with a value (type 1; action D)."""
PROFILE_CODE: Final = ("113100", "DCM", "Basic Application Confidentiality Profile")
CODED_WORDS: Final = frozenset({"SCT", "SRT", "DCM", "LN", "UCUM"})
"""Schemes whose meanings are no text of a site's own."""


class NewUids:
    """A new identifier for each old one, the same within one copy and unlike any other copy's."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def __call__(self, uid: str) -> str:
        """The new UID, under the root 2.25 (PS3.5 B.2); standard ones stay."""
        if uid.startswith(STANDARD_UIDS):
            return uid
        digest = hashlib.sha256(self._secret + uid.encode()).digest()
        return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def nameless(header: Dataset, new_uid: NewUids) -> Dataset:
    """A header of one instance without identity; pixel data is not looked at.

    Raises
    ------
    ValueError
        It says that its picture holds names, or its colour profile cannot be followed.
    """
    if str(header.get("BurnedInAnnotation", "NO")) == "YES":
        raise ValueError("its header says that annotations are burned into the picture")
    if str(header.get("SpecimenLabelInImage", "NO")) == "YES":
        raise ValueError("its header says that the label is in the picture")
    made = _kept(header, new_uid)
    for keyword in EMPTIED:
        setattr(made, keyword, "")
    for keyword, value in DUMMY.items():
        setattr(made, keyword, value)
    made.ContainerTypeCodeSequence = []
    made.IssuerOfTheContainerIdentifierSequence = []
    made.AcquisitionContextSequence = []
    made.SpecimenDescriptionSequence = [_specimen(new_uid)]
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = "PS3.15 Basic Profile, attributes by list"
    made.DeidentificationMethodCodeSequence = [_code(*PROFILE_CODE)]
    made.BurnedInAnnotation = "NO"
    made.SpecimenLabelInImage = "NO"
    return made


def _kept(holder: Dataset, new_uid: NewUids) -> Dataset:
    made = Dataset()
    for element in holder:
        if element.keyword not in KEPT or element.tag != tag_for_keyword(element.keyword):
            continue
        if (new := _element(element, new_uid)) is not None:
            made.add(new)
    scheme = made.get("CodingSchemeDesignator")
    if "CodeMeaning" in made and scheme not in CODED_WORDS:
        made.CodeMeaning = "-"
    return made


def _element(element: DataElement, new_uid: NewUids) -> DataElement | None:
    value = element.value
    if element.VR == "SQ":
        value = [_kept(item, new_uid) for item in value or ()]
    elif element.VR == "UI" and value:
        several = not isinstance(value, str)
        value = [new_uid(str(v)) for v in value] if several else new_uid(str(value))
    elif element.keyword == "ICCProfile":
        value = plain_profile(bytes(value))
        value += b"\0" * (len(value) % 2)
    elif element.keyword in ("CodeValue", "OpticalPathIdentifier") and len(str(value)) > 16:
        return None
    return DataElement(element.tag, element.VR, value)


def _specimen(new_uid: NewUids) -> Dataset:
    made = Dataset()
    made.SpecimenIdentifier, made.SpecimenUID = "SPECIMEN", new_uid("specimen")
    made.IssuerOfTheSpecimenIdentifierSequence = []
    made.SpecimenPreparationSequence = []
    return made


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, scheme, meaning
    return made
