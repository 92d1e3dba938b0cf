"""Slide in, numbers out: what a painted slide gives, and what a result holds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import zarr
from PIL import Image

from pathology.exchange.documents import validate
from pathology.exchange.outlines import inside
from pathology.exchange.regions_read import read_regions
from pathology.records.geometry import Mpp
from tests import painted
from tests.acceptance.conftest import Finished

FILES = {
    "findings.json",
    "cells.parquet",
    "regions.geojson",
    "maps.zarr",
    "overlay.png",
    "run.json",
}
Pathology = Callable[..., Finished]


@pytest.fixture(scope="module")
def done(
    pathology: Pathology, ihc_slide: Path, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    out = tmp_path_factory.mktemp("out")
    return pathology("run", ihc_slide, "--analysis", "ki67", "--workers", "1", out=out)


def test_the_index_is_the_painted_share(done: Finished, painting: painted.Painting) -> None:
    assert done.code == 0, done.stderr
    finding = done.findings("painted ihc.tif")["findings"][0]
    truth = painting.positive / (painting.positive + painting.negative)
    assert finding["value"] == pytest.approx(truth, abs=0.02)
    assert finding["low"] < truth < finding["high"]
    assert finding["interval"] == "wilson-95"
    assert finding["value"] == finding["part"] / finding["whole"]


def test_every_painted_nucleus_is_found_once(done: Finished, painting: painted.Painting) -> None:
    cells = pq.read_table(done.result("painted ihc.tif") / "cells.parquet")
    found = np.stack([cells["x_px0"], cells["y_px0"]], axis=1)
    distance = np.linalg.norm(found[:, None] - painting.centres_px[None], axis=2)
    assert len(found) == pytest.approx(len(painting.centres_px), rel=0.01)
    nearest = distance.min(axis=0) * painting.mpp
    assert (nearest < painting.radius_um / 2).mean() > 0.99


def test_a_result_holds_what_the_contract_names(done: Finished) -> None:
    folder = done.result("painted ihc.tif")
    assert {p.name for p in folder.iterdir()} == FILES
    told = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    validate(told, "findings-1")
    validate(json.loads((folder / "run.json").read_text(encoding="utf-8")), "run-1")
    assert told["slide"]["mpp_source"] == "file"
    assert told["slide"]["stain"] == "ihc-dab"
    assert (told["slide"]["marker"], told["slide"]["marker_source"]) == ("ki67", "user")
    assert told["tumour_region_source"] == "automatic"
    assert any("provisional" in c for c in told["findings"][0]["caveats"])
    Image.open(folder / "overlay.png").verify()
    kinds = {
        f["properties"]["classification"]["name"].lower()
        for f in json.loads((folder / "regions.geojson").read_text())["features"]
    }
    assert "tissue" in kinds
    group = zarr.open_group(folder / "maps.zarr", mode="r")
    assert {"tissue_class", "nucleus_density", "ki67_density"} <= set(group.group_keys())


def test_numbers_agree_between_files(done: Finished) -> None:
    finding = done.findings("painted ihc.tif")["findings"][0]
    cells = pq.read_table(done.result("painted ihc.tif") / "cells.parquet")
    counted = np.array([e is None for e in cells["excluded_by"].to_pylist()])
    calls = cells["positive"].to_pylist()
    positive = sum(c is True for c, k in zip(calls, counted, strict=True) if k)
    negative = sum(c is False for c, k in zip(calls, counted, strict=True) if k)
    assert (finding["part"], finding["whole"]) == (positive, positive + negative)
    assert sum(finding["exclusions"].values()) == int((~counted).sum())
    row = done.row("painted ihc.tif")
    assert float(row["value"]) == finding["value"]


def test_the_second_run_keeps_and_force_does_it_again(
    pathology: Pathology, done: Finished, ihc_slide: Path
) -> None:
    before = (done.result("painted ihc.tif") / "findings.json").stat().st_mtime_ns
    words = ("run", ihc_slide, "--analysis", "ki67", "--workers", "1")
    again = pathology(*words, out=done.out)
    assert again.code == 0
    assert again.row("painted ihc.tif")["state"] == "kept"
    assert (done.result("painted ihc.tif") / "findings.json").stat().st_mtime_ns == before
    forced = pathology(*words, "--force", out=done.out)
    assert forced.row("painted ihc.tif")["state"] == "done"
    assert (done.result("painted ihc.tif") / "findings.json").stat().st_mtime_ns > before


def test_ki67_on_an_he_slide_is_refused_and_the_other_way_round(
    pathology: Pathology, he_slide: Path, ihc_slide: Path, tmp_path: Path
) -> None:
    manifest = tmp_path / "night.csv"
    manifest.write_text(
        f'slide,analysis\n"{he_slide}",ki67\n"{ihc_slide}",infiltration\n"{he_slide}",infiltration\n'
    )
    run = pathology("run", manifest, "--workers", "1", out=tmp_path / "out")
    assert run.code == 1
    reasons = {(r["slide"], r["analysis"]): r["reason_code"] for r in run.rows}
    assert reasons == {
        ("painted he.tif", "ki67"): "stain-mismatch",
        ("painted ihc.tif", "infiltration"): "stain-mismatch",
        ("painted he.tif", "infiltration"): "",
    }


def test_a_persons_region_is_confirmed_and_everything_outside_is_told(
    pathology: Pathology, ihc_slide: Path, done: Finished, tmp_path: Path
) -> None:
    ring = [[0, 0], [768, 0], [768, 1280], [0, 1280], [0, 0]]
    region = tmp_path / "left half.geojson"
    region.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    words = ("run", ihc_slide, "--analysis", "ki67", "--within", region, "--workers", "1")
    run = pathology(*words, out=done.out)
    assert run.code == 0, run.stderr
    told = run.findings("painted ihc.tif")
    assert told["tumour_region_source"] == "confirmed"
    finding = told["findings"][0]
    assert not any("provisional" in c for c in finding["caveats"])
    everywhere = finding["whole"] + finding["exclusions"]["outside_region"]
    assert finding["whole"] == pytest.approx(everywhere / 2, rel=0.05)
    # A result of its own; the summary has the newest only: nobody has to choose between numbers.
    assert len(list(done.out.glob("*/ki67-*"))) == 2
    assert len(run.rows) == 1


def test_cells_and_regions_tell_the_same(done: Finished) -> None:
    """Each nucleus lies in the polygons that its row names, and in no other."""
    for folder in done.out.glob("*/ki67-*"):
        cells = pq.read_table(folder / "cells.parquet")
        points = np.stack([cells["x_px0"], cells["y_px0"]], axis=1)
        named = cells["regions"].to_pylist()
        for region in read_regions(folder / "regions.geojson", mpp=Mpp(0.5)):
            within = inside(region.polygons, points)
            told = np.array([region.region_id in names for names in named])
            assert (within == told).mean() > 0.995, region.region_id


def box(left: int, top: int, right: int, bottom: int) -> dict[str, object]:
    ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
    return {"type": "Polygon", "coordinates": [ring]}


def feature(name: str, *corners: int) -> dict[str, object]:
    """An annotation as QuPath exports one."""
    properties = {"objectType": "annotation", "classification": {"name": name}}
    return {"type": "Feature", "geometry": box(*corners), "properties": properties}


def test_a_person_leaves_out_and_says_where_to_count(
    pathology: Pathology, ihc_slide: Path, tmp_path: Path
) -> None:
    region = tmp_path / "mine.geojson"
    drawn = [
        feature("Tumor", 0, 0, 1536, 1280),
        feature("Necrosis", 0, 0, 500, 1280),
        feature("Field", 950, 590, 1050, 690),
    ]
    region.write_text(json.dumps(drawn))
    words = ("run", ihc_slide, "--analysis", "ki67", "--within", region, "--workers", "1")
    run = pathology(*words, out=tmp_path / "out")
    assert run.code == 0, run.stderr
    told = run.findings("painted ihc.tif")["findings"]
    cells = pq.read_table(run.result("painted ihc.tif") / "cells.parquet").to_pylist()
    left_out = [c for c in cells if c["excluded_by"] == "necrosis"]
    assert len(left_out) == told[0]["exclusions"]["necrosis"] > 300
    assert all(c["x_px0"] < 500 and "person-necrosis" in c["regions"] for c in left_out)
    assert not any(c["excluded_by"] is None and c["x_px0"] < 500 for c in cells)
    areas = read_regions(run.result("painted ihc.tif") / "regions.geojson", mpp=Mpp(0.5))
    (field,) = (a for a in areas if a.region_id == "field-1")
    middle = field.polygons[0].outer.points_px0.mean(axis=0)
    assert middle == pytest.approx([1000, 640], abs=0.01)
    assert field.source == "person"
    held = [c for c in cells if "field-1" in c["regions"] and c["excluded_by"] is None]
    assert len(held) == pytest.approx(100, abs=1)  # the outermost lies on the circle

    region.write_text(json.dumps([drawn[0], *[drawn[2]] * 5]))
    refused = pathology(*words, out=tmp_path / "more")
    assert refused.row("painted ihc.tif")["reason_code"] == "wrong-region"
    assert "field-5" in refused.row("painted ihc.tif")["reason"]


def test_a_confirmed_bed_has_a_margin_on_both_sides(
    pathology: Pathology, he_slide: Path, tmp_path: Path
) -> None:
    region = tmp_path / "bed.geojson"
    region.write_text(json.dumps(box(500, 400, 1000, 900)))
    words = ("run", he_slide, "--analysis", "infiltration", "--within", region, "--workers", "1")
    run = pathology(*words, out=tmp_path / "out")
    assert run.code == 0, run.stderr
    told = {f["name"]: f for f in run.findings("painted he.tif")["findings"]}
    assert 0.9 < told["margin.length"]["value"] < 1.0  # 4 x 250 µm, its corners smoothed
    areas = read_regions(run.result("painted he.tif") / "regions.geojson", mpp=Mpp(0.5))
    mm2 = {r.region_id: r.area_mm2 for r in areas}
    assert mm2["confirmed-tumour"] == pytest.approx(0.25**2)
    assert mm2["margin-inner"] == pytest.approx(0.25**2, rel=0.1)  # all of so small a bed
    assert mm2["margin-outer"] > 0.2  # the slide around it was looked at as well


def test_an_automatic_region_fed_back_confirms_nothing(
    pathology: Pathology, ihc_slide: Path, done: Finished, tmp_path: Path
) -> None:
    region = next(
        folder / "regions.geojson"
        for folder in done.out.glob("*/ki67-*")
        if '"automatic"' in (folder / "findings.json").read_text()
    )
    words = ("run", ihc_slide, "--analysis", "ki67", "--within", region, "--workers", "1")
    run = pathology(*words, out=tmp_path / "out")
    assert run.code == 1
    assert "no tumour region that a person drew" in run.row("painted ihc.tif")["reason"]


def test_a_region_belongs_to_one_slide(
    pathology: Pathology, ihc_slide: Path, he_slide: Path, tmp_path: Path
) -> None:
    (tmp_path / "r.geojson").write_text("{}")
    words = ("run", ihc_slide, he_slide, "--analysis", "ki67", "--within", tmp_path / "r.geojson")
    run = pathology(*words, out=tmp_path / "out")
    assert (run.code, "one slide" in run.stderr) == (2, True)


def test_another_marker_is_never_called_ki67(
    pathology: Pathology, ihc_slide: Path, tmp_path: Path
) -> None:
    run = pathology(
        "run", ihc_slide, "--analysis", "ki67", "--marker", "p53", "--workers", "1", out=tmp_path
    )
    ki67, own = run.findings("painted ihc.tif")["findings"]
    assert ki67["name"] == "ki67.global"
    assert "p53" in ki67["not_measurable"]
    assert (own["name"], own["value"] > 0) == ("labelling_index.global", True)
    assert "not-ki67" in run.findings("painted ihc.tif")["quality"]["flags"]


def test_a_coarse_scan_gives_regions_and_no_cells(
    pathology: Pathology, he_slide: Path, tmp_path: Path
) -> None:
    run = pathology(
        "run",
        he_slide,
        "--analysis",
        "infiltration",
        "--mpp",
        "1.0",
        "--workers",
        "1",
        out=tmp_path,
    )
    findings = {f["name"]: f for f in run.findings("painted he.tif")["findings"]}
    assert "value" in findings["tumour.area"]
    assert "0.6" in findings["til.density_stroma"]["not_measurable"]
    assert pq.read_table(run.result("painted he.tif") / "cells.parquet").num_rows == 0
    assert "scale-overrides-file" in run.findings("painted he.tif")["quality"]["flags"]


def test_json_is_all_there_is_on_standard_output(
    pathology: Pathology, ihc_slide: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.svs").touch()
    run = pathology(
        *("run", ihc_slide, tmp_path / "empty.svs", "--analysis", "ki67", "--json"),
        out=tmp_path / "o",
    )
    told = json.loads(run.stdout)
    assert (run.code, told["done"], told["failed"]) == (1, 1, 1)
    assert {s["state"] for s in told["slides"]} == {"done", "failed"}


def test_pseudonyms_leave_no_file_name_anywhere(
    pathology: Pathology, ihc_slide: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"0123456789abcdef" * 2)
    key.chmod(0o600)
    settings = tmp_path / "settings"
    settings.mkdir()
    site = (Path(__file__).parents[2] / "configs" / "site.toml").read_text()
    (settings / "site.toml").write_text(
        site.replace("pseudonyms = false", f'pseudonyms = true\nkey_file = "{key}"')
    )
    secret = tmp_path / "Mueller-Anna-1961.tif"
    shutil.copy(ihc_slide, secret)
    (tmp_path / "Zhang-San.svs").touch()
    (tmp_path / "Zhang-Si.tif").write_bytes(ihc_slide.read_bytes()[:50_000])
    slides = (secret, tmp_path / "Zhang-San.svs", tmp_path / "Zhang-Si.tif")
    words = ("--analysis", "ki67", "--settings", settings, "--force")
    run = pathology("run", *slides, *words, out=tmp_path / "out")
    region = tmp_path / "Zhang-Wu.geojson"
    region.write_text('{"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [1, 0]]]}')
    bad = pathology("run", secret, *words, "--within", region, out=tmp_path / "out")
    assert "wrong-region" in {r["reason_code"] for r in bad.rows}
    written = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert len(written) > 5
    told = "".join((run.stdout, run.stderr, bad.stdout, bad.stderr, *map(str, written)))
    for text in (told, *(p.read_bytes().decode("latin-1") for p in written)):
        assert "Mueller" not in text
        assert "Zhang" not in text
