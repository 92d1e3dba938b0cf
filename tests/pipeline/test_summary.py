"""The summary over several runs: one row per slide and analysis, the newest, none lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pathology.exchange.summary_csv import read_summary
from pathology.pipeline.run_slide import Job, place_id
from pathology.pipeline.settings import load_settings
from pathology.pipeline.stages import run_slide
from pathology.pipeline.summary import INTERRUPTED, Summary, add_to_summary, rows_missing
from pathology.records.order import RunOptions, SlideOrder
from pathology.records.summary import SummaryRow
from tests.pipeline import faults

DONE = SummaryRow(slide="a.svs", slide_id="a-1", analysis="ki67", state="done", value=0.1)


def job(path: Path, key: bytes | None = None) -> Job:
    order = SlideOrder(path=path, analysis="ki67")
    options = RunOptions(out=path.parent)
    return Job(order=order, options=options, settings=load_settings(), pseudonym_key=key)


def written(folder: Path, earlier: list[SummaryRow], rows: list[SummaryRow], *paths: str) -> set:
    jobs = [job(folder / path) for path in paths]
    path = folder / "summary.csv"
    Summary(path=path, earlier=earlier, jobs=jobs).write(rows)
    return {(r.slide, r.slide_id, r.state) for r in read_summary(path)}


def unread(path: Path) -> SummaryRow:
    one = job(path)
    return SummaryRow(slide=path.name, slide_id=place_id(one), analysis="ki67", state="failed")


def test_a_new_number_takes_the_place_of_the_old(tmp_path: Path) -> None:
    rows = written(tmp_path, [DONE], [replace(DONE, state="kept")], "a.svs")
    assert rows == {("a.svs", "a-1", "kept")}


def test_other_slides_keep_their_rows(tmp_path: Path) -> None:
    other = replace(DONE, slide="b.svs", slide_id="b-2")
    assert len(written(tmp_path, [DONE], [other], "b.svs")) == 2


def test_a_failed_file_of_the_same_name_elsewhere_keeps_its_row(tmp_path: Path) -> None:
    broken = unread(tmp_path / "night" / "a.svs")
    rows = written(tmp_path, [broken], [DONE], "day/a.svs")
    assert {state for _, _, state in rows} == {"failed", "done"}


def test_a_file_that_can_be_read_again_loses_its_failed_row(tmp_path: Path) -> None:
    rows = written(tmp_path, [unread(tmp_path / "a.svs")], [DONE], "a.svs")
    assert rows == {("a.svs", "a-1", "done")}


def test_an_interrupt_takes_no_number_away(tmp_path: Path) -> None:
    stopped = replace(DONE, state="failed", reason_code=INTERRUPTED, value=None)
    assert written(tmp_path, [DONE], [stopped], "a.svs") == {("a.svs", "a-1", "done")}
    assert written(tmp_path, [], [stopped], "a.svs") == {("a.svs", "a-1", "failed")}


@pytest.mark.parametrize("key", [None, b"k" * 32])
def test_two_unreadable_files_of_one_name_are_two(tmp_path: Path, key: bytes | None) -> None:
    one, two = (place_id(job(tmp_path / place / "a.svs", key)) for place in ("x", "y"))
    assert one != two


def test_a_result_whose_run_was_killed_before_it_told_has_its_row(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run_slide(faults.job_of(faults.tiny_slide(tmp_path / "a.tif"), out), lambda _: None)
    (half := out / ".unfinished" / "b-1" / "ki67-12345678").mkdir(parents=True)
    (half / "findings.json").touch()
    (out / "nights" / "ki67-12345678").mkdir(parents=True)
    assert rows_missing(out) == [done.row]
    other = replace(done.row, slide_id="other")
    add_to_summary(out, (), [other])
    add_to_summary(out, (), rows_missing(out))
    assert {row.slide_id for row in read_summary(out / "summary.csv")} == {
        "other",
        done.row.slide_id,
    }
    assert rows_missing(out) == []
