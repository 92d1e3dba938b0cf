"""Every part of an order is in the key of its result; every failure is a row."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path
from string import Formatter

import pytest

from pathology.config import shipped_configs
from pathology.errors import ConfigError, SlideError, SlideUnreadable
from pathology.pipeline import store
from pathology.pipeline.run_slide import Job, label, place_of
from pathology.pipeline.settings import load_settings
from pathology.pipeline.stages import run_slide
from pathology.records.order import RunOptions, SlideOrder
from pathology.records.reasons import REASONS
from pathology.records.slide import StatedScale
from tests import painted
from tests.sites import classical


@pytest.fixture
def job(tmp_path: Path) -> Job:
    slide = painted.write_tiff(tmp_path / "slide.tif", painted.paint_nuclei().pixels, mpp=0.5)
    order = SlideOrder(path=slide, analysis="ki67", marker="ki67", marker_source="user")
    store.prepare_output(tmp_path / "out")
    return Job(
        order=order,
        options=RunOptions(out=tmp_path / "out"),
        settings=classical(load_settings()),
        pseudonym_key=None,
    )


def ordered(job: Job, **changes: object) -> Job:
    return dataclasses.replace(job, order=dataclasses.replace(job.order, **changes))


def another_region(job: Job, folder: Path) -> Job:
    region = folder / "region.geojson"
    region.write_text('{"type": "Polygon", "coordinates": [[[0,0],[9,0],[9,9],[0,0]]]}')
    return ordered(job, within=region)


def other_settings(job: Job, folder: Path) -> Job:
    text = (shipped_configs() / "ki67.toml").read_text()
    (folder / "own").mkdir()
    (folder / "own" / "ki67.toml").write_text(text.replace("minimum = 100", "minimum = 120"))
    return dataclasses.replace(job, settings=classical(load_settings(folder / "own")))


def written_again(job: Job, folder: Path) -> Job:
    job.order.path.write_bytes(job.order.path.read_bytes())
    return job


CHANGES: dict[str, Callable[[Job, Path], Job]] = {
    "scale": lambda job, _: ordered(job, said=StatedScale(mpp=0.25, source="user")),
    "who said the scale": lambda job, _: ordered(job, said=StatedScale(mpp=0.5, source="manifest")),
    "marker": lambda job, _: ordered(job, marker="p53"),
    "case": lambda job, _: ordered(job, case_id="C-1"),
    "region": another_region,
    "settings": other_settings,
    "file": written_again,
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_is_changed_makes_another_result(job: Job, tmp_path: Path, change: str) -> None:
    before = label(job)
    assert label(job).key == before.key
    after = label(CHANGES[change](job, tmp_path))
    assert after.key != before.key
    assert after.slide_id == before.slide_id


def test_the_language_of_the_picture_makes_no_other_result(job: Job) -> None:
    chinese = dataclasses.replace(job.options, language="zh")
    told = label(dataclasses.replace(job, options=chinese))
    assert (told.key, told.language) == (label(job).key, "zh")


def test_two_analyses_are_two_folders(job: Job) -> None:
    out = job.options.out
    folders = {
        store.result_folder(out, label(j).slide_id, j.order.analysis, label(j).key)
        for j in (job, ordered(job, analysis="infiltration"))
    }
    assert len(folders) == 2


def test_an_error_survives_the_way_back_from_a_worker() -> None:
    error = SlideUnreadable("s", "damaged-file", {"detail": "cut"})
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - as dask carries it
    assert (type(back), str(back)) == (SlideUnreadable, str(error))
    assert "cut" in error.text("zh")


def test_every_reason_is_worded_in_both_languages_with_its_facts() -> None:
    for code, reason in REASONS.items():
        fields = [
            {name for _, name, _, _ in Formatter().parse(text) if name}
            for text in (
                reason.en.problem + reason.en.remedy,
                reason.zh.problem + reason.zh.remedy,
            )
        ]
        assert fields[0] == fields[1], code
        facts = dict.fromkeys(fields[0], 1.0)
        assert SlideError("s", code, facts).text("zh") != SlideError("s", code, facts).text("en")


def test_a_bug_is_a_row_that_tells_the_place_and_no_path(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(f"secret {job.order.path}")

    monkeypatch.setattr("pathology.pipeline.stages.analyse", broken)
    row = run_slide(job, lambda _: None).row
    assert (row.state, row.reason_code) == ("failed", "bug")
    assert "RuntimeError at" in row.reason
    assert str(job.order.path.parent) not in row.reason
    assert not list(job.options.out.glob("*/ki67-*"))


def test_the_place_of_a_bug_is_ours() -> None:
    with pytest.raises(ConfigError) as bug:
        load_settings(Path("nowhere"))
    assert place_of(bug.value).startswith("settings.py:")
