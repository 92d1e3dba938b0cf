"""How far a result may be trusted, in the words of FHIR, HL7 v2 and DICOM.

What leaves as final is decided by the type of the record, and by nothing else. There is no flag,
parameter or setting that lifts a result that nobody signed: a signed result is another type.
The libraries for these formats take any word as a status, so the tables of the standards stand
here, and every message is held against them before it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pathology.errors import OutputError
from pathology.records.result import StoredResult
from pathology.records.signed_report import SignedReport

FHIR_OBSERVATION: Final = frozenset(
    {
        "registered",
        "preliminary",
        "final",
        "amended",
        "corrected",
        "cancelled",
        "entered-in-error",
        "unknown",
    }
)
"""FHIR R4, value set observation-status."""

FHIR_REPORT: Final = FHIR_OBSERVATION | {"partial", "appended"}
"""FHIR R4, value set diagnostic-report-status."""

HL7_OBR25: Final = frozenset("OISAPCRFXYZ")
"""HL7 2.5.1, table 0123, result status of the order."""

HL7_OBX11: Final = frozenset("CDFINOPRSUWX")
"""HL7 2.5.1, table 0085, result status of one observation."""

DICOM_COMPLETION: Final = frozenset({"PARTIAL", "COMPLETE"})
DICOM_VERIFICATION: Final = frozenset({"UNVERIFIED", "VERIFIED"})
DICOM_PRELIMINARY: Final = frozenset({"PRELIMINARY", "FINAL"})
"""DICOM PS3.3 C.17.2, the three flags of a structured report."""

BANNER_EN: Final = "AI-ASSISTED DRAFT - NOT VERIFIED BY A PHYSICIAN - NOT FOR CLINICAL USE"
BANNER_ZH: Final = "AI 辅助生成草稿 — 未经医师审核，不得作为诊断依据"
"""Stands in every file of a result that nobody signed. The Chinese is a draft to be approved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireStatus:
    """What a kind of record is called in each format; every word is of its standard's table."""

    fhir: str  # of DiagnosticReport and of Observation
    hl7_obr25: str
    hl7_obx11: str
    dicom_completion: str
    dicom_verification: str
    dicom_preliminary: str

    def __post_init__(self) -> None:
        check_fhir_report(self.fhir)
        check_fhir_observation(self.fhir)
        check_obr25(self.hl7_obr25)
        check_obx11(self.hl7_obx11)
        check_dicom(self.dicom_completion, self.dicom_verification, self.dicom_preliminary)


def check_fhir_report(status: str) -> str:
    """``status``, if a FHIR R4 DiagnosticReport can have it; else ``OutputError``."""
    return _in_table(status, FHIR_REPORT, "FHIR DiagnosticReport.status")


def check_fhir_observation(status: str) -> str:
    """``status``, if a FHIR R4 Observation can have it; else ``OutputError``."""
    return _in_table(status, FHIR_OBSERVATION, "FHIR Observation.status")


def check_obr25(status: str) -> str:
    """``status``, if it is of HL7 table 0123; else ``OutputError``."""
    return _in_table(status, HL7_OBR25, "HL7 OBR-25")


def check_obx11(status: str) -> str:
    """``status``, if it is of HL7 table 0085; else ``OutputError``."""
    return _in_table(status, HL7_OBX11, "HL7 OBX-11")


def check_dicom(completion: str, verification: str, preliminary: str) -> None:
    """Nothing, if the three flags are DICOM's; else ``OutputError``."""
    _in_table(completion, DICOM_COMPLETION, "DICOM CompletionFlag")
    _in_table(verification, DICOM_VERIFICATION, "DICOM VerificationFlag")
    _in_table(preliminary, DICOM_PRELIMINARY, "DICOM PreliminaryFlag")


def _in_table(status: str, table: frozenset[str], where: str) -> str:
    if status not in table:
        raise OutputError(f"{where}: {status!r} is none of {sorted(table)}. Nothing was written")
    return status


STATUS_OF: Final[Mapping[type, WireStatus]] = MappingProxyType(
    {
        StoredResult: WireStatus(
            fhir="preliminary",
            hl7_obr25="P",
            hl7_obx11="P",
            dicom_completion="PARTIAL",
            dicom_verification="UNVERIFIED",
            dicom_preliminary="PRELIMINARY",
        ),
    }
)
"""One line a type. A type that is not here does not leave the house."""


def status_of(record: StoredResult) -> WireStatus:
    """The status of ``record``, by its very type; what it says of itself is not asked.

    Raises
    ------
    TypeError
        Nobody decided how records of this type leave. A subclass is another type.
    """
    if (status := STATUS_OF.get(type(record))) is None:
        raise TypeError(f"no status is known for a {type(record).__name__}, so it cannot leave")
    return status


SIGNED: Final[Mapping[str, WireStatus]] = MappingProxyType(
    {
        state: WireStatus(
            fhir=fhir,
            hl7_obr25=hl7,
            hl7_obx11=hl7,
            dicom_completion="COMPLETE",
            dicom_verification="VERIFIED",
            dicom_preliminary="FINAL",
        )
        for state, fhir, hl7 in (("SIGNED", "final", "F"), ("AMENDED", "amended", "C"))
    }
)
"""Of a ``SignedReport``: its state follows from whether it amends a version, and is not set."""


def signed_status(report: SignedReport) -> WireStatus:
    """Final, or amended for a later version.

    Raises
    ------
    TypeError
        It is no ``SignedReport``. A subclass is another type.
    """
    if type(report) is not SignedReport:
        raise TypeError(f"a {type(report).__name__} is not signed, so it cannot leave as final")
    return SIGNED[report.state]
