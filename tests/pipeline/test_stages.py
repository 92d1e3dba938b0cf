"""Whether one worker does a slide at once or several in turn, the files are the same."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pathology.pipeline.run_slide import Job
from pathology.pipeline.settings import load_settings
from pathology.pipeline.stages import Part, conclude_from, look_at, look_at_part, run_slide
from pathology.records.settings.run import RunSettings
from tests import painted
from tests.pipeline import faults
from tests.sites import classical
from tests.tiny_models import install_tiny

VARIES = {"timings_s", "started_utc", "networks"}
"""Of run.json: when it was done, and how long it took."""


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Several tiles each, so that parts have seams between them."""
    folder = tmp_path_factory.mktemp("slides")
    ihc = painted.paint_nuclei(width=1100, height=800, seed=3).pixels
    he = painted.paint_nuclei(width=1100, height=800, seed=4, stain="he", brown_share=0).pixels
    return {
        "ki67": painted.write_tiff(folder / "ihc.tif", ihc, mpp=0.5, levels=2),
        "infiltration": painted.write_tiff(folder / "he.tif", he, mpp=0.5, levels=2),
    }


def of_small_tiles(**models: str) -> RunSettings:
    """Six tiles on slides of this size; classical but for the models that are named."""
    own = classical(load_settings(), **models)
    tiling = dataclasses.replace(own.tiles.tiling, core_px=512)
    return dataclasses.replace(own, tiles=dataclasses.replace(own.tiles, tiling=tiling))


def job(slide: Path, analysis: str, out: Path, own: RunSettings) -> Job:
    made = faults.job_of(slide, out, own)
    marker = {} if analysis == "ki67" else {"marker": None, "marker_source": "none"}
    order = dataclasses.replace(made.order, analysis=analysis, **marker)  # type: ignore[arg-type]
    return dataclasses.replace(made, order=order)


def silent(_: object) -> None:
    pass


def at_once(job: Job) -> None:
    assert run_slide(job, silent).outcome.kind == "done"


def in_two_stages(job: Job) -> None:
    aside = job.options.out / ".unfinished" / "look"
    assert look_at(job, silent, aside) is None
    told = conclude_from(job, silent, aside)
    assert told.outcome.kind == "done", told
    assert told.outcome.drift["out_of_focus_share"] >= 0
    assert {"survey", "tiles", "close_ups", "findings", "write"} <= told.outcome.stage_s.keys()


def in_parts(of: int) -> Callable[[Job], None]:
    def carry_out(job: Job) -> None:
        asides = [job.options.out / ".unfinished" / f"part-{n}" for n in range(of)]
        for number in reversed(range(of)):  # they end in any order
            assert look_at_part(job, silent, asides[number], Part(number=number, of=of)) is None
        assert run_slide(job, silent, asides).outcome.kind == "done"

    return carry_out


WAYS = {"two stages": in_two_stages, "two parts": in_parts(2), "nine parts": in_parts(9)}
TRIED = {"ki67": tuple(WAYS), "infiltration": ("two stages", "two parts")}


def files_of_result(out: Path) -> dict[str, bytes]:
    (folder,) = (f for f in out.glob("*/*-*") if f.parent.name != ".unfinished")
    files = {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }
    told = json.loads(files.pop("run.json"))
    files["run.json"] = json.dumps({k: v for k, v in told.items() if k not in VARIES}).encode()
    return files


@pytest.mark.parametrize("analysis", ["ki67", "infiltration"])
def test_stages_and_parts_leave_the_very_files_of_one_worker(
    slides: dict[str, Path], tmp_path: Path, analysis: str
) -> None:
    own = of_small_tiles()
    at_once(job(slides[analysis], analysis, tmp_path / "once", own))
    wanted = files_of_result(tmp_path / "once")
    assert {"findings.json", "cells.parquet", "overlay.png", "regions.geojson"} <= wanted.keys()
    for name in TRIED[analysis]:
        WAYS[name](job(slides[analysis], analysis, tmp_path / name, own))
        found = files_of_result(tmp_path / name)
        assert found.keys() == wanted.keys(), name
        assert [f for f in wanted if found[f] != wanted[f]] == [], name


def test_a_slide_seen_by_a_network_is_the_same_in_stages_and_parts(
    slides: dict[str, Path], tmp_path: Path
) -> None:
    install_tiny(tmp_path)
    own = of_small_tiles(nuclei_ihc="tiny", folder=str(tmp_path))
    at_once(job(slides["ki67"], "ki67", tmp_path / "once", own))
    wanted = files_of_result(tmp_path / "once")
    for name in ("two stages", "two parts"):
        WAYS[name](job(slides["ki67"], "ki67", tmp_path / name, own))
        found = files_of_result(tmp_path / name)
        assert [f for f in wanted if found[f] != wanted[f]] == [], name
    (run,) = (tmp_path / "two parts").glob("*/ki67-*/run.json")
    assert json.loads(run.read_text())["networks"]["seconds"]["forward"] > 0


def test_what_was_put_aside_of_another_file_is_refused(tmp_path: Path) -> None:
    made = faults.job_of(faults.tiny_slide(tmp_path / "slide.tif"), tmp_path / "out")
    aside = tmp_path / "out" / ".unfinished" / "look"
    assert look_at(made, silent, aside) is None
    faults.tiny_slide(tmp_path / "slide.tif", seed=9)
    for told in (conclude_from(made, silent, aside), run_slide(made, silent, [aside])):
        assert (told.outcome.kind, told.outcome.reason_code) == ("transient", "slide-changed")
    assert not list((tmp_path / "out").glob("*/ki67-*"))


def test_a_slide_that_is_refused_leaves_nothing_aside(tmp_path: Path) -> None:
    made = faults.job_of(faults.no_slide(tmp_path / "none.svs"), tmp_path / "out")
    aside = tmp_path / "out" / ".unfinished" / "look"
    told = look_at(made, silent, aside)
    assert told is not None
    assert told.outcome.reason_code == "not-a-slide"
    assert not aside.exists()


def test_parts_cover_every_tile_once() -> None:
    cores = tuple(range(23))
    plan = Plan(cores=cores)
    for of in (1, 2, 5, 23, 40):
        parts = [Part(number=n, of=of).of_plan(plan).cores for n in range(of)]  # type: ignore[arg-type]
        assert sum(parts, ()) == cores


@dataclasses.dataclass(frozen=True)
class Plan:
    """What ``Part`` needs of a plan."""

    cores: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.cores)
