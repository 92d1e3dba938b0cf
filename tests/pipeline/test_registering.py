"""`pathology run` tells the ledger of each slide, where the site has one."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pathology.errors import LedgerError, NotAllowed
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.registering import registering
from pathology.pipeline.roster import Ended
from pathology.pipeline.run_slide import Job
from pathology.pipeline.stages import run_slide
from pathology.records.settings.run import RunSettings
from pathology.records.work import Outcome, WorkOrder
from tests.pipeline import faults


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunSettings:
    """Settings of a user whose state folder is empty."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return faults.settings()


@pytest.fixture
def job(tmp_path: Path, own: RunSettings) -> Job:
    return faults.job_of(faults.tiny_slide(tmp_path / "Mueller-Anna.tif"), tmp_path / "out", own)


def ended(job: Job) -> Ended:
    """What came of a job, done in this process."""
    carried = run_slide(job, lambda _: None)
    return Ended(item=0, outcome=carried.outcome, row=carried.row, seconds=1.5)


def test_a_newcomer_has_no_ledger_and_loads_no_database(job: Job, own: RunSettings) -> None:
    with registering(own) as register:
        register.tell(job, ended(job))
        assert register.problem is None
    assert not (job.options.out.parent / "state").exists()
    script = (
        "import sys; import pathology.pipeline.run; from pathology.pipeline.settings import "
        "load_settings; from pathology.pipeline.registering import registering\n"
        "with registering(load_settings()): print('sqlalchemy' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert told.stdout.strip() == b"False"


def test_what_a_run_does_is_in_the_ledger_once(job: Job, own: RunSettings) -> None:
    with opened_ledger(own.ledger):
        pass  # a night was set up here
    first, kept = ended(job), ended(job)
    again = dataclasses.replace(job, order=dataclasses.replace(job.order, marker="p53"))
    with registering(own) as register:
        for one, end in ((job, first), (job, kept), (again, ended(again))):
            register.tell(one, end)
        assert register.problem is None
    with opened_ledger(own.ledger) as (ledger, _):
        items = ledger.work.items()
        assert [(i.state, i.attempts, i.order.source) for i in items] == [("done", 1, "run")] * 2
        key = first.outcome.result_key
        assert key is not None
        folder = ledger.work.result_of(key)
        assert folder == str(job.options.out / (first.outcome.result_folder or ""))
        (attempt,) = ledger.work.attempts(items[0].item_id)
        assert attempt.outcome is not None
        assert attempt.outcome.stage_s == first.outcome.stage_s
        assert ledger.audit.verify().faults == ()


def test_a_failure_waits_for_nobody_and_a_later_success_takes_its_place(
    job: Job, own: RunSettings
) -> None:
    with opened_ledger(own.ledger):
        pass
    slide = job.order.path
    whole = slide.read_bytes()
    slide.write_bytes(whole[:2000])
    failed = ended(job)
    slide.write_bytes(whole)
    with registering(own) as register:
        register.tell(job, failed)
        with opened_ledger(own.ledger) as (ledger, _):
            assert [i.state for i in ledger.work.items()] == ["failed"]
        register.tell(job, ended(job))
    with opened_ledger(own.ledger) as (ledger, _):
        (item,) = ledger.work.items()
        kinds = [a.outcome and a.outcome.kind for a in ledger.work.attempts(item.item_id)]
        assert (item.state, kinds) == ("done", ["refused", "done"])


@pytest.mark.parametrize("seen", [False, True], ids=["not yet seen by a night", "stopped by one"])
def test_a_slide_held_for_its_identity_stays_held(job: Job, own: RunSettings, seen: bool) -> None:
    held = WorkOrder(
        path=job.order.path, analysis=job.order.analysis, source="folder", held="identity-disagrees"
    )
    now = datetime.now(UTC)
    with opened_ledger(own.ledger) as (ledger, actor):
        (stopped,) = ledger.work.enrol([held], actor, now).new
        if seen:
            lease = ledger.work.claim(stopped, "a night", now, timedelta(minutes=1))
            assert lease is not None
            said = Outcome(kind="stopped", reason_code="identity-disagrees")
            assert ledger.work.finish(lease, said, now, None)
    refused = dataclasses.replace(ended(job), outcome=Outcome(kind="refused", reason_code="x"))
    with registering(own) as register:
        for end in (refused, ended(job), ended(job)):
            register.tell(job, end)
        assert register.problem is None
    with opened_ledger(own.ledger) as (ledger, _):
        states = {i.item_id == stopped: (i.state, i.attempts) for i in ledger.work.items()}
        as_was = ("stopped", 1) if seen else ("waiting", 0)
        assert states == {True: as_was, False: ("done", 1)}


def test_no_name_of_a_file_is_readable_in_the_database(
    job: Job, own: RunSettings, tmp_path: Path
) -> None:
    with opened_ledger(own.ledger):
        pass
    with registering(own) as register:
        register.tell(job, ended(job))
    assert "Mueller" in ended(job).row.slide_id  # no pseudonyms on this site
    for file in (tmp_path / "state" / "pathology").iterdir():
        assert b"Mueller" not in file.read_bytes(), file.name


def test_a_ledger_that_goes_away_costs_no_slide_and_is_said(job: Job, own: RunSettings) -> None:
    """Another program holds the database for longer than this one waits."""
    ledger = dataclasses.replace(own.ledger.ledger, busy_s=0.2)
    own = dataclasses.replace(own, ledger=dataclasses.replace(own.ledger, ledger=ledger))
    with opened_ledger(own.ledger):
        pass
    end = ended(job)
    database = next((job.options.out.parent / "state").rglob("*.sqlite"))
    with registering(own) as register, closing(sqlite3.connect(database)) as other:
        other.execute("BEGIN IMMEDIATE")
        register.tell(job, end)
        assert isinstance(register.problem, LedgerError)
        other.rollback()
    with registering(own) as register:  # the same command again
        register.tell(job, ended(job))
    with opened_ledger(own.ledger) as (opened, _):
        assert [i.state for i in opened.work.items()] == ["done"]


def test_who_has_no_account_runs_nothing(own: RunSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened_ledger(own.ledger):
        pass
    monkeypatch.setattr("pathology.pipeline.ledger_open.os_user", lambda: "somebody-else")
    with pytest.raises(NotAllowed, match="somebody-else"), registering(own):
        pytest.fail("let in")
