"""The night's loop over a real ledger: every fault of slide and site, each really made."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from pathology.pipeline.run_slide import Job
from pathology.records.night import Expected
from pathology.records.work import Outcome, WorkItem, WorkOrder
from tests.ledgers import LedgerSite
from tests.nightly.small_night import HandClock, ScriptedCrew, SmallNight, done, states, transient


@pytest.fixture
def site(tmp_path: Path) -> LedgerSite:
    folder = tmp_path / "ledger"
    folder.mkdir()
    return LedgerSite(folder=folder, busy_s=0.2)


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    folder = tmp_path / "share" / "scans"
    folder.mkdir(parents=True)
    for number in range(6):
        (folder / f"{number}.svs").write_bytes(b"pixels")
    return folder


def orders(folder: Path, **more: object) -> list[WorkOrder]:
    found = sorted(folder.glob("*.svs"))
    return [WorkOrder(path=path, analysis="ki67", source="folder", **more) for path in found]


def night(site: LedgerSite, tmp_path: Path, script: object, **more: object) -> SmallNight:
    crew = ScriptedCrew(script=script)  # type: ignore[arg-type]
    return SmallNight(site=site, out=tmp_path / "out", crew=crew, **more)  # type: ignore[arg-type]


def test_every_slide_is_done_once(site: LedgerSite, slides: Path, tmp_path: Path) -> None:
    tonight = night(site, tmp_path, done)
    tonight.enrol(orders(slides))
    assert tonight.run() == "all-done"
    assert states(site) == {"done": 6}
    assert sorted(tonight.crew.begun) == sorted(slides.glob("*.svs"))
    again = night(site, tmp_path, done)
    again.enrol(orders(slides))
    assert again.run() == "all-done"
    assert again.crew.begun == []


def test_poison_is_set_aside_with_its_story_and_the_rest_goes_on(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    def script(job: Job) -> Outcome:
        return transient() if job.order.path.name == "3.svs" else done(job)

    tonight = night(site, tmp_path, script)
    tonight.enrol(orders(slides))
    assert tonight.run() == "all-done"
    assert states(site) == {"done": 5, "set-aside": 1}
    with site.open() as ledger:
        [poison] = ledger.work.items(("set-aside",))
        story = ledger.work.attempts(poison.item_id)
    assert [attempt.number for attempt in story] == [1, 2, 3]
    assert {a.outcome.reason_code for a in story if a.outcome} == {"worker-died"}
    pauses = [b.started_utc - a.ended_utc for a, b in pairwise(story) if a.ended_utc]
    assert pauses[0] >= timedelta(milliseconds=50)
    assert pauses[1] >= timedelta(milliseconds=100), "pauses grow"


def test_a_held_order_never_begins(site: LedgerSite, slides: Path, tmp_path: Path) -> None:
    tonight = night(site, tmp_path, done)
    facts = {"detail": "accession: hl7 ≠ label"}
    tonight.enrol(orders(slides, held="identity-disagrees", held_facts=facts))
    assert tonight.run() == "all-done"
    assert tonight.crew.begun == []
    assert states(site) == {"stopped": 6}
    with site.open() as ledger:
        last = ledger.work.items()[0].last
    assert last is not None
    assert (last.reason_code, last.facts) == ("identity-disagrees", facts)


@contextmanager
def disk_that_takes(most_bytes: int) -> Iterator[None]:
    """Writing more than so much to one file fails as a full disk or a quota does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_pauses_the_night_and_blames_no_slide(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    full = threading.Event()
    full.set()

    def script(job: Job) -> Outcome:
        if not full.is_set():
            return done(job)
        return Outcome(kind="transient", reason_code="output-failed", facts={"detail": "full"})

    tonight = night(site, tmp_path, script)
    tonight.enrol(orders(slides))

    def back() -> None:
        while "disk-full" not in tonight.codes:
            time.sleep(0.01)
        time.sleep(0.3)
        begun.append(len(tonight.crew.begun))
        full.clear()
        room.__exit__(None, None, None)

    begun: list[int] = []
    room = disk_that_takes(4 * 2**20)
    room.__enter__()
    janitor = threading.Thread(target=back)
    janitor.start()
    assert tonight.run() == "all-done"
    janitor.join()
    assert begun[0] <= tonight.crew.size, "work went on though the disk was full"
    assert states(site) == {"done": 6}
    assert tonight.codes == ["disk-full", "disk-back"]
    with site.open() as ledger:
        assert {item.attempts for item in ledger.work.items()} == {1}


def test_a_share_that_vanishes_is_waited_for(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    share, hidden = slides.parent, tmp_path / "unmounted"

    def script(job: Job) -> Outcome:
        if job.order.path.exists():
            return done(job)
        return transient("not-found")

    tonight = night(site, tmp_path, script)
    tonight.enrol(orders(slides))
    share.rename(hidden)

    def mounted() -> None:
        while "place-away" not in tonight.codes:
            time.sleep(0.01)
        time.sleep(0.3)
        begun.append(len(tonight.crew.begun))
        hidden.rename(share)

    begun: list[int] = []
    admin = threading.Thread(target=mounted)
    admin.start()
    assert tonight.run() == "all-done"
    admin.join()
    assert begun[0] <= 2 * tonight.crew.size
    assert states(site) == {"done": 6}
    assert {"place-away", "place-back"} <= set(tonight.codes)
    with site.open() as ledger:
        assert {item.attempts for item in ledger.work.items()} == {1}


def test_a_file_that_is_truly_missing_is_tried_and_set_aside(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    def script(job: Job) -> Outcome:
        return done(job) if job.order.path.exists() else transient("not-found")

    tonight = night(site, tmp_path, script)
    tonight.enrol(orders(slides))
    (slides / "2.svs").unlink()
    assert tonight.run() == "all-done"
    assert states(site) == {"done": 5, "set-aside": 1}


def test_a_share_that_stays_away_is_named_and_not_blamed(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    tonight = night(site, tmp_path, lambda _: transient("cannot-read"))
    tonight.enrol(orders(slides))
    slides.parent.rename(tmp_path / "unmounted")
    assert tonight.run(patience_s=0.3) == "all-done"
    assert states(site) == {"waiting": 6}
    with site.open() as ledger:
        assert {item.attempts for item in ledger.work.items()} == {0}


def test_outcomes_wait_for_a_ledger_that_is_away(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    taken = threading.Event()

    def script(job: Job) -> Outcome:
        if not taken.is_set():  # the ledger goes away while the first slide is at work
            blocker.execute("BEGIN IMMEDIATE")
            taken.set()
            threading.Timer(1.2, blocker.execute, ["ROLLBACK"]).start()
        return done(job)

    tonight = night(site, tmp_path, script)
    tonight.enrol(orders(slides))
    connection = sqlite3.connect(site.file, isolation_level=None, check_same_thread=False)
    with closing(connection) as blocker:
        assert tonight.run() == "all-done"
    assert states(site) == {"done": 6}
    assert "ledger-away" in tonight.codes
    with site.open() as ledger:
        assert ledger.audit.verify().faults == ()
        assert {item.attempts for item in ledger.work.items()} == {1}


def test_at_the_end_of_the_window_nothing_begins_and_what_runs_ends(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    hand = HandClock()

    def script(job: Job) -> Outcome:
        hand.passes(1800)  # the second slide ends with the window
        return done(job)

    tonight = night(
        site, tmp_path, script, clock=hand.clock(), ends_utc=hand.wall + timedelta(hours=1)
    )
    tonight.crew.size = 1
    tonight.enrol(orders(slides))
    assert tonight.run() == "window"
    assert states(site) == {"done": 2, "waiting": 4}


def test_a_slide_that_would_end_too_late_does_not_begin(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    hand = HandClock()

    def expected(item: WorkItem) -> Expected:
        seconds = 7200.0 if item.order.path.name == "0.svs" else 60.0
        return Expected(seconds=seconds, low_s=seconds, high_s=seconds)

    tonight = night(
        site,
        tmp_path,
        done,
        clock=hand.clock(),
        ends_utc=hand.wall + timedelta(hours=1),
        expected=expected,
    )
    tonight.enrol(orders(slides))
    assert tonight.run() == "all-done"
    assert states(site) == {"done": 5, "waiting": 1}


def test_what_runs_past_the_hard_limit_is_given_back_unblamed(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    hand = HandClock()
    tonight = night(
        site,
        tmp_path,
        lambda _: hand.passes(2 * 3600),
        clock=hand.clock(),
        ends_utc=hand.wall + timedelta(hours=1),
    )
    tonight.enrol(orders(slides))
    assert tonight.run() == "hard-limit"
    assert states(site) == {"waiting": 6}
    with site.open() as ledger:
        assert {item.attempts for item in ledger.work.items()} == {0}


def test_a_slide_that_takes_too_long_is_abandoned_and_tried_again(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    hung: set[Path] = set()

    def script(job: Job) -> Outcome | None:
        if job.order.path.name == "0.svs" and job.order.path not in hung:
            hung.add(job.order.path)
            return None
        return done(job)

    tonight = night(site, tmp_path, script, slide_s=0.2)
    tonight.enrol(orders(slides))
    assert tonight.run() == "all-done"
    assert states(site) == {"done": 6}


def test_a_clock_set_back_an_hour_costs_no_hour(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    hand, failed = HandClock(), threading.Event()

    def script(job: Job) -> Outcome:
        hand.passes(1)
        if not failed.is_set():
            failed.set()
            hand.set_back(3600)
            return transient()
        return done(job)

    tonight = night(site, tmp_path, script, clock=hand.clock())
    tonight.enrol(orders(slides))
    assert tonight.run() == "all-done"
    assert states(site) == {"done": 6}
    [(_, step)] = tonight.clock.steps
    assert round(step.total_seconds()) == -3600


def test_two_operators_share_a_night_and_no_slide_is_done_twice(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    def slowly(job: Job) -> Outcome:
        time.sleep(0.05)
        return done(job)

    nights = [
        night(site, tmp_path / name, slowly, owner=f"{name}:1::1:1") for name in ("one", "other")
    ]
    for one in nights:
        one.out.parent.mkdir()
        one.crew.size = 1
    nights[0].enrol(orders(slides))
    threads = [threading.Thread(target=one.run) for one in nights]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states(site) == {"done": 6}
    begun = nights[0].crew.begun + nights[1].crew.begun
    assert sorted(begun) == sorted(slides.glob("*.svs")), "leased, never doubled"


DIES = """
import sys
from datetime import timedelta
from pathlib import Path
from pathology.nightly.clock import NightClock
from pathology.nightly.owner import own_name
from tests.ledgers import LedgerSite
with LedgerSite(folder=Path(sys.argv[1])).open() as ledger:
    now = NightClock().now()
    ledger.shifts.begin(own_name(), "night", now, timedelta(hours=1), alone=True)
    for item in ledger.work.items()[:3]:
        assert ledger.work.claim(item.item_id, own_name(), now, timedelta(hours=1))
    print("claimed", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_night_held_is_taken_over_at_once(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    tonight = night(site, tmp_path, done)
    tonight.enrol(orders(slides))
    words = [sys.executable, "-c", DIES, str(site.folder)]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])},
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"claimed\n"
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        began = time.monotonic()
        assert tonight.run() == "all-done"
        assert time.monotonic() - began < 30, "it waited for leases of an hour"
    assert states(site) == {"done": 6}
    assert "taken-over" in tonight.codes
    with site.open() as ledger:
        tries = sorted(item.attempts for item in ledger.work.items())
        assert tries == [1, 1, 1, 2, 2, 2], "an attempt that was lost counts"


def test_a_night_that_is_asked_to_stop_leaves_the_rest_waiting(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    tonight = night(site, tmp_path, done)

    def script(job: Job) -> Outcome:
        tonight.stop.set()
        return done(job)

    tonight.crew.script, tonight.crew.size = script, 1
    tonight.enrol(orders(slides))
    assert tonight.run() == "asked"
    assert states(site) == {"done": 1, "waiting": 5}


def test_only_the_last_slides_may_be_split_among_idle_workers(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    tonight = night(site, tmp_path, done)
    tonight.enrol(orders(slides))
    assert tonight.run() == "all-done"
    assert len(tonight.crew.parts) == 6
    assert tonight.crew.parts[:4] == [1] * 4, "others waited that idle workers could take"
    assert tonight.crew.parts[-1] == tonight.crew.workers


def test_what_another_operator_enrolled_meanwhile_is_this_nights_work_too(
    site: LedgerSite, slides: Path, tmp_path: Path
) -> None:
    tonight = night(site, tmp_path, done)
    with site.open() as ledger:
        _, desk, around = tonight._made(ledger, 60.0)
        books = desk._books
        books.read_all()
        tonight.enrol(orders(slides))  # by another process, since this night last read all
        assert len(books.board) == 0
        books.enrol(orders(slides))
        assert len(books.board) == 6
        around.close()
