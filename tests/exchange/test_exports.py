"""Results in other programs' formats: the same numbers, and never as final."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from fhir.resources.R4B.bundle import Bundle
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.config import load_record, shipped_configs
from pathology.errors import OutputError, UsageError
from pathology.exchange.cells_csv import write_csv
from pathology.exchange.cells_geojson import write_geojson
from pathology.exchange.cells_judged import Judgement, judge_cells
from pathology.exchange.cells_parquet import CellsWriter, cell_batches, read_cells
from pathology.exchange.documents import write_json
from pathology.exchange.fhir import fhir_bundle
from pathology.exchange.findings_json import findings_document, run_document
from pathology.exchange.hl7_message import escaped, oru_r01
from pathology.exchange.outlines import inside
from pathology.exchange.regions_geojson import write_regions
from pathology.exchange.stored_result import read_result
from pathology.exchange.wire_status import check_fhir_report, check_obx11, status_of
from pathology.records.finding import (
    AreaShare,
    Band,
    Category,
    Clustered,
    Measurement,
    NotMeasurable,
    Search,
    WeightedProportion,
)
from pathology.records.result import StoredResult, StoredSlide
from pathology.records.settings.exchange import ExchangeSettings, loinc_is_valid
from tests.exchange.examples import (
    FIELDS,
    measurement,
    nuclei,
    refusal,
    result,
    share,
    square_region,
)

CODES = load_record(shipped_configs() / "exchange.toml", ExchangeSettings)
EVERY = (
    share(
        clustered=Clustered(low=0.1, high=0.3, interval="block-bootstrap-95", blocks=20),
        models=("nuclei-1 ab",),
        category=Category(rule="IKWG 2021", name="low", borderline=True),
    ),
    refusal(),
    measurement(),
    share(
        id="f4",
        name="ki67.global_weighted",
        answer=WeightedProportion(fields=FIELDS, low=0.1, high=0.3),
        fields=FIELDS,
    ),
    share(
        id="f5",
        name="til.stromal_area_fraction",
        answer=AreaShare(
            part_um2=30, whole_um2=120, low=0.2, high=0.3, interval="block-bootstrap-95"
        ),
    ),
    share(
        id="f6",
        name="til.profile",
        answer=Measurement(value=9, unit="1/mm2", low=8, high=10, interval="poisson-exact-95"),
        bands=(
            Band(from_um=-50, to_um=0, count=3, area_mm2=0.5, density=6, low=1, high=9),
            Band(from_um=0, to_um=50, count=1, area_mm2=0.001),
        ),
    ),
    share(
        id="f7",
        name="ki67.net_hotspot",
        search=Search(windows=9, expected_by_chance=0.2, chance_limit=0.25, beyond_chance=False),
    ),
)


def stored(tmp_path, *findings, **change):
    """The result written to a folder and read again."""
    told = result(*(findings or EVERY), tumour_region_source="confirmed", **change)
    write_json(tmp_path / "findings.json", findings_document(told), "findings-1")
    write_json(tmp_path / "run.json", run_document(told), "run-1")
    return read_result(tmp_path)


def test_a_stored_result_is_read_as_it_was_written(tmp_path):
    back = stored(tmp_path)
    assert back.findings == EVERY
    told = result(*EVERY)
    assert (back.slide.mpp, back.slide.digest) == (told.info.mpp, told.digest)
    assert back.models == told.provenance.models


def test_a_result_that_is_not_whole_is_refused(tmp_path):
    stored(tmp_path)
    (tmp_path / "run.json").unlink()
    with pytest.raises(UsageError, match=r"run\.json"):
        read_result(tmp_path)


@pytest.fixture
def cells(tmp_path):
    some = nuclei(300)
    with CellsWriter(tmp_path / "cells.parquet") as writer:
        excluded = np.where(some.cell_class == 1, "lymphocyte", "")
        writer.add(some, excluded_by=excluded, regions=[["tissue"]] * 300)
    return some


def test_regions_known_late_are_named_in_the_rows_of_their_nuclei(tmp_path, cells):
    path = tmp_path / "cells.parquet"
    before = read_cells(path)
    square = square_region("field-1")

    def judge(points, rows):
        within = inside(square.polygons, points)
        names = np.where(cells.cell_class[rows] == 1, "lymphocyte", "")
        return Judgement(names, [["field-1"] if held else [] for held in within])

    judge_cells(path, path, judge)
    after = read_cells(path)
    assert not list(tmp_path.glob("*.partial"))
    assert after.drop(["regions"]).equals(before.drop(["regions"]))
    x, y = cells.centre_px0.T
    in_square = (x > 100) & (x < 500) & (y > 200) & (y < 600)
    in_hole = (x > 200) & (x < 300) & (y > 300) & (y < 400)
    named = ["field-1" in names for names in after["regions"].to_pylist()]
    assert 0 < sum(named) < 300
    assert named == (in_square & ~in_hole).tolist()


def test_geojson_holds_every_region_and_nucleus_where_it_was(tmp_path, cells):
    write_regions(tmp_path / "regions.geojson", [square_region()])
    path = tmp_path / "all.geojson"
    batches = cell_batches(tmp_path / "cells.parquet", rows=77)
    write_geojson(path, stored(tmp_path), tmp_path / "regions.geojson", batches)
    told = json.loads(path.read_text("utf-8"))
    assert "NOT VERIFIED" in told["banner"]["en"]
    kinds = [f["properties"]["objectType"] for f in told["features"]]
    assert (kinds.count("annotation"), kinds.count("detection")) == (1, 300)
    assert len({f["id"] for f in told["features"]}) == 301
    for i, feature in enumerate(told["features"][1:]):
        ring = np.array(feature["geometry"]["coordinates"][0])
        assert np.array_equal(ring[0], ring[-1])
        outline = cells.outline_px0[6 * i : 6 * i + 6]
        assert np.abs(ring[:-1] - outline).max() <= 0.0051
        name = feature["properties"]["classification"]["name"]
        tumour, call = cells.cell_class[i] == 0, cells.positive[i]
        assert (name == "Tumor: Positive") == (tumour and call == 1)
        assert (name == "Tumor: Negative") == (tumour and call == 0)
        assert (name == "Immune cells") == (cells.cell_class[i] == 1)


def test_csv_is_the_table_without_outlines(tmp_path, cells):
    write_csv(tmp_path / "cells.csv", cell_batches(tmp_path / "cells.parquet"))
    with (tmp_path / "cells.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 300
    assert [float(r["x_px0"]) for r in rows] == pytest.approx(cells.centre_px0[:, 0])
    calls = {"true": 1, "false": 0, "": -1}
    assert [calls[r["positive"]] for r in rows] == cells.positive.tolist()
    assert {r["excluded_by"] for r in rows} == {"", "lymphocyte"}
    assert "outline" not in rows[0]


def test_no_cell_of_a_table_is_a_formula(tmp_path):
    with CellsWriter(tmp_path / "cells.parquet") as writer:
        writer.add(nuclei(1), excluded_by=np.array([""]), regions=[["=1+1", "b"]])
    write_csv(tmp_path / "cells.csv", cell_batches(tmp_path / "cells.parquet"))
    assert "'=1+1;b" in (tmp_path / "cells.csv").read_text("utf-8")


def test_fhir_is_valid_and_says_every_number(tmp_path):
    bundle = fhir_bundle(stored(tmp_path), CODES)
    Bundle.model_validate(bundle)
    resources = [e["resource"] for e in bundle["entry"]]
    observed = [r for r in resources if r["resourceType"] == "Observation"]
    assert len(observed) == len(EVERY)
    for finding, told in zip(EVERY, observed, strict=True):
        if isinstance(finding.answer, NotMeasurable):
            assert "valueQuantity" not in told
            assert finding.answer.reason in told["note"][0]["text"]
            continue
        factor = 1 if isinstance(finding.answer, Measurement) else 100
        assert told["valueQuantity"]["value"] == pytest.approx(factor * finding.answer.value)
    assert observed[0]["code"]["coding"][0]["code"] == "29593-1"
    assert any("low (borderline)" in n["text"] for n in observed[0]["note"])


def test_hl7_is_valid_and_says_every_number(tmp_path):
    now = datetime(2030, 1, 31, tzinfo=UTC)
    text = oru_r01(stored(tmp_path, case_id="C^1|2"), CODES, control_id="7", sent_utc=now)
    parsed = parse_message(text, find_groups=False)
    assert parsed.msh.msh_9.value == "ORU^R01^ORU_R01"
    assert parsed.msh.msh_18.value == "UNICODE UTF-8"
    assert parsed.obr.obr_25.value == "P"
    lines = [s.split("|") for s in text.split("\r")]
    obx = {line[4]: line for line in lines if line[0] == "OBX"}
    for finding in EVERY:
        if isinstance(finding.answer, NotMeasurable):
            assert finding.answer.reason in obx[finding.id][5]
            assert (obx[finding.id][2], obx[finding.id][11]) == ("ST", "X")
            continue
        line = obx[f"{finding.id}.value"]
        factor = 1 if isinstance(finding.answer, Measurement) else 100
        assert float(line[5]) == pytest.approx(factor * finding.answer.value)
        assert line[11] == "P"
    obr = next(line for line in lines if line[0] == "OBR")
    assert obr[18] == "C\\S\\1\\F\\2"
    assert "未经医师审核" in text


HOSTILE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40) | st.sampled_from(
    ["final", "|F|", "OBX|1|NM|||||||||F", "\r\nOBX|9", "^~\\&"]
)


@settings(max_examples=60, deadline=None)
@given(case=HOSTILE, marker=HOSTILE, caveat=HOSTILE)
def test_nothing_written_in_a_result_lets_it_leave_as_final(case, marker, caveat):
    told = result(share(caveats=(caveat,)))
    record = StoredResult(
        result_id=told.result_id,
        supersedes=None,
        author="final",
        analysis="ki67",
        case_id=case,
        slide=stored_slide(marker),
        quality=told.quality,
        tumour_region_source="confirmed",
        findings=told.findings,
        software="F",
        models=(),
        settings_sha256="",
        started_utc="2030-01-31T14:00:00+00:00",
    )
    bundle = fhir_bundle(record, CODES)
    states = {e["resource"].get("status") for e in bundle["entry"]}
    assert states <= {None, "preliminary"}
    text = oru_r01(record, CODES, control_id="1", sent_utc=datetime(2030, 1, 1, tzinfo=UTC))
    lines = [s.split("|") for s in text.split("\r") if s]
    assert {line[0] for line in lines} == {"MSH", "PID", "OBR", "NTE", "OBX", "SPM"}
    assert {line[11] for line in lines if line[0] == "OBX"} == {"P"}
    assert next(line for line in lines if line[0] == "OBR")[25] == "P"


def stored_slide(marker):
    return StoredSlide(
        id="slide-0a1b2c3d",
        digest="ab",
        file=None,
        width_px0=10,
        height_px0=10,
        mpp_x=0.5,
        mpp_y=0.5,
        mpp_source="file",
        stain="ihc-dab",
        marker=marker,
        marker_source="user",
        format="tiled-tiff",
    )


@given(st.text())
def test_escaped_text_holds_no_sign_of_hl7(text):
    plain = re.sub(r"\\(E|F|S|T|R|X0D|X0A)\\", "", escaped(text))
    assert not set("|^~&\\\r\n") & set(plain)


def test_a_type_that_nobody_decided_about_does_not_leave(tmp_path):
    class Signed(StoredResult):
        pass

    with pytest.raises(TypeError, match="Signed"):
        status_of(object.__new__(Signed))
    assert status_of(stored(tmp_path)).fhir == "preliminary"


@pytest.mark.parametrize("word", ["bogus", "QQ", "Final", ""])
def test_words_that_are_no_status_are_refused(word):
    with pytest.raises(OutputError):
        check_fhir_report(word)
    with pytest.raises(OutputError):
        check_obx11(word)


def test_a_finding_without_a_code_is_refused(tmp_path):
    strange = stored(tmp_path, replace(share(), name="strange.name"))
    with pytest.raises(OutputError, match=r"strange\.name"):
        fhir_bundle(strange, CODES)


@pytest.mark.parametrize(
    ("code", "valid"), [("85330-9", True), ("85330-1", False), ("29593-1", True), ("x", False)]
)
def test_check_digits_of_loinc(code, valid):
    assert loinc_is_valid(code) == valid
