"""Results in other programs' formats, by the program itself."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import zarr
from PIL import Image

from pathology.exchange.cells_back import read_cells_geojson
from tests.acceptance.conftest import Finished

Pathology = Callable[..., Finished]
ENDINGS = {
    "geojson": "-draft.geojson",
    "csv": "-draft-cells.csv",
    "parquet": "-draft-cells.parquet",
    "ome-zarr": "-draft-maps.ome.zarr",
    "dicom": "-draft-findings.dcm",
    "fhir": "-draft-fhir.json",
    "hl7": "-draft.hl7",
    "figure": "-draft-figure-slide-en.png",
}
SLIDE = "painted ihc.tif"


@pytest.fixture(scope="module")
def done(
    pathology: Pathology, ihc_slide: Path, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    out = tmp_path_factory.mktemp("out")
    return pathology("run", ihc_slide, "--analysis", "ki67", "--workers", "1", out=out)


def everything_in(folder: Path) -> list[tuple[str, int, int]]:
    found = sorted(folder.rglob("*"))
    return [(str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in found]


def export(pathology: Pathology, result: Path, wanted: str, out: Path, *more: str | Path) -> Path:
    """The file that an export writes first."""
    path = written(pathology, result, wanted, out, *more)
    assert path.name.endswith(ENDINGS[wanted])
    return path


def written(pathology: Pathology, result: Path, wanted: str, out: Path, *more: str | Path) -> Path:
    told = pathology("export", result, "--to", wanted, "--json", *more, out=out)
    assert told.code == 0, told.stderr
    (entry,) = json.loads(told.stdout)["results"]
    files = [Path(f) for f in entry["files"]]
    assert all(f.exists() for f in files)
    return files[0]


def needed_for(wanted: str, slide: Path) -> tuple[str | Path, ...]:
    """What a format must be given beside its name."""
    return ("--slide", slide, "--lang", "en") if wanted == "figure" else ()


@pytest.mark.parametrize("wanted", sorted(ENDINGS))
def test_a_result_leaves_in_every_format_as_a_draft_and_is_not_changed(
    pathology: Pathology, done: Finished, ihc_slide: Path, tmp_path: Path, wanted: str
) -> None:
    folder = done.result(SLIDE)
    before = everything_in(folder)
    export(pathology, folder, wanted, tmp_path / "exports", *needed_for(wanted, ihc_slide))
    label = (tmp_path / "exports/DRAFT.txt").read_text("utf-8")
    assert "NOT VERIFIED BY A PHYSICIAN" in label
    assert "未经医师审核" in label
    assert everything_in(folder) == before
    left = [p.name for p in (tmp_path / "exports").iterdir()]
    assert len(left) == (4 if wanted == "dicom" else 2), "nothing half-written stays"


def test_every_format_tells_the_same_nuclei(
    pathology: Pathology, done: Finished, tmp_path: Path
) -> None:
    folder = done.result(SLIDE)
    cells = pq.read_table(folder / "cells.parquet")
    positive = cells["positive"].to_pylist()
    back = read_cells_geojson(export(pathology, folder, "geojson", tmp_path))
    assert back["positive"].to_pylist() == positive
    with export(pathology, folder, "csv", tmp_path, "--outlines").open(
        encoding="utf-8-sig", newline=""
    ) as file:
        rows = list(csv.DictReader(file))
    calls = {"true": True, "false": False, "": None}
    assert [calls[r["positive"]] for r in rows] == positive
    assert all(r["outline_wkt_px0"].startswith("POLYGON") for r in rows)
    copy = pq.read_table(export(pathology, folder, "parquet", tmp_path))
    assert copy.equals(cells)
    maps = zarr.open_group(export(pathology, folder, "ome-zarr", tmp_path), mode="r")
    labels = maps["tissue_class/labels/nuclei/0"][:]
    # The slide is painted at 0.5 µm/px: a nucleus covers as many pixels as the table says.
    counts = np.bincount(labels.ravel(), minlength=len(cells) + 1)[1:]
    assert np.median(counts * 0.25 / cells["area_um2"].to_numpy()) == pytest.approx(1, abs=0.05)


def test_each_format_says_by_itself_that_it_is_a_draft(
    pathology: Pathology, done: Finished, tmp_path: Path
) -> None:
    folder, banner = done.result(SLIDE), "NOT VERIFIED BY A PHYSICIAN"
    for wanted in ("geojson", "fhir", "hl7"):
        assert banner in export(pathology, folder, wanted, tmp_path).read_text("utf-8")
    told = pq.read_schema(export(pathology, folder, "parquet", tmp_path)).metadata
    assert banner in told[b"banner_en"].decode()
    maps = zarr.open_group(export(pathology, folder, "ome-zarr", tmp_path), mode="r")
    assert banner in maps.attrs["banner"]["en"]


def test_a_whole_output_folder_is_exported_result_by_result(
    pathology: Pathology, done: Finished, he_slide: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both"
    pathology("run", he_slide, "--analysis", "infiltration", "--workers", "1", out=both)
    folder = done.result(SLIDE)
    shutil.copytree(folder, both / folder.parent.name / folder.name)
    told = pathology("export", both, "--to", "ome-zarr", out=tmp_path / "all")
    assert told.code == 0, told.stderr
    assert len(told.stdout.splitlines()) == 2
    assert len(list((tmp_path / "all").glob("*.ome.zarr"))) == 2
    # One is spoilt: the other is exported all the same.
    (both / folder.parent.name / folder.name / "run.json").unlink()
    told = pathology("export", both, "--to", "geojson", "--json", out=tmp_path / "one")
    assert told.code == 1
    entries = json.loads(told.stdout)["results"]
    assert sorted("failed" in e for e in entries) == [False, True]
    assert "run.json" in next(e["failed"] for e in entries if "failed" in e)
    assert folder.name in told.stderr
    assert len(list((tmp_path / "one").glob("*.geojson"))) == 1


def test_what_is_no_result_and_what_would_change_one_are_refused(
    pathology: Pathology, done: Finished, tmp_path: Path
) -> None:
    nothing = pathology("export", tmp_path, "--to", "csv", out=tmp_path / "x")
    assert nothing.code == 2
    assert "holds no result" in nothing.stderr
    folder = done.result(SLIDE)
    inside = pathology("export", folder, "--to", "csv", out=folder / "exports")
    assert inside.code == 2
    assert "inside the result" in inside.stderr
    assert not (folder / "exports").exists()
    assert pathology("export", folder, "--to", "docx", out=tmp_path / "x").code == 2


@pytest.mark.parametrize("wanted", sorted(ENDINGS))
def test_what_is_there_already_is_not_written_over(
    pathology: Pathology, done: Finished, ihc_slide: Path, tmp_path: Path, wanted: str
) -> None:
    more = needed_for(wanted, ihc_slide)
    path = export(pathology, done.result(SLIDE), wanted, tmp_path, *more)
    before = everything_in(path) or path.read_bytes()
    again = pathology("export", done.result(SLIDE), "--to", wanted, *more, out=tmp_path)
    assert again.code == 2
    assert "exists already" in again.stderr
    assert (everything_in(path) or path.read_bytes()) == before


def test_another_slide_is_refused(
    pathology: Pathology, done: Finished, ihc_slide: Path, he_slide: Path, tmp_path: Path
) -> None:
    folder = done.result(SLIDE)
    other = pathology("export", folder, "--to", "csv", "--slide", he_slide, out=tmp_path / "x")
    assert other.code == 2
    assert "another slide" in other.stderr
    none = pathology(
        "export", folder, "--to", "csv", "--slide", tmp_path / "no", out=tmp_path / "x"
    )
    assert none.code == 2
    assert str(tmp_path) not in none.stderr
    assert not (tmp_path / "x").exists()
    export(pathology, folder, "csv", tmp_path, "--slide", ihc_slide)


def test_a_damaged_result_leaves_nothing_behind(
    pathology: Pathology, done: Finished, ihc_slide: Path, tmp_path: Path
) -> None:
    spoilt = tmp_path / "slide" / "ki67-spoilt"
    shutil.copytree(done.result(SLIDE), spoilt)
    (spoilt / "cells.parquet").write_bytes(b"PAR1 and then nothing")
    for wanted in ("geojson", "csv", "parquet", "ome-zarr", "figure"):
        more = needed_for(wanted, ihc_slide)
        told = pathology("export", spoilt, "--to", wanted, *more, out=tmp_path / "x")
        assert told.code == 2
        assert "cells.parquet" in told.stderr
        assert list((tmp_path / "x").iterdir()) == []


def test_a_figure_shows_a_region_by_its_id_in_the_language_asked_for(
    pathology: Pathology, done: Finished, ihc_slide: Path, tmp_path: Path
) -> None:
    folder = done.result(SLIDE)
    regions = json.loads((folder / "regions.geojson").read_text(encoding="utf-8"))["features"]
    assert "hotspot" in {f["properties"]["region_id"] for f in regions}
    asked = ("--slide", ihc_slide, "--region", "hotspot", "--lang")
    english, chinese = (
        written(pathology, folder, "figure", tmp_path, *asked, language)
        for language in ("en", "zh")
    )
    assert english.name.endswith("-draft-figure-hotspot-en.png")
    assert chinese.name.endswith("-draft-figure-hotspot-zh.png")
    with Image.open(english) as one, Image.open(chinese) as other:
        assert one.width == other.width == 2160
        assert one.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert one.tobytes() != other.tobytes()


def test_a_figure_needs_the_slide_and_a_region_that_is_there(
    pathology: Pathology, done: Finished, ihc_slide: Path, he_slide: Path, tmp_path: Path
) -> None:
    folder, out = done.result(SLIDE), tmp_path / "x"
    for more, said in (
        ((), "--slide"),
        (("--slide", he_slide), "another slide"),
        (
            ("--slide", ihc_slide, "--region", "hotspot-9"),
            "no such region. This result has: tissue",
        ),
    ):
        told = pathology("export", folder, "--to", "figure", *more, out=out)
        assert told.code == 2
        assert said in told.stderr
    beside = pathology("export", folder, "--to", "csv", "--region", "hotspot", out=out)
    assert beside.code == 2
    assert "--region is for --to figure" in beside.stderr
    assert not list(out.glob("*"))


def test_help_shows_examples(pathology: Pathology) -> None:
    told = pathology("export", "--help")
    assert told.code == 0
    assert "opens in QuPath" in told.stdout
    assert "nothing changes a result" in told.stdout
