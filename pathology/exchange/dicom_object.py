"""What DICOM objects of a result have alike: who made them, that they are drafts, how they end up.

The word of a draft stands where viewers show it: in the description of the series and the content.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from highdicom import AlgorithmIdentificationSequence
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from pathology.errors import OutputError
from pathology.exchange.dicom_slide import MADE_UP, UTF8, DicomSlide, made
from pathology.exchange.whole_file import write_whole
from pathology.records.result import StoredResult
from pathology.records.settings.exchange import Code

MANUFACTURER: Final = "pathology (open source)"
MODEL_NAME: Final = "whole-slide pathology pipeline"
OWN_SCHEME: Final = "99PATH"
DRAFT: Final = "AI DRAFT, not verified by a physician"
DRAFT_MADE_UP: Final = f"{DRAFT}; UIDs made up"
LONGEST: Final = 64
"""Signs of a DICOM long string (LO)."""
PIECE: Final = 2**24
"""Bytes handed over at a time: a whole second copy in memory is not needed."""
FIRST_SERIES: Final = 900
"""Number of the first of three series; scanners number theirs from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomPlace:
    """Where an object of a result stands: a series and an instance of its own, each time new."""

    series_uid: str
    instance_uid: str
    series_number: int

    @classmethod
    def new(cls, series: int) -> DicomPlace:
        """Place in the ``series``-th series of an export."""
        return cls(
            series_uid=generate_uid(),
            instance_uid=generate_uid(),
            series_number=FIRST_SERIES + series,
        )


def placed(place: DicomPlace, result: StoredResult) -> dict[str, Any]:
    """Arguments of highdicom that say where an object stands and what made it."""
    return {
        "series_instance_uid": place.series_uid,
        "series_number": place.series_number,
        "sop_instance_uid": place.instance_uid,
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MODEL_NAME,
        "software_versions": result.software[:LONGEST],
        "device_serial_number": result.settings_sha256[:LONGEST],
        "specific_character_set": UTF8,
    }


def draft_words(slide: DicomSlide) -> str:
    """The draft's label, short enough for a description."""
    return DRAFT_MADE_UP if MADE_UP in slide.said else DRAFT


def algorithm(result: StoredResult) -> AlgorithmIdentificationSequence:
    """The networks that saw the slide, by name and hash; "classical" without one."""
    return AlgorithmIdentificationSequence(
        name=algorithm_name(result),
        family=codes.DCM.ArtificialIntelligence,
        version=result.software[:LONGEST],
        source=MANUFACTURER,
        parameters={m.name[:LONGEST]: m.weights_sha256 or "none" for m in result.models},
    )


def algorithm_name(result: StoredResult) -> str:
    """Names of the models, as many as a DICOM long string holds."""
    names = ", ".join(dict.fromkeys(m.name for m in result.models)) or "classical image analysis"
    return names[:LONGEST]


def concept(code: Code) -> CodedConcept:
    """A code of the settings as a DICOM concept."""
    return CodedConcept(value=code.value, scheme_designator=code.scheme, meaning=code.meaning)


def own_concept(value: str, meaning: str) -> CodedConcept:
    """A concept that no standard names, under this program's own scheme."""
    return CodedConcept(value=value, scheme_designator=OWN_SCHEME, meaning=meaning)


def unit_concept(unit: str) -> CodedConcept:
    """A UCUM unit."""
    return CodedConcept(value=unit, scheme_designator="UCUM", meaning=unit)


def finish(dataset: Dataset, slide: DicomSlide) -> None:
    """Add the draft's label and who keeps our own scheme of codes; placed last, as it is said."""
    dataset.SeriesDescription = draft_words(slide)
    dataset.CodingSchemeIdentificationSequence = [
        made(
            CodingSchemeDesignator=OWN_SCHEME,
            CodingSchemeName="Own codes of the pathology pipeline",
            CodingSchemeResponsibleOrganization=MANUFACTURER,
        )
    ]


def save_dicom(path: Path, dataset: Dataset) -> None:
    """Write a DICOM file, whole or not at all.

    Raises
    ------
    OutputError
        A value is not of its kind, or the file cannot be written.
    """
    buffer = io.BytesIO()
    try:
        dataset.save_as(buffer, enforce_file_format=True)
    except (ValueError, TypeError, OverflowError) as cause:
        raise OutputError(f"{path.name}: DICOM cannot hold it ({type(cause).__name__})") from cause
    with buffer.getbuffer() as data:
        write_whole(path, (bytes(data[a : a + PIECE]) for a in range(0, len(data), PIECE)))
