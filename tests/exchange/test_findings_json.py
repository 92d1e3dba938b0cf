from __future__ import annotations

import json

import pytest

from pathology.errors import OutputError, UsageError
from pathology.exchange.documents import faults, read_json, validate, write_json
from pathology.exchange.findings_json import findings_document, run_document
from pathology.records.finding import Category, Measurement, NotMeasurable, Proportion
from pathology.records.result import Quality
from tests.exchange.examples import measurement, refusal, result, share


def test_a_share_says_value_interval_part_and_whole():
    told = findings_document(result(share()))["findings"][0]
    assert told == {
        "id": "f1",
        "name": "ki67.global",
        "protocol": "WSI_GLOBAL",
        "formula": "ki67-index/1",
        "value": 0.2,
        "unit": "fraction",
        "low": 0.17,
        "high": 0.24,
        "interval": "wilson-95",
        "part": 100,
        "whole": 500,
        "counted": "nuclei",
        "regions": [],
        "exclusions": {"lymphocyte": 12},
        "ambiguous_range": [0.19, 0.21],
        "caveats": ["provisional"],
    }


def test_what_cannot_be_measured_has_a_reason_and_no_number():
    told = findings_document(result(refusal()))["findings"][0]
    assert told["not_measurable"] == "312 tumour nuclei, fewer than 500"
    assert told["reason_code"] == "too-few-nuclei"
    assert not {"value", "unit", "low", "high", "part", "whole"} & told.keys()


def test_a_measurement_says_its_unit_and_no_interval_it_has_not():
    told = findings_document(result(measurement()))["findings"][0]
    assert (told["value"], told["unit"]) == (1.25, "mm2")
    assert not {"low", "high", "interval", "part"} & told.keys()


def test_the_keys_are_those_of_the_contract():
    told = findings_document(result())
    assert list(told) == [
        "schema",
        "result_id",
        "supersedes",
        "author",
        "analysis",
        "case_id",
        "slide",
        "quality",
        "tumour_region_source",
        "findings",
        "provenance",
    ]
    assert told["schema"] == "pathology.findings/1"
    assert told["slide"]["file"] == "slide.svs"
    assert "file" not in findings_document(result(file_name=None))["slide"]


@pytest.mark.parametrize("findings", [(share(),), (refusal(),), (measurement(),)])
def test_documents_of_results_keep_to_their_schemas(findings):
    assert faults(findings_document(result(*findings)), "findings-1") == ()
    validate(run_document(result(*findings)), "run-1")


def changed(**change):
    document = findings_document(result(share()))
    document["findings"][0] |= change
    return document


@pytest.mark.parametrize(
    "document",
    [
        changed(not_measurable="and yet there is a value"),
        {**changed(), "findings": [{"id": "f1", "name": "ki67.global", "protocol": "P"}]},
        changed(value=20.0),
        changed(name="Ki67"),
        changed(part=-1),
        changed(part=101),
        changed(low=0.21),
        changed(reason_code="too-few-nuclei"),
        {**changed(), "findings": changed()["findings"] * 2},
        changed(category={"rule": "site policy 1", "name": "high", "borderline": False}),
        {**changed(), "findings": []},
        {**changed(), "tumour_region_source": "guessed"},
        {k: v for k, v in changed().items() if k != "quality"},
    ],
    ids=[
        "both",
        "neither",
        "percent",
        "name",
        "part",
        "share",
        "interval",
        "reason",
        "twice",
        "category",
        "none",
        "source",
        "quality",
    ],
)
def test_the_schema_refuses_what_the_contract_forbids(document):
    assert faults(document, "findings-1")
    with pytest.raises(OutputError, match="not as the contract says"):
        validate(document, "findings-1")


def test_a_share_without_its_interval_is_refused():
    document = changed()
    del document["findings"][0]["low"]
    assert faults(document, "findings-1")


def test_a_category_stands_only_where_a_person_confirmed_the_region():
    high = share(category=Category(rule="site policy 1", name="high", borderline=True))
    confirmed = findings_document(result(high, tumour_region_source="confirmed"))
    assert confirmed["findings"][0]["category"]["borderline"] is True
    assert faults(confirmed, "findings-1") == ()
    assert faults(findings_document(result(high)), "findings-1")


def test_run_says_what_made_the_result_in_plain_values():
    told = run_document(result())
    assert told["settings"] == {"tiles": {"sizes": [1, 2]}}
    assert told["models"] == [{"name": "classical-baseline/1", "sha256": None, "licence": "MIT"}]
    assert told["timings_s"] == {"tiles": 1.5}
    json.dumps(told, allow_nan=False)


def test_a_document_is_checked_before_it_is_written(tmp_path):
    path = tmp_path / "findings.json"
    with pytest.raises(OutputError, match="findings-1"):
        write_json(path, {"schema": "pathology.findings/1"}, "findings-1")
    spoilt = result(quality=Quality(tissue_mm2=float("nan"), analysed_mm2=1, unreadable_tiles=0))
    with pytest.raises(OutputError, match="finite"):
        write_json(path, findings_document(spoilt), "findings-1")
    assert list(tmp_path.iterdir()) == []


def test_a_written_document_is_readable_text_that_comes_back(tmp_path):
    path = tmp_path / "findings.json"
    written = findings_document(result(share(caveats=("µm, 中文",))))
    write_json(path, written, "findings-1")
    assert "µm, 中文" in path.read_text(encoding="utf-8")
    assert read_json(path) == written
    assert [p.name for p in tmp_path.iterdir()] == ["findings.json"]


def test_what_is_no_json_is_refused_by_name(tmp_path):
    path = tmp_path / "findings.json"
    for data in (b"\xff\xfe\x00", b'{"value": NaN}', b"{"):
        path.write_bytes(data)
        with pytest.raises(UsageError, match="JSON"):
            read_json(path)


@pytest.mark.parametrize("name", ["ki67.net_hotspot", "til.profile", "labelling_index.global"])
def test_names_in_use_are_allowed(name):
    assert faults(findings_document(result(share(name=name))), "findings-1") == ()


def test_every_kind_of_answer_has_a_document():
    kinds = {type(f.answer) for f in (share(), refusal(), measurement())}
    assert kinds == {Proportion, NotMeasurable, Measurement}
