"""The case data of a laboratory system, as JSON by its schema (``schemas/case-1.json``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pathology.errors import UsageError
from pathology.exchange.documents import faults, read_json
from pathology.records.case_data import (
    CaseData,
    Her2,
    PreviousSpecimen,
    Receptor,
    Specimen,
    Staining,
)

FAULTS_TOLD: Final = 3


def read_case(path: Path) -> CaseData:
    """The case in a file.

    Raises
    ------
    UsageError
        It cannot be read, is no JSON, is not as the schema says, or contradicts itself.
    """
    told = read_json(path, called="the case data")
    if not isinstance(told, dict):
        raise UsageError("the case data: no JSON object")
    if wrong := faults(told, "case-1"):
        raise UsageError(f"the case data: not as its schema says: {'; '.join(wrong[:FAULTS_TOLD])}")
    try:
        return _case(told)
    except ValueError as cause:
        raise UsageError(f"the case data: {cause}") from cause


def _case(told: Mapping[str, Any]) -> CaseData:
    return CaseData(
        case_id=told["case_id"],
        specimen=Specimen(**told.get("specimen", {})),
        er=Receptor(**told.get("er", {})),
        pr=Receptor(**told.get("pr", {})),
        her2=Her2(**told.get("her2", {})),
        staining=Staining(**told.get("staining", {})),
        mitoses_per_2mm2=told.get("mitoses_per_2mm2"),
        mitotic_grade=told.get("mitotic_grade"),
        presence=dict(told.get("presence", {})),
        previous=tuple(PreviousSpecimen(**p) for p in told.get("previous", ())),
        slides=dict(told.get("slides", {})),
        template=told.get("template"),
        clinical_note=told.get("clinical_note"),
    )
