"""A signed report as FHIR R4: a DiagnosticReport, final or amended, with its Observations."""

from __future__ import annotations

import json
import uuid
from typing import Any

from pathology.errors import OutputError
from pathology.exchange.fhir import (
    AI_LABEL,
    HL7,
    NAMES,
    NO_PATIENT,
    REPORT,
    UNKNOWN,
    cleaned,
    coded,
    concept,
    own_id,
)
from pathology.exchange.signed_numbers import SignedNumber, content_sha256, signed_numbers
from pathology.exchange.wire_status import (
    check_fhir_observation,
    check_fhir_report,
    signed_status,
)
from pathology.records.settings.exchange import ExchangeSettings
from pathology.records.signed_report import SignedReport

UCUM = "http://unitsofmeasure.org"


def signed_bundle(report: SignedReport, codes: ExchangeSettings) -> dict[str, Any]:
    """The Bundle as plain values; the same version gives the same Bundle.

    Raises
    ------
    OutputError
        As ``signed_numbers``.
    TypeError
        The record is of another type than ``SignedReport``.
    """
    numbers = signed_numbers(report, codes)
    observations = [_observation(report, number) for number in numbers]
    resources = [*observations, _report(report, observations)]
    bundle = {
        "resourceType": "Bundle",
        "id": _id(report, "bundle"),
        "meta": {"security": [AI_LABEL]},
        "type": "collection",
        "entry": [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in resources],
    }
    told: dict[str, Any] = cleaned(bundle)
    return told


def signed_fhir(report: SignedReport, codes: ExchangeSettings) -> bytes:
    """The Bundle as JSON in UTF-8; raises as ``signed_bundle``."""
    try:
        text = json.dumps(
            signed_bundle(report, codes), ensure_ascii=False, allow_nan=False, indent=1
        )
    except ValueError as cause:
        raise OutputError("a signed report holds a number that is not finite") from cause
    return text.encode("utf-8")


def _id(report: SignedReport, what: str) -> str:
    return str(uuid.uuid5(NAMES, f"{content_sha256(report)}/{what}"))


def _observation(report: SignedReport, number: SignedNumber) -> dict[str, Any]:
    finding, known = number.finding, number.known
    key = f"{finding.result_id}/{finding.finding_id}"
    answer: dict[str, Any]
    if number.value is None:
        why = concept(f"{HL7}/data-absent-reason", UNKNOWN, "Unknown")
        answer = {"dataAbsentReason": {**why, "text": number.note}}
    else:
        unit = {"unit": known.unit, "system": UCUM, "code": known.unit}
        answer = {"valueQuantity": {"value": number.value, **unit}}
    return {
        "resourceType": "Observation",
        "id": _id(report, key),
        "meta": {"security": [AI_LABEL]},
        "identifier": [own_id("finding-id", key)],
        "status": check_fhir_observation(signed_status(report).fhir),
        "category": [concept(f"{HL7}/observation-category", "laboratory", "Laboratory")],
        "code": coded(known.code, f"{known.en} / {known.zh}"),
        "subject": NO_PATIENT,
        "issued": report.signature.signed_utc,
        "performer": [{"display": report.signature.printed_name}],
        "note": [{"text": number.note}],
        **answer,
    }


def _report(report: SignedReport, observations: list[dict[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "id": _id(report, "report"),
        "meta": {"security": [AI_LABEL]},
        "identifier": [own_id("report-version", f"{report.case}/v{report.version}")],
        "status": check_fhir_report(signed_status(report).fhir),
        "category": [
            concept(f"{HL7}/v2-0074", "PAT", "Pathology (gross & histopath, not surgical)")
        ],
        "code": coded(REPORT, report.title.en),
        "subject": NO_PATIENT,
        "effectiveDateTime": report.signature.signed_utc,
        "issued": report.signature.signed_utc,
        "performer": [{"display": report.signature.printed_name}],
        "resultsInterpreter": [{"display": report.signature.printed_name}],
        "result": [{"reference": f"urn:uuid:{o['id']}"} for o in observations],
        "conclusion": _conclusion(report),
    }
    if report.case_id:
        told["identifier"].append(own_id("case", report.case_id))
    return told


def _conclusion(report: SignedReport) -> str:
    lines = [sentence for s in report.sections for sentence in (*s.en, *s.zh)]
    lines.append(f"version {report.version}, content sha256 {content_sha256(report)}")
    if report.amends is not None:
        lines.append(f"amends version {report.amends}: {report.amendment_reason}")
    return "\n".join(lines)
