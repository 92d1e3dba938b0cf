"""FHIR: valid by the library, every number there once, and no way to leave as final."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.errors import OutputError
from pathology.exchange.fhir import _check, fhir_bundle, write_fhir
from pathology.exchange.wire_status import BANNER_EN, BANNER_ZH
from pathology.records.finding import Measurement, NotMeasurable
from pathology.records.result import Quality
from tests.exchange.examples import measurement, refusal, share
from tests.exchange.test_wire_status import CODES, EVERY, HOTSPOT, numbers, record


def of_type(bundle, kind):
    resources = [e["resource"] for e in bundle["entry"]]
    return [r for r in resources if r["resourceType"] == kind]


def test_every_number_of_every_finding_is_there_and_comes_back_through_the_library():
    bundle = Bundle.model_validate_json(json.dumps(fhir_bundle(record(), CODES)))
    observed = [e.resource for e in bundle.entry if e.resource.get_resource_type() == "Observation"]
    assert len(observed) == len(EVERY)
    for finding, told in zip(EVERY, observed, strict=True):
        known = CODES.findings[finding.name]
        assert told.code.coding[0].code == known.code.value
        assert told.code.text == f"{known.en} / {known.zh}"
        read = {}
        if told.valueQuantity is not None:
            assert (told.valueQuantity.code, told.valueQuantity.unit) == (known.unit,) * 2
            read["value"] = float(told.valueQuantity.value)
        for part in told.component or ():
            read[part.code.coding[0].code] = float(part.valueQuantity.value)
        assert read == numbers(finding)
        assert finding.protocol in told.method.text
        assert finding.formula in told.method.text


def test_what_cannot_be_measured_has_a_reason_and_no_number():
    (told,) = of_type(fhir_bundle(record(refusal()), CODES), "Observation")
    assert told["dataAbsentReason"]["text"] == "too-few-nuclei"
    assert told["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    assert told["note"][0]["text"] == "not measurable: 312 tumour nuclei, fewer than 500"
    assert not {"valueQuantity", "component"} & told.keys()


def test_a_category_names_its_rule_and_says_borderline_in_words():
    (told,) = of_type(fhir_bundle(record(HOTSPOT), CODES), "Observation")
    assert told["interpretation"] == [{"text": "low (IKWG 2021)"}]
    assert any("(borderline)" in note["text"] for note in told["note"])


def test_every_resource_says_that_ai_took_part_and_none_names_a_patient():
    bundle = fhir_bundle(record(case_id="S30-1234"), CODES)
    for entry in bundle["entry"]:
        assert entry["resource"]["meta"]["security"][0]["code"] == "AIAST"
        assert entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}"
    assert bundle["meta"]["security"][0]["code"] == "AIAST"
    for kind in ("Observation", "DiagnosticReport", "Specimen"):
        for resource in of_type(bundle, kind):
            assert resource["subject"]["extension"][0]["valueCode"] == "unknown"
    text = json.dumps(bundle)
    assert text.count("S30-1234") == 1
    assert "Patient/" not in text
    assert "Practitioner" not in text


def test_the_report_holds_every_finding_and_the_banner_in_both_languages():
    bundle = fhir_bundle(
        record(
            quality=Quality(tissue_mm2=2, analysed_mm2=1, unreadable_tiles=0, flags=("blurred",))
        ),
        CODES,
    )
    (report,) = of_type(bundle, "DiagnosticReport")
    assert report["code"]["coding"][0]["code"] == "60568-3"
    assert report["category"][0]["coding"][0]["code"] == "PAT"
    ids = [f"urn:uuid:{r['id']}" for r in of_type(bundle, "Observation")]
    assert [r["reference"] for r in report["result"]] == ids
    assert BANNER_EN in report["conclusion"]
    assert BANNER_ZH in report["conclusion"]
    assert "blurred" in report["conclusion"]


def test_provenance_names_software_settings_and_models_and_no_person():
    bundle = fhir_bundle(record(supersedes="older/result"), CODES)
    (made,) = of_type(bundle, "Provenance")
    (device,) = of_type(bundle, "Device")
    assert made["agent"][0]["who"]["reference"] == f"urn:uuid:{device['id']}"
    assert len(made["agent"]) == 1
    said = {e["what"]["identifier"]["value"]: e["role"] for e in made["entity"]}
    assert said == {"ab" * 32: "source", "cd" * 32: "derivation", "older/result": "revision"}
    assert device["version"][0]["value"] == "pathology 0.1.0"
    assert "classical-baseline/1" in device["version"][1]["value"]
    targets = {t["reference"] for t in made["target"]}
    assert len(targets) == len(EVERY) + 1


def test_the_same_result_gives_the_same_bundle_and_ids_are_its_own():
    assert fhir_bundle(record(), CODES) == fhir_bundle(record(), CODES)
    ids = {e["fullUrl"] for e in fhir_bundle(record(), CODES)["entry"]}
    other = {e["fullUrl"] for e in fhir_bundle(record(result_id="another"), CODES)["entry"]}
    assert len(ids) == len(EVERY) + 4
    assert not ids & other


HOSTILE = st.text(st.characters(), max_size=30) | st.sampled_from(
    ['"status": "final"', "final", "\x00\x1c\r", "\ud800", "   ", "</div>", "签发 final"]
)


@settings(max_examples=60, deadline=None)
@given(case=HOSTILE, marker=HOSTILE, caveat=HOSTILE, reason=HOSTILE)
def test_nothing_written_in_a_result_lets_it_leave_as_final(case, marker, caveat, reason):
    refused = replace(refusal(), answer=NotMeasurable(code=reason, reason=reason))
    told = record(share(caveats=(caveat,)), refused, case_id=case, marker=marker, author="final")
    bundle = fhir_bundle(told, CODES)
    text = json.dumps(bundle, ensure_ascii=False).encode("utf-8")
    Bundle.model_validate_json(text)
    states = [e["resource"]["status"] for e in bundle["entry"] if "status" in e["resource"]]
    assert states == ["preliminary"] * 3


def test_the_last_look_refuses_a_state_of_no_table_and_a_value_beside_a_reason():
    bundle = fhir_bundle(record(share()), CODES)
    observed, report = bundle["entry"][2]["resource"], bundle["entry"][3]["resource"]
    report["status"] = "bogus"
    with pytest.raises(OutputError, match="DiagnosticReport"):
        _check(bundle)
    report["status"], observed["status"] = "preliminary", "partial"
    with pytest.raises(OutputError, match="Observation"):
        _check(bundle)
    observed["status"], observed["dataAbsentReason"] = "preliminary", {}
    with pytest.raises(OutputError, match="a value or a reason"):
        _check(bundle)


def test_a_file_is_utf8_json_that_the_library_reads(tmp_path):
    path = tmp_path / "result.json"
    write_fhir(path, record(share(caveats=("临界：请复核 µm²",))), CODES)
    text = path.read_text("utf-8")
    assert "临界：请复核 µm²" in text
    assert "Ki-67 指数（全切片）" in text
    Bundle.model_validate_json(text)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (record(replace(share(), name="strange.name")), r"strange\.name.*Add one"),
        (
            record(replace(measurement(), answer=Measurement(value=1, unit="um2"))),
            "measured in um2",
        ),
        (
            record(replace(measurement(), answer=Measurement(value=float("nan"), unit="mm2"))),
            "not finite",
        ),
        (record(share(), started_utc="2030-01-31T14:00:00"), "time zone"),
        (record(share(), started_utc="yesterday"), "no time"),
    ],
)
def test_what_cannot_be_told_rightly_is_not_written(tmp_path, broken, why):
    with pytest.raises(OutputError, match=why):
        write_fhir(tmp_path / "x.json", broken, CODES)
    assert list(tmp_path.iterdir()) == []
