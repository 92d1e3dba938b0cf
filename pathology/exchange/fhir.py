"""A result as FHIR R4: a Bundle of Observations and a DiagnosticReport, always preliminary.

Status comes from the type of the record (``wire_status``). Every resource carries the label that
AI took part (HL7 AI Transparency on FHIR: v3-ObservationValue AIAST). No patient is named: the
result knows a slide and, where an order said so, a case.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pathology.errors import OutputError
from pathology.exchange.whole_file import write_whole
from pathology.exchange.wire_numbers import WireNumber, clean, notes_of, numbers_of
from pathology.exchange.wire_status import (
    BANNER_EN,
    BANNER_ZH,
    check_fhir_observation,
    check_fhir_report,
    status_of,
)
from pathology.records.finding import Finding, NotMeasurable
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
HL7: Final = "http://terminology.hl7.org/CodeSystem"
REPORT: Final = Code(value="60568-3", scheme="LN", meaning="Pathology Synoptic report")
AI_LABEL: Final = {
    "system": f"{HL7}/v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}
UNKNOWN: Final = "unknown"
"""Of data-absent-reason: there is an answer, and nobody knows it. "error" blames a machine."""

NO_PATIENT: Final = {
    "extension": [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
            "valueCode": UNKNOWN,
        }
    ],
    "display": "the patient is not known to this program",
}


def write_fhir(path: Path, result: StoredResult, codes: ExchangeSettings) -> None:
    """The Bundle as JSON.

    Raises
    ------
    OutputError
        A finding has no code, a unit is not that of the settings, a status is not of FHIR's table,
        a number is not finite, or the file cannot be written.
    """
    try:
        text = json.dumps(fhir_bundle(result, codes), ensure_ascii=False, allow_nan=False, indent=1)
    except ValueError as cause:
        raise OutputError(f"{path.name}: holds a number that is not finite") from cause
    write_whole(path, text.encode("utf-8"))


def fhir_bundle(result: StoredResult, codes: ExchangeSettings) -> dict[str, Any]:
    """Device, Specimen, Observations, DiagnosticReport and Provenance of a result, as plain values.

    The same result gives the same Bundle, to the letter. Strings hold no control characters.
    """
    observations = [_observation(f, result, codes) for f in result.findings]
    resources = [_device(result), _specimen(result), *observations, _report(result)]
    resources.append(_provenance(result, resources[2:]))
    for resource in resources:
        resource["meta"] = {"security": [AI_LABEL]}
    bundle = {
        "resourceType": "Bundle",
        "id": _id(result, "bundle"),
        "meta": {"security": [AI_LABEL]},
        "type": "collection",
        "entry": [{"fullUrl": f"urn:uuid:{r['id']}", "resource": r} for r in resources],
    }
    told: dict[str, Any] = cleaned(bundle)
    _check(told)
    return told


def cleaned(value: Any) -> Any:
    """Plain values with every string cleaned."""
    match value:
        case str():
            return clean(value)
        case dict():
            return {k: cleaned(v) for k, v in value.items()}
        case list():
            return [cleaned(v) for v in value]
    return value


def _check(bundle: Mapping[str, Any]) -> None:
    """The last look at the whole: states of the tables, a value or a reason, never both."""
    for entry in bundle["entry"]:
        resource = entry["resource"]
        if resource["resourceType"] == "DiagnosticReport":
            check_fhir_report(resource["status"])
        if resource["resourceType"] == "Observation":
            check_fhir_observation(resource["status"])
            if ("valueQuantity" in resource) == ("dataAbsentReason" in resource):
                raise OutputError("an Observation has a value or a reason. Nothing was written")


def _id(result: StoredResult, what: str) -> str:
    return str(uuid.uuid5(NAMES, f"{clean(result.result_id)}/{clean(what)}"))


def _to(result: StoredResult, what: str) -> dict[str, str]:
    return {"reference": f"urn:uuid:{_id(result, what)}"}


def _device(result: StoredResult) -> dict[str, Any]:
    models = (f"{m.name} sha256 {m.weights_sha256 or 'none'}" for m in result.models)
    versions = [("software", result.software), *(("model", m) for m in models)]
    return {
        "resourceType": "Device",
        "id": _id(result, "device"),
        "type": {"text": "image analysis software: research, not a medical device"},
        "deviceName": [{"name": result.software, "type": "model-name"}],
        "version": [{"type": {"text": kind}, "value": text} for kind, text in versions],
    }


def _specimen(result: StoredResult) -> dict[str, Any]:
    slide = result.slide
    return {
        "resourceType": "Specimen",
        "id": _id(result, "specimen"),
        "identifier": [{"system": "urn:pathology:slide", "value": slide.id}],
        "subject": NO_PATIENT,
        "type": {"text": f"slide, {slide.stain}" + (f", {slide.marker}" if slide.marker else "")},
    }


def _observation(finding: Finding, result: StoredResult, codes: ExchangeSettings) -> dict[str, Any]:
    known = codes.findings.get(finding.name)
    if known is None:
        raise OutputError(
            f"{finding.name}: exchange.toml has no code for it. Add one under [findings]"
        )
    value, *beside = numbers_of(finding, known) or (None,)
    told: dict[str, Any] = {
        "resourceType": "Observation",
        "id": _id(result, finding.id),
        "identifier": [own_id("finding-id", f"{result.result_id}/{finding.id}")],
        "status": status_of(result).fhir,
        "category": [concept(f"{HL7}/observation-category", "laboratory", "Laboratory")],
        "code": coded(known.code, f"{known.en} / {known.zh}"),
        "subject": NO_PATIENT,
        "method": {"text": f"{finding.protocol} ({finding.formula})"},
        "specimen": _to(result, "specimen"),
        "device": _to(result, "device"),
        **_value(finding, value),
    }
    if notes := notes_of(finding):
        told["note"] = [{"text": note} for note in notes]
    if (category := finding.category) is not None:
        told["interpretation"] = [{"text": f"{category.name} ({category.rule})"}]
    if beside:
        told["component"] = [_component(number) for number in beside]
    return told


def concept(system: str, code: str, display: str) -> dict[str, Any]:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code, "display": display}]}


def coded(code: Code, text: str) -> dict[str, Any]:
    """A CodeableConcept of a code, with its name for people."""
    return {**concept(SYSTEMS[code.scheme], code.value, code.meaning), "text": text}


def own_id(kind: str, value: str) -> dict[str, str]:
    """An identifier under a name of this program's own."""
    return {"system": f"urn:pathology:{kind}", "value": value}


def _value(finding: Finding, value: WireNumber | None) -> dict[str, Any]:
    if isinstance(finding.answer, NotMeasurable):
        why = concept(f"{HL7}/data-absent-reason", UNKNOWN, "Unknown")
        return {"dataAbsentReason": {**why, "text": clean(finding.answer.code) or "not measurable"}}
    return {} if value is None else {"valueQuantity": _quantity(value)}


def _quantity(number: WireNumber) -> dict[str, Any]:
    return {"value": number.value, "unit": number.unit, "system": UCUM, "code": number.unit}


def _component(number: WireNumber) -> dict[str, Any]:
    code = coded(number.code, number.code.meaning)
    return {"code": code, "valueQuantity": _quantity(number)}


def _report(result: StoredResult) -> dict[str, Any]:
    flags = ", ".join(result.quality.flags)
    said = [BANNER_EN, BANNER_ZH, *([f"quality: {flags}"] if flags else [])]
    told: dict[str, Any] = {
        "resourceType": "DiagnosticReport",
        "id": _id(result, "report"),
        "identifier": [own_id("result", result.result_id)],
        "status": status_of(result).fhir,
        "category": [
            concept(f"{HL7}/v2-0074", "PAT", "Pathology (gross & histopath, not surgical)")
        ],
        "code": coded(REPORT, result.analysis),
        "subject": NO_PATIENT,
        "effectiveDateTime": _moment(result.started_utc),
        "specimen": [_to(result, "specimen")],
        "result": [_to(result, f.id) for f in result.findings],
        "conclusion": "\n".join(said),
    }
    if clean(result.case_id or ""):
        told["identifier"].append(own_id("case", str(result.case_id)))
    return told


def _moment(text: str) -> str:
    """An instant as FHIR writes it, with its time zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as cause:
        raise OutputError(f"run.json: {text!r} is no time. Run the analysis again") from cause
    if moment.tzinfo is None:
        raise OutputError(f"run.json: {text!r} names no time zone. Run the analysis again")
    return moment.isoformat()


def _provenance(result: StoredResult, made: list[dict[str, Any]]) -> dict[str, Any]:
    """The software, its models and settings, the slide. No person: nobody has looked."""
    at = _moment(result.started_utc)
    used = [
        ("source", "slide-digest", result.slide.digest, "slide"),
        ("derivation", "settings-sha256", result.settings_sha256, "settings"),
        *(("derivation", "model-sha256", m.weights_sha256, m.name) for m in result.models),
        ("revision", "result", result.supersedes, "the result that this one supersedes"),
    ]
    author = concept(f"{HL7}/provenance-participant-type", "author", "Author")
    return {
        "resourceType": "Provenance",
        "id": _id(result, "provenance"),
        "target": [{"reference": f"urn:uuid:{r['id']}"} for r in made],
        "occurredDateTime": at,
        "recorded": at,
        "reason": [{"coding": [AI_LABEL]}],
        "activity": concept(f"{HL7}/v3-DataOperation", "CREATE", "create"),
        "agent": [{"type": author, "who": _to(result, "device")}],
        "entity": [
            {"role": role, "what": {"identifier": own_id(kind, value), "display": name}}
            for role, kind, value, name in used
            if value
        ],
    }
