"""A result counted again in corrected regions is the one that a run in these regions gives."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import zarr
from PIL import Image
from scipy.ndimage import gaussian_filter

from pathology.errors import OutputError, PathologyError, UsageError
from pathology.exchange import cells_judged
from pathology.exchange.documents import validate
from pathology.exchange.overlay import draw_overlay
from pathology.pipeline import store
from pathology.pipeline.correct import Corrected
from pathology.pipeline.export import ExportOrder, export_result
from pathology.pipeline.import_regions import CorrectionOrder, import_regions
from pathology.pipeline.run_slide import Job
from pathology.pipeline.settings import load_settings
from pathology.pipeline.stages import run_slide
from pathology.records.order import RunOptions, SlideOrder
from pathology.records.settings.run import RunSettings
from pathology.records.slide import StatedScale
from tests import painted
from tests.painted_tiff import overwrite_tile
from tests.sites import classical
from tests.tiny_models import install_tiny, tiny_card

ANALYSES = ("ki67", "infiltration")
SITE = classical(load_settings())


def square(name: str | None, left: int, top: int, right: int, bottom: int) -> dict[str, Any]:
    """An annotation as QuPath exports one; without a class it is tumour."""
    ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
    classed = {} if name is None else {"classification": {"name": name}}
    properties = {"objectType": "annotation", **classed}
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "geometry": geometry, "properties": properties}


TUMOUR = square("Tumor", 100, 90, 1611, 1203)
DRAWN: dict[str, list[dict[str, Any]]] = {
    "tumour": [TUMOUR],
    "two that overlap": [TUMOUR, square(None, 1200, 803, 1900, 1409)],
    "exclusions": [
        TUMOUR,
        square("Necrosis", 150, 160, 507, 903),
        square("In situ", 400, 500, 907, 1003),
        square("Artefact", 1000, 90, 1100, 1500),
    ],
    "a field and a hot spot": [
        TUMOUR,
        square("Field", 950, 590, 1050, 690),
        square("Hot spot", 300, 300, 700, 700),
    ],
}


def blurred(pixels: np.ndarray) -> np.ndarray:
    """A corner of the tissue out of focus, across seams of tiles."""
    place = np.s_[200:800, 1100:1800]
    pixels = pixels.copy()
    pixels[place] = gaussian_filter(pixels[place].astype(float), (6, 6, 0)).astype(np.uint8)
    return pixels


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Slides with a part out of focus; the first has stored tiles that cannot be read as well."""
    folder = tmp_path_factory.mktemp("slides")
    size = {"width": 2048, "height": 1536, "mpp": 0.5}
    ihc = blurred(painted.paint_nuclei(**size, seed=7).pixels)
    he = blurred(painted.paint_nuclei(**size, seed=8, stain="he", brown_share=0).pixels)
    found = {
        "ki67": painted.write_tiff(folder / "ihc.tif", ihc, mpp=0.5, levels=3),
        "infiltration": painted.write_tiff(folder / "he.tif", he, mpp=0.5, levels=3),
    }
    overwrite_tile(found["ki67"], 19, "zeroed")
    return found


def run(slide: Path, analysis: str, out: Path, within: Path | None = None, **more: Any) -> Path:
    """The result of a run."""
    settings = more.pop("settings", SITE)
    marker = {"marker": "ki67", "marker_source": "user"} if analysis == "ki67" else {}
    order = SlideOrder(path=slide, analysis=analysis, within=within, **(marker | more))  # type: ignore[arg-type]
    store.prepare_output(out)
    options = RunOptions(out=out, device="cpu")
    row = run_slide(
        Job(order=order, options=options, settings=settings, pseudonym_key=None), lambda _: None
    ).row
    assert row.state == "done", row.reason
    return out / row.result


@pytest.fixture(scope="module")
def first(slides: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A result of each analysis with an automatic region."""
    out = tmp_path_factory.mktemp("out")
    return {analysis: run(slides[analysis], analysis, out) for analysis in ANALYSES}


def written(folder: Path, features: Any, name: str = "corrected.geojson") -> Path:
    path = folder / name
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def corrected(result: Path, regions: Path, site: RunSettings = SITE, **more: Any) -> Corrected:
    return import_regions(CorrectionOrder(folder=result, regions=regions, **more), site)


def document(folder: Path, name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / name).read_text("utf-8"))
    return told


def same(again: Path, fresh: Path) -> None:
    """Everything but the name, the author and the time is the same to the last digit."""
    told, expected = document(again, "findings.json"), document(fresh, "findings.json")
    validate(told, "findings-1")
    for one in (told, expected):
        for own in ("result_id", "supersedes", "author"):
            one.pop(own)
    assert told == expected
    assert document(again, "regions.geojson") == document(fresh, "regions.geojson")
    cells, others = (pq.read_table(f / "cells.parquet") for f in (again, fresh))
    assert cells.combine_chunks().equals(others.combine_chunks())
    maps, other_maps = (zarr.open_group(f / "maps.zarr", mode="r") for f in (again, fresh))
    assert set(maps.group_keys()) == set(other_maps.group_keys())
    for name in maps.group_keys():
        assert np.array_equal(maps[f"{name}/0"][:], other_maps[f"{name}/0"][:], equal_nan=True)
        assert dict(maps[name].attrs) == dict(other_maps[name].attrs)
    ran, other = document(again, "run.json"), document(fresh, "run.json")
    validate(ran, "run-1")
    for one in (ran, other):
        for own in ("result_id", "timings_s", "started_utc"):
            one.pop(own)
    assert ran == other


def everything_in(folder: Path) -> list[tuple[str, int, int]]:
    return [(str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(folder.rglob("*"))]


@pytest.mark.parametrize("drawn", DRAWN)
@pytest.mark.parametrize("analysis", ANALYSES)
def test_it_is_the_result_of_a_run_in_these_regions(
    first: dict[str, Path], slides: dict[str, Path], tmp_path: Path, analysis: str, drawn: str
) -> None:
    regions = written(tmp_path, DRAWN[drawn])
    before = everything_in(first[analysis])
    again = corrected(first[analysis], regions, out=tmp_path / "again")
    fresh = run(slides[analysis], analysis, tmp_path / "fresh", regions)
    same(again.folder, fresh)
    assert everything_in(first[analysis]) == before
    told = document(again.folder, "findings.json")
    assert told["supersedes"] == document(first[analysis], "findings.json")["result_id"]
    assert (told["author"], told["tumour_region_source"]) == ("person", "confirmed")
    assert told["result_id"] == again.result_id != told["supersedes"]
    reasons = set(pq.read_table(again.folder / "cells.parquet")["excluded_by"].to_pylist())
    assert "out_of_focus" in reasons
    assert ("outside_region" in reasons) == (analysis == "ki67")


def test_a_lost_tile_is_still_lost(first: dict[str, Path], tmp_path: Path) -> None:
    assert document(first["ki67"], "findings.json")["quality"]["unreadable_tiles"] == 1
    again = corrected(first["ki67"], written(tmp_path, [TUMOUR]), out=tmp_path / "again")
    told = document(again.folder, "findings.json")
    assert told["quality"]["unreadable_tiles"] == 1
    assert told["quality"]["excluded_mm2"]["unreadable"] > 0


def test_damage_is_judged_within_the_new_region(
    first: dict[str, Path], slides: dict[str, Path], tmp_path: Path
) -> None:
    regions = written(tmp_path, [square("Tumor", 760, 500, 1030, 770)])  # around the lost tile
    again = corrected(first["ki67"], regions, out=tmp_path / "again")
    same(again.folder, run(slides["ki67"], "ki67", tmp_path / "fresh", regions))
    findings = document(again.folder, "findings.json")["findings"]
    assert {f.get("reason_code") for f in findings} == {"damaged"}


@pytest.mark.parametrize("analysis", ANALYSES)
def test_a_correction_can_be_corrected(
    first: dict[str, Path], slides: dict[str, Path], tmp_path: Path, analysis: str
) -> None:
    out = tmp_path / "out"
    once = corrected(first[analysis], written(tmp_path, DRAWN["exclusions"], "a.json"), out=out)
    regions = written(tmp_path, DRAWN["two that overlap"], "b.json")
    twice = corrected(once.folder, regions)  # what was outside the first region is back
    assert twice.supersedes == once.result_id
    assert twice.folder.parent == once.folder.parent
    same(twice.folder, run(slides[analysis], analysis, tmp_path / "fresh", regions))
    (row,) = (out / "summary.csv").read_text("utf-8-sig").splitlines()[1:]
    assert twice.folder.name in row


def test_the_same_correction_twice_is_kept(first: dict[str, Path], tmp_path: Path) -> None:
    regions = written(tmp_path, [TUMOUR])
    once = corrected(first["ki67"], regions, out=tmp_path / "out")
    before = everything_in(once.folder)
    again = corrected(first["ki67"], regions, out=tmp_path / "out")
    assert (again.folder, again.row.state) == (once.folder, "kept")
    assert everything_in(once.folder) == before
    other = corrected(first["ki67"], written(tmp_path, DRAWN["exclusions"]), out=tmp_path / "out")
    assert other.folder != once.folder


def test_an_export_comes_back_with_a_persons_tumour(
    first: dict[str, Path], slides: dict[str, Path], tmp_path: Path
) -> None:
    """All of it, nuclei included, as QuPath exports all objects of a slide."""
    order = ExportOrder(folder=first["ki67"], format="geojson", out=tmp_path / "exports")
    path = export_result(order, SITE, lambda _: None)[0]
    document_ = json.loads(path.read_text("utf-8"))
    with pytest.raises(UsageError, match="no tumour region that a person drew"):
        corrected(first["ki67"], path, out=tmp_path / "out")
    document_["features"].append(TUMOUR)
    path.write_text(json.dumps(document_))
    again = corrected(first["ki67"], path, out=tmp_path / "out")
    assert again.nuclei_passed_over == pq.read_table(first["ki67"] / "cells.parquet").num_rows
    shapes = [f for f in document_["features"] if f["properties"]["objectType"] == "annotation"]
    fresh = run(slides["ki67"], "ki67", tmp_path / "fresh", written(tmp_path, shapes))
    same(again.folder, fresh)


def test_what_a_network_saw_keeps_its_caveats_and_its_models(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    install_tiny(models)
    install_tiny(models, tiny_card("tissue", "tissue"))
    site = classical(
        load_settings(), folder=str(models), nuclei_he="tiny", nuclei_ihc="tiny", tissue_he="tissue"
    )
    regions = written(tmp_path, [square("Tumor", 100, 90, 811, 603)])
    for analysis, stain in (("ki67", "ihc-dab"), ("infiltration", "he")):
        pixels = painted.paint_nuclei(stain=stain).pixels
        slide = painted.write_tiff(tmp_path / f"{analysis}.tif", pixels, mpp=0.5)
        old = run(slide, analysis, tmp_path / "old", settings=site)
        again = corrected(old, regions, site, out=tmp_path / "again")
        fresh = run(slide, analysis, tmp_path / "fresh", regions, settings=site)
        ours, theirs = (document(f, "findings.json") for f in (again.folder, fresh))
        assert ours["findings"] == theirs["findings"]
        assert ours["provenance"] == theirs["provenance"]
        assert ours["quality"] == theirs["quality"]
        assert "tiny" in str(ours["findings"])
        networks = document(again.folder, "run.json")["networks"]
        assert networks == document(old, "run.json")["networks"]
        with pytest.raises(UsageError, match=r"rests on tiny .*its card is not at hand"):
            corrected(old, regions, SITE, out=tmp_path / "more")
    assert not (tmp_path / "more").exists()


def test_a_scan_without_nuclei_says_so_again(slides: dict[str, Path], tmp_path: Path) -> None:
    said = StatedScale(mpp=1.0, source="user")
    old = run(slides["infiltration"], "infiltration", tmp_path / "old", said=said)
    regions = written(tmp_path, [TUMOUR])
    again = corrected(old, regions)
    fresh = run(slides["infiltration"], "infiltration", tmp_path / "fresh", regions, said=said)
    same(again.folder, fresh)
    assert "scale-overrides-file" in document(again.folder, "findings.json")["quality"]["flags"]


def test_the_settings_are_those_of_the_result(
    first: dict[str, Path], slides: dict[str, Path], tmp_path: Path
) -> None:
    """A site that has others by now counts by the old ones: numbers stay comparable."""
    rules = SITE.ki67
    stricter = dataclasses.replace(
        SITE,
        ki67=dataclasses.replace(
            rules,
            wsi_global=dataclasses.replace(
                rules.wsi_global, minimum=rules.wsi_global.limited_below
            ),
        ),
    )
    regions = written(tmp_path, [TUMOUR])
    again = corrected(first["ki67"], regions, stricter, out=tmp_path / "again")
    same(again.folder, run(slides["ki67"], "ki67", tmp_path / "fresh", regions))


def test_settings_that_nobody_can_read_back_are_asked_for(
    first: dict[str, Path], tmp_path: Path
) -> None:
    old = copied(first["ki67"], tmp_path)
    told = document(old, "run.json")
    told["settings"]["ki67"]["of_another_version"] = 1
    (old / "run.json").write_text(json.dumps(told))
    regions = written(tmp_path, [TUMOUR])
    other = dataclasses.replace(
        SITE, tiles=dataclasses.replace(SITE.tiles, tiling=_wider(SITE.tiles.tiling))
    )
    with pytest.raises(UsageError, match="--settings FOLDER"):
        corrected(old, regions, other)
    assert corrected(old, regions, SITE).row.state == "done"


def _wider(tiling: Any) -> Any:
    return dataclasses.replace(tiling, halo_um=tiling.halo_um * 2)


def copied(result: Path, folder: Path) -> Path:
    """A copy of a result in a results folder of its own."""
    target = folder / "results" / result.parent.name / result.name
    shutil.copytree(result, target)
    return target


def test_the_picture_is_drawn_with_and_without_the_slide(
    first: dict[str, Path],
    slides: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flags: list[tuple[str, ...]] = []

    def noted(overview: Any, result: Any, layers: Any, words: Any) -> Image.Image:
        flags.append(result.quality.flags)
        return draw_overlay(overview, result, layers, words)

    monkeypatch.setattr("pathology.pipeline.picture.draw_overlay", noted)
    regions = written(tmp_path, [TUMOUR])
    bare = corrected(first["ki67"], regions, out=tmp_path / "bare")
    full = corrected(first["ki67"], regions, out=tmp_path / "full", slide=slides["ki67"])
    assert ["drawn-without-the-slide" in told for told in flags] == [True, False]
    pictures = [(c.folder / "overlay.png").read_bytes() for c in (bare, full)]
    assert pictures[0] != pictures[1]
    assert bare.folder.name == full.folder.name
    told, same_told = (document(c.folder, "findings.json") for c in (bare, full))
    assert told == same_told
    with pytest.raises(UsageError, match="another slide"):
        corrected(first["ki67"], regions, out=tmp_path / "no", slide=slides["infiltration"])


Spoil = Callable[[Path], object]
SPOILT: dict[str, tuple[Spoil, str]] = {
    "no maps": (lambda f: shutil.rmtree(f / "maps.zarr"), "maps.zarr"),
    "no nuclei": (lambda f: (f / "cells.parquet").unlink(), "cells.parquet"),
    "no run": (lambda f: (f / "run.json").unlink(), "run.json"),
    "no findings": (lambda f: (f / "findings.json").unlink(), "holds no result"),
    "half the nuclei": (lambda f: cut(f / "cells.parquet"), "cells.parquet"),
    "no chunk": (lambda f: shutil.rmtree(f / "maps.zarr/looked/0/c"), "looked is damaged"),
    "a spoilt chunk": (lambda f: cut(f / "maps.zarr/survey/0/c/0/0"), "survey"),
    "an early version": (lambda f: shutil.rmtree(f / "maps.zarr/looked"), "Run the analysis anew"),
    "of another scale": (lambda f: rescaled(f / "maps.zarr/looked"), "is not as this program"),
}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def rescaled(path: Path) -> None:
    group = zarr.open_group(path, mode="r+")
    told: Any = dict(group.attrs["pathology"])  # type: ignore[arg-type]
    group.attrs["pathology"] = {k: v for k, v in told.items() if k != "lost_tiles"}


@pytest.mark.parametrize("how", SPOILT)
def test_a_result_that_is_not_whole_is_refused(
    first: dict[str, Path], tmp_path: Path, how: str
) -> None:
    old = copied(first["ki67"], tmp_path)
    spoil, said = SPOILT[how]
    spoil(old)
    before = everything_in(tmp_path / "results")
    with pytest.raises(UsageError, match=said):
        corrected(old, written(tmp_path, [TUMOUR]))
    assert everything_in(tmp_path / "results") == before


NUCLEUS = {**TUMOUR, "properties": {"objectType": "detection"}}
UNFIT: dict[str, tuple[str, str]] = {
    "empty": ("", "no valid GeoJSON"),
    "no json": ("{", "no valid GeoJSON"),
    "no features": (json.dumps({"type": "FeatureCollection", "features": []}), "no region"),
    "no object": ("{}", "is no area"),
    "nuclei only": (json.dumps([NUCLEUS]), "holds no region"),
    "another slide's": (json.dumps([square(None, 9000, 0, 9999, 999)]), "lies beside this slide"),
    "no tissue": (json.dumps([square(None, 0, 0, 9, 9)]), "no tissue"),
    "no tumour": (json.dumps([square("Necrosis", 0, 0, 900, 900)]), "no tumour region"),
    "a class unknown": (json.dumps([square("Ducks", 0, 0, 900, 900)]), "unknown class"),
    "too many fields": (
        json.dumps([TUMOUR, *[square("Field", 500, 500, 600, 600)] * 5]),
        "field-5",
    ),
}


@pytest.mark.parametrize("how", UNFIT)
def test_regions_that_do_not_fit_are_refused(
    first: dict[str, Path], tmp_path: Path, how: str
) -> None:
    old = copied(first["ki67"], tmp_path)
    text, said = UNFIT[how]
    regions = tmp_path / "Mueller-Anna.geojson"
    regions.write_text(text)
    before = everything_in(tmp_path / "results")
    with pytest.raises(UsageError, match=said) as refused:
        corrected(old, regions)
    assert "Mueller" not in str(refused.value)
    assert everything_in(tmp_path / "results") == before


def test_no_file_of_regions(first: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the region file: cannot be read"):
        corrected(first["ki67"], tmp_path / "absent.geojson", out=tmp_path / "out")


def test_the_place_of_the_new_result(first: dict[str, Path], tmp_path: Path) -> None:
    regions = written(tmp_path, [TUMOUR])
    alone = tmp_path / "alone"
    shutil.copytree(first["ki67"], alone)
    with pytest.raises(UsageError, match="--out"):
        corrected(alone, regions)
    with pytest.raises(UsageError, match="lies inside the result"):
        corrected(alone, regions, out=alone / "more")
    with pytest.raises(UsageError, match="holds 2 results"):
        corrected(first["ki67"].parents[1], regions, out=tmp_path / "out")
    assert corrected(alone, regions, out=tmp_path / "out").row.state == "done"


@pytest.mark.parametrize("fault", [28, 5])  # no room, input/output error
def test_a_disk_that_fails_leaves_nothing(
    first: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    def failing(*_: object) -> None:
        raise OSError(fault, "the disk")

    monkeypatch.setattr("pathology.pipeline.store._sync", failing)
    old = copied(first["ki67"], tmp_path)
    before = everything_in(old)
    with pytest.raises(OutputError):
        corrected(old, written(tmp_path, [TUMOUR]))
    assert everything_in(old) == before
    results = tmp_path / "results"
    assert [p.name for p in results.iterdir() if not p.name.startswith(".")] == [old.parent.name]
    assert list(old.parent.iterdir()) == [old]
    assert not list((results / ".unfinished").iterdir())


def test_another_writer_is_waited_for(first: dict[str, Path], tmp_path: Path) -> None:
    old = copied(first["ki67"], tmp_path)
    store.prepare_output(tmp_path / "results")
    with (
        store.only_writer(tmp_path / "results"),
        pytest.raises(PathologyError, match="another run is writing"),
    ):
        corrected(old, written(tmp_path, [TUMOUR]))
    assert list(old.parent.iterdir()) == [old]


def test_nuclei_are_rewritten_in_batches(
    first: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = cells_judged.cell_batches
    monkeypatch.setattr(cells_judged, "cell_batches", lambda p, **k: whole(p, rows=97, **k))
    regions = written(tmp_path, DRAWN["exclusions"])
    small = corrected(first["ki67"], regions, out=tmp_path / "small")
    monkeypatch.undo()
    large = corrected(first["ki67"], regions, out=tmp_path / "large")
    same(small.folder, large.folder)
