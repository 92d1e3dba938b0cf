"""Results in other programs' formats, by the program itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.acceptance.conftest import Finished

Pathology = Callable[..., Finished]
ENDINGS = {
    "geojson": ".geojson",
    "csv": "-cells.csv",
    "parquet": "-cells.parquet",
    "ome-zarr": "-maps.ome.zarr",
    "fhir": "-fhir.json",
    "hl7": ".hl7",
}


@pytest.fixture(scope="module")
def done(
    pathology: Pathology, ihc_slide: Path, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    out = tmp_path_factory.mktemp("out")
    return pathology("run", ihc_slide, "--analysis", "ki67", "--workers", "1", out=out)


@pytest.mark.parametrize("wanted", sorted(ENDINGS))
def test_a_result_leaves_in_every_format_as_a_draft(
    pathology: Pathology, done: Finished, tmp_path: Path, wanted: str
) -> None:
    folder = done.result("painted ihc.tif")
    before = sorted((p.name, p.stat().st_mtime_ns) for p in folder.iterdir())
    told = pathology("export", folder, "--to", wanted, "--json", out=tmp_path / "exports")
    assert told.code == 0, told.stderr
    (entry,) = json.loads(told.stdout)["results"]
    files = [Path(f) for f in entry["files"]]
    assert files[0].name.endswith(ENDINGS[wanted])
    assert all(f.exists() for f in files)
    assert "NOT VERIFIED BY A PHYSICIAN" in (tmp_path / "exports/DRAFT.txt").read_text("utf-8")
    assert sorted((p.name, p.stat().st_mtime_ns) for p in folder.iterdir()) == before


def test_a_whole_output_folder_is_exported_result_by_result(
    pathology: Pathology, done: Finished, tmp_path: Path
) -> None:
    told = pathology("export", done.out, "--to", "geojson", out=tmp_path)
    assert told.code == 0, told.stderr
    (path,) = tmp_path.glob("*.geojson")
    cells = pq.read_table(done.result("painted ihc.tif") / "cells.parquet")
    features = json.loads(path.read_text("utf-8"))["features"]
    assert sum(f["properties"]["objectType"] == "detection" for f in features) == len(cells)


def test_what_is_no_result_and_what_would_change_one_are_refused(
    pathology: Pathology, done: Finished, tmp_path: Path
) -> None:
    nothing = pathology("export", tmp_path, "--to", "csv", out=tmp_path / "x")
    assert nothing.code == 2
    assert "holds no result" in nothing.stderr
    folder = done.result("painted ihc.tif")
    inside = pathology("export", folder, "--to", "csv", out=folder / "exports")
    assert inside.code == 2
    assert "inside the result" in inside.stderr
    assert not (folder / "exports").exists()
    assert pathology("export", folder, "--to", "docx", out=tmp_path / "x").code == 2
