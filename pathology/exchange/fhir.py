"""A result as FHIR R4: a Bundle of Observations and a DiagnosticReport, always preliminary.

Status comes from the type of the record (``wire_status``). Every resource carries the label that
AI took part (HL7 AI Transparency on FHIR: v3-ObservationValue AIAST). No patient is named: the
result knows a slide and, where an order said so, a case.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any, Final

from pathology.errors import OutputError
from pathology.exchange.whole_file import write_whole
from pathology.exchange.wire_status import (
    BANNER_EN,
    BANNER_ZH,
    check_fhir_observation,
    check_fhir_report,
    status_of,
)
from pathology.records.finding import (
    AreaShare,
    Finding,
    Measurement,
    NotMeasurable,
    Proportion,
    WeightedProportion,
)
from pathology.records.result import StoredResult
from pathology.records.settings.exchange import Code, ExchangeSettings

NAMES: Final = uuid.UUID("8b1f2f0c-6a57-5d0f-9b8e-61d7a4c3e0aa")
SYSTEMS: Final = {
    "LN": "http://loinc.org",
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "99PATH": "urn:pathology:finding",
}
UCUM: Final = "http://unitsofmeasure.org"
AI_LABEL: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "AIAST",
}
ABSENT: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
    "code": "error",
}
Share = Proportion | WeightedProportion | AreaShare


def write_fhir(path: Path, result: StoredResult, codes: ExchangeSettings) -> None:
    """The Bundle as JSON.

    Raises
    ------
    OutputError
        A status is not of FHIR's table, a number is not finite, or the file cannot be written.
    """
    try:
        text = json.dumps(fhir_bundle(result, codes), ensure_ascii=False, allow_nan=False, indent=1)
    except ValueError as cause:
        raise OutputError(f"{path.name}: holds a number that is not finite") from cause
    write_whole(path, text.encode("utf-8"))


def fhir_bundle(result: StoredResult, codes: ExchangeSettings) -> dict[str, Any]:
    """Device, Specimen, Observations and DiagnosticReport of a result, as plain values."""
    observations = [_observation(f, result, codes) for f in result.findings]
    resources = [_device(result), _specimen(result), *observations, _report(result)]
    return {
        "resourceType": "Bundle",
        "id": _id(result, "bundle"),
        "meta": {"security": [AI_LABEL]},
        "type": "collection",
        "entry": [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in resources],
    }


def _id(result: StoredResult, what: str) -> str:
    return str(uuid.uuid5(NAMES, f"{result.result_id}/{what}"))


def _to(result: StoredResult, what: str) -> dict[str, str]:
    return {"reference": f"urn:uuid:{_id(result, what)}"}


def _device(result: StoredResult) -> dict[str, Any]:
    models = (f"{m.name} sha256 {m.weights_sha256 or 'none'}" for m in result.models)
    return {
        "resourceType": "Device",
        "id": _id(result, "device"),
        "type": {"text": "image analysis software: research, not a medical device"},
        "deviceName": [{"name": result.software, "type": "model-name"}],
        "version": [{"value": text} for text in (result.software, *models)],
    }


def _specimen(result: StoredResult) -> dict[str, Any]:
    slide = result.slide
    return {
        "resourceType": "Specimen",
        "id": _id(result, "specimen"),
        "identifier": [{"system": "urn:pathology:slide", "value": slide.id}],
        "type": {"text": f"slide, {slide.stain}" + (f", {slide.marker}" if slide.marker else "")},
    }


def _observation(finding: Finding, result: StoredResult, codes: ExchangeSettings) -> dict[str, Any]:
    known = codes.findings.get(finding.name)
    if known is None:
        raise OutputError(
            f"{finding.name}: exchange.toml has no code for it. Add one under [findings]"
        )
    told: dict[str, Any] = {
        "resourceType": "Observation",
        "id": _id(result, finding.id),
        "meta": {"security": [AI_LABEL]},
        "status": check_fhir_observation(status_of(result).fhir),
        "category": [_category()],
        "code": _coded(known.code, f"{known.en} / {known.zh}"),
        "method": {"text": f"{finding.protocol} ({finding.formula})"},
        "specimen": _to(result, "specimen"),
        "device": _to(result, "device"),
        **_value(finding, known.unit),
    }
    notes = [*finding.caveats, *_category_note(finding)]
    if isinstance(finding.answer, NotMeasurable):
        notes.insert(0, f"not measurable: {finding.answer.reason}")
    if notes:
        told["note"] = [{"text": note} for note in notes]
    if parts := _components(finding, known.unit):
        told["component"] = parts
    return told


def _category() -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {"coding": [{"system": system, "code": "laboratory"}]}


def _coded(code: Code, text: str) -> dict[str, Any]:
    coding = {"system": SYSTEMS[code.scheme], "code": code.value, "display": code.meaning}
    return {"coding": [coding], "text": text}


def _value(finding: Finding, unit: str) -> dict[str, Any]:
    match finding.answer:
        case NotMeasurable():
            return {"dataAbsentReason": {"coding": [ABSENT], "text": finding.answer.code}}
        case Measurement() as measured:
            return {"valueQuantity": _quantity(measured.value, unit)}
        case share:
            return {"valueQuantity": _quantity(100 * share.value, "%")}


def _quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def _components(finding: Finding, unit: str) -> list[dict[str, Any]]:
    answer = finding.answer
    if isinstance(answer, NotMeasurable):
        return []
    if isinstance(answer, Measurement):
        if answer.low is None or answer.high is None:
            return []
        bounds = (("low", answer.low, unit), ("high", answer.high, unit))
        return [_component(f"{answer.interval} {n}", v, u) for n, v, u in bounds]
    numbers = [
        (f"{answer.interval} low", 100 * answer.low, "%"),
        (f"{answer.interval} high", 100 * answer.high, "%"),
        *_counts(answer),
    ]
    if finding.clustered is not None:
        other = finding.clustered
        numbers.append((f"{other.interval} low", 100 * other.low, "%"))
        numbers.append((f"{other.interval} high", 100 * other.high, "%"))
    return [_component(*number) for number in numbers]


def _counts(share: Share) -> list[tuple[str, float, str]]:
    if isinstance(share, AreaShare):
        return [("part", share.part_um2, "um2"), ("whole", share.whole_um2, "um2")]
    return [("positive", share.part, "{nuclei}"), ("counted", share.whole, "{nuclei}")]


def _component(text: str, value: float, unit: str) -> dict[str, Any]:
    return {"code": {"text": text}, "valueQuantity": _quantity(value, unit)}


def _category_note(finding: Finding) -> list[str]:
    if finding.category is None:
        return []
    near = " (borderline)" if finding.category.borderline else ""
    return [f"category by {finding.category.rule}: {finding.category.name}{near}"]


def _report(result: StoredResult) -> dict[str, Any]:
    told: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "id": _id(result, "report"),
        "meta": {"security": [AI_LABEL]},
        "status": check_fhir_report(status_of(result).fhir),
        "code": {"coding": [{"system": SYSTEMS["LN"], "code": "60568-3"}], "text": result.analysis},
        "effectiveDateTime": result.started_utc,
        "specimen": [_to(result, "specimen")],
        "result": [_to(result, f.id) for f in result.findings],
        "conclusion": f"{BANNER_EN}\n{BANNER_ZH}",
    }
    if result.case_id is not None:
        told["identifier"] = [{"system": "urn:pathology:case", "value": result.case_id}]
    return told
