"""Drafting beside the slides: what is handed out, what fails, when the night may end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pathology.nightly.cases import SEVERAL, cases_of, files_by_case
from pathology.nightly.clock import NightClock
from pathology.nightly.drafting import Drafting
from pathology.nightly.drafts_due import DraftsSeen
from pathology.nightly.drafts_planned import drafts_foreseen
from pathology.nightly.incidents import Incidents
from pathology.nightly.settings import load_nightly
from pathology.pipeline.authors import load_llm
from pathology.pipeline.case_files import CaseFile
from pathology.records.drafting import DraftAsk, DraftCounts, DraftStory
from pathology.records.settings.drafts import DraftsSettings
from pathology.records.work import Outcome, SlideIdentity, WorkItem
from tests.nightly.worklists import item

SPELLING = load_nightly().identity.spelling


def ask(case: str = "C1") -> DraftAsk:
    return DraftAsk(out=Path("/out"), case_id=case, key=f"key-{case}", results=(), llm=load_llm())


@dataclass
class Due:
    """Cases that are due, as a test says."""

    asks: list[DraftAsk]
    drafts: DraftsSettings = field(default_factory=lambda: DraftsSettings(look_s=0.02))
    unreadable: int = 0
    looks: int = 0
    wanted: int = 0
    told: list[str] = field(default_factory=list)

    def read_soon(self) -> None:
        self.wanted += 1

    def ended(self, case_id: str) -> None:
        self.told.append(case_id)

    def look(self) -> DraftsSeen:
        self.looks += 1
        counts = DraftCounts(waiting=len(self.asks))
        now = time.monotonic()
        return DraftsSeen(looked=now, began=now, due=tuple(self.asks), counts=counts)


@dataclass
class Flight:
    """A draft at work."""

    done: bool = False
    story: DraftStory | None = None
    fault: str = ""

    def forget(self) -> None:
        self.done = False


@dataclass
class Desk:
    """Writers whose work a test ends."""

    writers: int = 1
    flights: list[Flight] = field(default_factory=list)
    restarts: int = 0

    def draft(self, ask: DraftAsk) -> Flight:
        self.flights.append(Flight())
        return self.flights[-1]

    def restart_writers(self) -> None:
        self.restarts += 1


def stage(due: Due, desk: Desk) -> tuple[Drafting, Incidents]:
    incidents = Incidents(NightClock(), lambda _: None)
    return Drafting(due, desk, incidents), incidents


def until(stage: Drafting, true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        stage.turn()
        time.sleep(0.01)


def test_a_due_case_is_handed_out_once_and_the_night_waits_for_it() -> None:
    due, desk = Due([ask()]), Desk()
    drafting, _ = stage(due, desk)
    until(drafting, lambda: drafting.busy)
    for _ in range(5):
        drafting.turn()
    assert len(desk.flights) == 1
    assert not drafting.over()
    due.asks = []
    desk.flights[0].done = True
    until(drafting, lambda: not drafting.busy)
    until(drafting, drafting.over)
    drafting.close()
    assert drafting.counts.waiting == 0


def test_an_ended_draft_hurries_no_look_and_is_begun_again_after_the_next_one() -> None:
    due, desk = Due([ask()], drafts=DraftsSettings(look_s=30)), Desk()
    drafting, _ = stage(due, desk)
    until(drafting, lambda: drafting.busy)
    desk.flights[0].done = True
    until(drafting, lambda: not drafting.busy)
    for _ in range(20):
        drafting.turn()
        time.sleep(0.01)
    assert (due.looks, due.told, len(desk.flights)) == (1, ["C1"], 1)
    assert not drafting.over(), "which looks anew"
    until(drafting, lambda: drafting.busy)
    assert due.looks == 2
    drafting.close()


def test_over_needs_a_look_that_began_after_it_was_asked() -> None:
    due, desk = Due([]), Desk()
    drafting, _ = stage(due, desk)
    until(drafting, lambda: due.looks > 1)
    assert not drafting.over(), "what was seen before may be old"
    until(drafting, drafting.over)
    drafting.stirred()
    assert not drafting.over()
    drafting.close()


def test_a_draft_that_keeps_failing_is_begun_so_often_and_keeps_no_night() -> None:
    due, desk = Due([ask()]), Desk()
    drafting, _ = stage(due, desk)
    for number in range(ask().attempts + 1):
        until(drafting, lambda n=number: len(desk.flights) == n + 1)
        desk.flights[-1].fault = "worker-died"
        desk.flights[-1].done = True
    until(drafting, lambda: not drafting.busy)
    until(drafting, drafting.over)
    assert len(desk.flights) == ask().attempts + 1, "the last sets it aside"
    drafting.close()


def test_without_a_writer_the_site_is_told_once_and_the_night_ends() -> None:
    drafting, incidents = stage(Due([ask()]), Desk(writers=0))
    until(drafting, lambda: bool(incidents.all))
    until(drafting, drafting.over)
    assert [one.code for one in incidents.all] == ["drafts-no-writer"]
    drafting.close()
    assert drafting.counts.waiting == 1


def test_a_draft_that_hangs_ends_with_its_worker() -> None:
    due = Due([ask()], drafts=DraftsSettings(look_s=0.02, limit_s=0.05))
    desk = Desk()
    drafting, _ = stage(due, desk)
    until(drafting, lambda: desk.restarts > 0)
    drafting.close()


def test_nothing_is_begun_once_the_night_closes() -> None:
    drafting, _ = stage(Due([ask()]), desk := Desk())
    drafting.take_no_more()
    for _ in range(20):
        drafting.turn()
        time.sleep(0.01)
    assert desk.flights == []
    drafting.close()


def of_case(number: int, case: str | None, state: str, **change: object) -> WorkItem:
    made = item(number, state=state)
    identity = SlideIdentity(accession=case)
    return _with(made, identity=identity, **change)


def _with(made: WorkItem, *, identity: SlideIdentity, **change: object) -> WorkItem:
    return replace(made, order=replace(made.order, identity=identity), **change)


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (["done", "done"], "complete"),
        (["done", "leased"], "open"),
        (["done", "failed"], "broken"),
        (["set-aside"], "broken"),
        (["stopped", "waiting"], "broken"),
    ],
)
def test_a_case_is_complete_when_all_of_its_slides_are_done(states: list[str], state: str) -> None:
    items = [of_case(i, "S1", s) for i, s in enumerate(states)]
    [case] = cases_of(items, lambda order: order.identity.accession, SPELLING)
    assert case.state == state


def test_an_order_that_was_taken_back_and_a_slide_of_nobody_belong_to_no_case() -> None:
    gone = of_case(1, "S1", "stopped", last=Outcome(kind="stopped", reason_code="order-cancelled"))
    items = [gone, of_case(2, None, "done"), of_case(3, "S2", "done")]
    cases = cases_of(items, lambda order: order.identity.accession, SPELLING)
    assert [c.name for c in cases] == ["S2"]


def test_two_files_of_a_case_that_differ_are_not_believed() -> None:
    def file(name: str, case: str, digest: str) -> CaseFile:
        return CaseFile(path=Path(name), case_id=case, digest=digest)

    same = files_by_case([file("1", "S30-1", "a"), file("2", "s30 1", "a")], SPELLING)
    assert [f.digest for f in same.values()] == ["a"], "one case, spelled in two ways"
    differ = files_by_case([file("1", "S30-1", "a"), file("2", "S30-1", "b")], SPELLING)
    assert [f.digest for f in differ.values()] == [SEVERAL]


def test_a_plan_foresees_drafts_of_cases_whose_slides_all_run() -> None:
    items = [
        of_case(1, "S1", "done"), of_case(2, "S1", "waiting"),
        of_case(3, "S2", "waiting"), of_case(4, "S3", "failed"), of_case(5, "S3", "waiting"),
    ]  # fmt: skip
    assert drafts_foreseen(items, {2, 3, 5}, SPELLING) == 2
    assert drafts_foreseen(items, {3}, SPELLING) == 1
