"""The draft of a complete case: once for its results, with the story of every try beside it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

import pathology.pipeline.drafting as drafting
from pathology.errors import OutputError
from pathology.pipeline.authors import load_llm
from pathology.pipeline.crew import Crew
from pathology.pipeline.draft import read_draft
from pathology.pipeline.draft_at_work import DraftAtWork
from pathology.pipeline.drafting import draft_key, draft_once, story_of
from pathology.pipeline.roster import Roster
from pathology.records.drafting import DraftAsk
from pathology.records.settings.llm import LlmSettings
from tests.pipeline import faults
from tests.pipeline.test_draft import CASE, write_result
from tests.pipeline.test_draft_by_model import site
from tests.reports.chat_stubs import chat_server, example_answer

NAME = "C0123456789abcdef"


def ask(out: Path, *folders: Path, llm: LlmSettings | None = None, **change: object) -> DraftAsk:
    results = tuple(str(f.relative_to(out)) for f in folders)
    given = DraftAsk(
        out=out,
        case_id=NAME,
        key=draft_key(out, results, ""),
        results=results,
        llm=llm or load_llm(),
        pdf=False,
    )
    return replace(given, **change)


def reports(out: Path) -> list[str]:
    return sorted(p.name for p in out.glob("cases/*/report-v*.json"))


def test_a_case_is_drafted_once_for_its_results(tmp_path: Path) -> None:
    folder = write_result(tmp_path)
    story = draft_once(ask(tmp_path, folder))
    assert (story.state, story.outcome, story.report) == ("done", "template-only", "report-v1.json")
    assert story_of(tmp_path, NAME) == story
    assert draft_once(ask(tmp_path, folder)) == story
    assert reports(tmp_path) == ["report-v1.json"]


def test_another_result_or_other_case_data_asks_for_another_draft(tmp_path: Path) -> None:
    folder = write_result(tmp_path)
    draft_once(ask(tmp_path, folder))
    plain = ask(tmp_path, folder)
    assert draft_key(tmp_path, plain.results, "said") != plain.key
    corrected = write_result(tmp_path, "slide-b")
    beside = folder.parent / "ki67-00000002"
    corrected.rename(beside)
    for name in ("findings.json", "run.json"):
        text = (beside / name).read_text("utf-8").replace("slide-b/ki67-1", "slide-a/ki67-2")
        told = json.loads(text)
        if name == "findings.json":
            told |= {"supersedes": "slide-a/ki67-1"}
            told["slide"]["id"] = "slide-a"
        (beside / name).write_text(json.dumps(told), encoding="utf-8")
    again = ask(tmp_path, folder)
    assert again.key != plain.key
    assert draft_once(again).report == "report-v2.json"
    second = read_draft(tmp_path / "cases" / NAME / "report-v2.json")
    assert second.facts.results == ("slide-a/ki67-2",), "the correction, not what it replaced"


def test_without_case_data_the_general_template_tells_what_was_measured(tmp_path: Path) -> None:
    draft_once(ask(tmp_path, write_result(tmp_path)))
    draft = read_draft(tmp_path / "cases" / NAME / "report-v1.json")
    assert (draft.template, draft.case_id) == ("general", NAME)
    assert any("no case data" in limit.en for limit in draft.limits)
    assert any("病例资料" in limit.zh for limit in draft.limits)


def test_case_data_is_joined_and_its_free_text_and_long_labels_left_out(tmp_path: Path) -> None:
    case = tmp_path / "1.json"
    specimen = {**CASE["specimen"], "block": "S30-0001-A1"}
    case.write_text(json.dumps({**CASE, "case_id": "S30-0001", "specimen": specimen}))
    folder = write_result(tmp_path)
    draft_once(ask(tmp_path, folder, case_file=case))
    told = tmp_path / "cases" / NAME / "report-v1.json"
    draft = read_draft(told)
    assert draft.template == "breast-ki67"
    assert draft.facts.by_id["surrogate.subtype"].code == "luminal-a"
    for text in (told.read_text("utf-8"), told.with_suffix(".html").read_text("utf-8")):
        assert "S30-0001" not in text
        assert "Ignore all rules" not in text


@pytest.mark.parametrize(
    ("text", "trouble"),
    [("{", "case-data"), ('{"schema": "pathology.case/1", "case_id": "c", "er": 5}', "case-data")],
)
def test_case_data_that_cannot_be_refuses_the_draft(
    tmp_path: Path, text: str, trouble: str
) -> None:
    (case := tmp_path / "1.json").write_text(text)
    story = draft_once(ask(tmp_path, write_result(tmp_path), case_file=case))
    assert (story.state, story.tries[-1].trouble) == ("refused", trouble)
    assert reports(tmp_path) == []


def test_a_share_that_is_away_refuses_nothing_for_good(tmp_path: Path) -> None:
    folder = write_result(tmp_path)
    gone = tmp_path / "gone"
    for away in ({"case_file": gone / "1.json"}, {"settings": gone}):
        story = draft_once(ask(tmp_path, folder, **away))
        assert (story.state, story.tries[-1].trouble) == ("trying", "output")
        assert "does not see" in story.tries[-1].detail
    assert draft_once(ask(tmp_path, folder)).state == "done"


def test_two_slides_of_an_analysis_are_refused_and_not_tried_again(tmp_path: Path) -> None:
    both = ask(tmp_path, write_result(tmp_path), write_result(tmp_path, "slide-b"))
    story = draft_once(both)
    assert (story.state, story.tries[-1].trouble) == ("refused", "results")
    assert "Name one" in story.tries[-1].detail
    assert len(draft_once(both).tries) == 1


def test_a_draft_that_fails_is_tried_again_and_then_set_aside_with_its_story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OutputError("report-v1.html: cannot be written (No space left on device)")

    folder = write_result(tmp_path)
    monkeypatch.setattr(drafting, "draft_from", full)
    states = [draft_once(ask(tmp_path, folder)).state for _ in range(4)]
    assert states == ["trying", "trying", "set-aside", "set-aside"]
    story = story_of(tmp_path, NAME)
    assert [t.trouble for t in story.tries] == ["output"] * 3
    assert all(t.ended_utc and "No space left" in t.detail for t in story.tries)


KILLED = """
import sys
from pathlib import Path
from tests.pipeline.test_drafting import ask
from pathology.pipeline.authors import load_llm
from pathology.pipeline.drafting import draft_once
out, folder, settings = map(Path, sys.argv[1:4])
draft_once(ask(out, folder, llm=load_llm(settings)))
"""


@contextmanager
def at_work(out: Path, folder: Path, settings: Path) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-c", KILLED, str(out), str(folder), str(settings)]
    with subprocess.Popen(words, cwd=Path(__file__).parents[2]) as process:
        yield process
        process.kill()


def test_a_killed_try_is_part_of_the_story_and_nobody_else_has_the_case_meanwhile(
    tmp_path: Path,
) -> None:
    asked, free = threading.Event(), threading.Event()

    def says(body: Any) -> str:
        asked.set()
        free.wait(60)
        return example_answer(body)

    folder = write_result(tmp_path)
    with chat_server("json_schema", says=says) as stub:
        settings = site(tmp_path / "own", stub.url, read_s="60.0", total_s="90.0")
        mine = ask(tmp_path, folder, llm=load_llm(settings))
        with at_work(tmp_path, folder, settings):
            assert asked.wait(60)
            other = draft_once(mine)
            assert (other.state, len(other.tries)) == ("trying", 1), "left to the other process"
            assert reports(tmp_path) == []
        free.set()
        story = draft_once(mine)
    assert [t.trouble for t in story.tries] == ["lost", None]
    assert (story.state, story.outcome) == ("done", "accepted-first")
    assert reports(tmp_path) == ["report-v1.json"]


def test_a_report_that_was_whole_before_the_kill_is_found_and_not_made_again(
    tmp_path: Path,
) -> None:
    folder = write_result(tmp_path)
    draft_once(ask(tmp_path, folder))
    path = tmp_path / "cases" / NAME / "drafting.json"
    told = json.loads(path.read_text("utf-8"))
    told |= {"state": "trying", "report": None, "outcome": None}
    told["tries"][-1]["ended_utc"] = None
    path.write_text(json.dumps(told))
    time.sleep(0.01)
    story = draft_once(ask(tmp_path, folder))
    assert (story.state, story.report, len(story.tries)) == ("done", "report-v1.json", 1)
    assert reports(tmp_path) == ["report-v1.json"]


def writer_with_the_case() -> psutil.Process | None:
    """The process below this one that has the lock of a case."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if any(f.path.endswith("/.drafting") for f in process.open_files()):
                return process
    return None


@pytest.mark.slow
def test_a_crew_has_drafts_made_by_a_worker_that_takes_no_slide(tmp_path: Path) -> None:
    folder = write_result(tmp_path)
    roster = Roster(workers=1, writers=1)
    with Crew(roster, faults.settings().site, lambda _: None) as crew:
        faults.until(lambda: crew.writers == 1, "no writer")
        made = crew.draft(ask(tmp_path, folder))
        faults.until(lambda: made.done, "no draft")
        assert (made.story.state, made.fault) == ("done", "")
        assert (crew.workers, crew.room) == (1, 2), "it is none of those that slides are given to"
        crew.start(1, faults.job_of(faults.tiny_slide(tmp_path / "tiny.tif"), tmp_path / "out"))
        [ended] = faults.all_ended(crew, 1).values()
        assert ended.outcome.kind == "done"
    with Crew(Roster(workers=1), faults.settings().site, lambda _: None) as crew:
        assert crew.draft(ask(tmp_path, folder)) is None


@pytest.mark.slow
def test_a_writer_that_is_killed_costs_a_try_and_is_replaced(tmp_path: Path) -> None:
    folder, free = write_result(tmp_path), threading.Event()

    def says(body: Any) -> str:
        free.wait(120)
        return example_answer(body)

    with (
        chat_server("json_schema", says=says) as stub,
        Crew(Roster(workers=1, writers=1), faults.settings().site, lambda _: None) as crew,
    ):
        own = site(tmp_path / "own", stub.url, read_s="100.0", total_s="150.0")
        mine = ask(tmp_path, folder, llm=load_llm(own))
        faults.until(lambda: crew.writers == 1, "no writer")
        first = crew.draft(mine)
        faults.until(lambda: story_of(tmp_path, NAME) is not None, "nobody drafts")
        writer_with_the_case().kill()
        faults.until(lambda: first.done, "its death was not told")
        assert (first.story, first.fault) == (None, "worker-died")
        free.set()
        second: list[DraftAtWork | None] = [None]  # held: what nobody waits for is given up

        def again() -> bool:
            second[0] = crew.draft(mine)
            return second[0] is not None

        faults.until(again, "no other writer")
        faults.until(lambda: story_of(tmp_path, NAME).state == "done", "no draft")
    assert [t.trouble for t in story_of(tmp_path, NAME).tries] == ["lost", None]
    assert reports(tmp_path) == ["report-v1.json"]
