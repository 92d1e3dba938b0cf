"""The real slides and fields: runs end, results follow the contract, refusals have reasons."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pathology.exchange.documents import validate
from tests.acceptance.conftest import Finished
from tests.acceptance.test_run import FILES

Pathology = Callable[..., Finished]
RealData = Callable[..., Path]
FIELDS = {  # µm/px by the data's own table
    "glioma/gliomaA_27.jpg": 0.11,
    "glioma/gliomaC_26.jpg": 0.11,
    "gepnet/4.png": 0.48,
    "deepliif/Bladder1.png": 0.25,
    "deepliif/6_2.png": 0.25,
}
pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def batch(
    pathology: Pathology, real_data: RealData, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    """Every real slide, every file to refuse, and five fields, in one run from a manifest."""
    folder = tmp_path_factory.mktemp("real")
    slides, ihc = real_data("slides"), real_data("ihc")
    rows = [
        (slides / "CMU-1-Small-Region.svs", "infiltration", ""),
        (slides / "cmu1_dicom", "infiltration", ""),
        (slides / "TCGA-CR-7395-01A-01-TS1.svs", "infiltration", "1.0"),
        *((path, "infiltration", "") for path in sorted((slides / "refused").iterdir())),
        *((ihc / name, "ki67", mpp) for name, mpp in FIELDS.items()),
    ]
    with (folder / "all.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("slide", "analysis", "mpp"), *rows])
    return pathology("run", folder / "all.csv", out=folder / "out")


def test_every_result_follows_the_contract(batch: Finished) -> None:
    done = [row for row in batch.rows if row["state"] == "done"]
    assert len(done) == 3 + len(FIELDS)
    for row in done:
        folder = batch.out / row["result"]
        assert {p.name for p in folder.iterdir()} == FILES
        validate(json.loads((folder / "findings.json").read_text()), "findings-1")
        validate(json.loads((folder / "run.json").read_text()), "run-1")
        validate(json.loads((folder / "regions.geojson").read_text()), "regions-1")


@pytest.mark.parametrize(
    ("slide", "code"),
    [
        ("fluorescence_dapi.ndpi", "fluorescence"),
        ("pathml_small_vectra.qptiff", "fluorescence"),
        ("pathml_smalltif.tif", "fluorescence"),
        ("pathml_small_dicom.dcm", "unsupported-layout"),
    ],
)
def test_what_must_be_refused_is_refused_with_its_reason(
    batch: Finished, slide: str, code: str
) -> None:
    row = batch.row(slide)
    assert (row["state"], row["reason_code"], row["value"]) == ("failed", code, "")


def test_one_region_in_two_formats_gives_one_answer(batch: Finished) -> None:
    """The DICOM copy was compressed once more, so not to the last digit."""
    svs, dicom = (
        {f["name"]: f for f in batch.findings(name)["findings"]}["tumour.area"]["value"]
        for name in ("CMU-1-Small-Region.svs", "cmu1_dicom")
    )
    assert svs == pytest.approx(dicom, rel=0.1)
    assert 0.1 < svs < 0.4


def test_the_coarse_slide_gives_regions_and_no_cell_counts(batch: Finished) -> None:
    told = batch.findings("TCGA-CR-7395-01A-01-TS1.svs")
    findings = {f["name"]: f for f in told["findings"]}
    assert findings["tumour.area"]["value"] > 1
    assert "not_measurable" in findings["til.density_tumour"]
    assert told["slide"]["mpp_source"] == "manifest"
    folder = batch.result("TCGA-CR-7395-01A-01-TS1.svs")
    assert pq.read_metadata(folder / "cells.parquet").num_rows == 0


def test_the_fields_are_ordered_as_people_ordered_them(batch: Finished) -> None:
    """Indices by people: A_27 54 %, 6_2 48 %, C_26 22 %, Bladder1 8 %, gepnet/4 below 1 %."""
    value = {name: batch.findings(Path(name).name)["findings"][0].get("value") for name in FIELDS}
    assert value["glioma/gliomaA_27.jpg"] == pytest.approx(0.539, abs=0.1)
    assert value["glioma/gliomaC_26.jpg"] == pytest.approx(0.217, abs=0.06)
    assert value["gepnet/4.png"] < 0.02
    # Too few nuclei in a field of 128 µm for any number.
    assert value["deepliif/6_2.png"] is None
