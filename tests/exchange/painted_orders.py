"""Orders painted for tests: HL7 v2 and FHIR as the standards build them, with known answers."""

from __future__ import annotations

import json
from typing import Any


def segment(name: str, fields: dict[int, str]) -> str:
    return "|".join([name, *(fields.get(i, "") for i in range(1, max(fields) + 1))])


ORC = "ORC|NW|P77^LIS|F88^LIS"
OBR = segment("OBR", {1: "1", 2: "P77^LIS", 3: "F88^LIS", 4: "29593-1^Ki-67^LN", 18: "S30-1"})
TQ1 = "TQ1|1||||||20300101|20300102063000+0100|S^Stat^HL70485"
SPM = "SPM|1|A&LIS^A1&LAB||TISS^Tissue^HL70487"
SAC = "SAC|||BC-0001^LAB|A-2^LAB"
OTHER_SAC = "SAC|||BC-0002^LAB|A-3^LAB"


def msh(kind: str, *, encoding: str = "UNICODE UTF-8", processing: str = "P") -> str:
    structure = kind.replace("^", "_")
    return (
        f"MSH|^~\\&|LIS|LAB|PATHOLOGY|LAB|20300101120000+0800||{kind}^{structure}|1|"
        f"{processing}|2.5.1||||||{encoding}"
    )


PID = "PID|1||4711^^^LAB||Müller^Änne^^^^^L|"


def hl7(*segments: str, encoding: str = "utf-8", end: str = "\r") -> bytes:
    return (end.join(segments) + end).encode(encoding)


def oml_o21(
    *, spm: str = SPM, sac: str = SAC, obr: str = OBR, tq1: str = TQ1, orc: str = ORC
) -> bytes:
    return hl7(msh("OML^O21"), PID, orc, tq1, obr, spm, sac)


def oml_o33() -> bytes:
    return hl7(msh("OML^O33"), PID, SPM, SAC, ORC, TQ1, OBR)


def orm_o01() -> bytes:
    """Version 2.3 to 2.5 has no SPM in ORM: the block stands where a site puts it."""
    return hl7(msh("ORM^O01"), PID, ORC, OBR)


def coded(code: str, system: str = "http://snomed.info/sct") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def identifier(value: str, kind: str = "") -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/v2-0203"
    return {"value": value, **({"type": coded(kind, system)} if kind else {})}


def slide() -> dict[str, Any]:
    return {
        "resourceType": "Specimen",
        "id": "slide",
        "accessionIdentifier": {"value": "S30-1"},
        "type": coded("430856003"),
        "parent": [{"reference": "Specimen/block"}],
        "container": [{"identifier": [{"value": "BC-0001"}], "type": coded("433466003")}],
    }


def block() -> dict[str, Any]:
    return {
        "resourceType": "Specimen",
        "id": "block",
        "identifier": [{"value": "A-2"}],
        "parent": [{"reference": "Specimen/part"}],
        "container": [{"type": coded("434464009")}],
    }


def part() -> dict[str, Any]:
    return {
        "resourceType": "Specimen",
        "id": "part",
        "identifier": [{"value": "A"}],
        "type": coded("119376003"),
    }


def request(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": "order",
        "status": "active",
        "intent": "order",
        "priority": "stat",
        "code": coded("29593-1", "http://loinc.org"),
        "subject": {"display": "Müller, Änne"},
        "identifier": [identifier("P77", "PLAC"), identifier("F88", "FILL")],
        "specimen": [{"reference": "Specimen/slide"}],
        "occurrencePeriod": {"end": "2030-01-02T06:30:00+01:00"},
        **changes,
    }


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [{"fullUrl": f"urn:x:{n}", "resource": one} for n, one in enumerate(resources)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def fhir(**changes: Any) -> bytes:
    return as_json(bundle(request(**changes), slide(), block(), part()))


def as_json(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8")
