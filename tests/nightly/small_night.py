"""A night over a real ledger whose slides take no time: the crew's answers are scripted."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pathology.ledger.open import OpenLedger
from pathology.ledger.sealing import Sealing
from pathology.nightly.books import Books, Terms
from pathology.nightly.clock import NightClock
from pathology.nightly.decide import decide
from pathology.nightly.desk import Desk
from pathology.nightly.incidents import Incidents
from pathology.nightly.job import JobMaker
from pathology.nightly.loop import Limits, Loop
from pathology.nightly.metrics import Metrics
from pathology.nightly.options import NightWatcher
from pathology.nightly.settings import load_nightly
from pathology.nightly.summary_file import SummaryFile
from pathology.nightly.surroundings import Rhythm, Surroundings
from pathology.nightly.triage import Triage
from pathology.nightly.worklist_board import Board
from pathology.pipeline.pseudonyms import Pseudonyms
from pathology.pipeline.roster import Ended
from pathology.pipeline.run_slide import Job
from pathology.pipeline.settings import load_settings
from pathology.pipeline.store import prepare_output
from pathology.records.night import Expected, Policy
from pathology.records.night_summary import NightEnd
from pathology.records.order import RunOptions
from pathology.records.summary import SummaryRow
from pathology.records.work import Outcome, WorkItem, WorkOrder
from tests.ledgers import OPERATOR, LedgerSite
from tests.sites import classical

Script = Callable[[Job], Outcome | None]
"""What comes of a job; None: it never ends."""
NOTHING = Expected(seconds=0, low_s=0, high_s=0)


def done(job: Job) -> Outcome:
    """A whole result, of its own for every path."""
    key = format(abs(hash(job.order.path)), "x").zfill(64)
    return Outcome(
        kind="done",
        slide_id=f"P{key[-16:]}",
        digest=key,
        result_id=f"P{key[-16:]}/ki67-{key[-8:]}",
        result_key=key,
        result_folder=f"P{key[-16:]}/ki67-{key[-8:]}",
        stage_s={"tiles": 0.1},
        tissue_mm2=2.0,
    )


def transient(code: str = "worker-died") -> Outcome:
    return Outcome(kind="transient", reason_code=code, facts={"detail": "killed"})


@dataclass(slots=True, kw_only=True)
class ScriptedCrew:
    """Answers as its script says, as soon as it is asked."""

    script: Script
    size: int = 4
    begun: list[Path] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)  # in how many each might be split
    _had: dict[int, float] = field(default_factory=dict)
    _ended: deque[Ended] = field(default_factory=deque)

    @property
    def room(self) -> int:
        return self.size - len(self._had) - len(self._ended)

    @property
    def workers(self) -> int:
        return self.size

    def start(self, item: int, job: Job, *, parts: int = 1) -> None:
        self.parts.append(parts)
        self.begun.append(job.order.path)
        outcome = self.script(job)
        if outcome is None:
            self._had[item] = time.monotonic()
            return
        row = SummaryRow(slide="", slide_id="P", analysis="ki67", state="done")
        self._ended.append(Ended(item=item, outcome=outcome, row=row, seconds=0.1))

    def ended(self, wait_s: float) -> list[Ended]:
        if not self._ended:
            time.sleep(min(wait_s, 0.02))
        told = list(self._ended)
        self._ended.clear()
        return told

    def running(self) -> Mapping[int, float]:
        return {item: time.monotonic() - since for item, since in self._had.items()}

    def abandon(self, item: int) -> None:
        self._had.pop(item)
        row = SummaryRow(slide="", slide_id="P", analysis="ki67", state="failed")
        self._ended.append(Ended(item=item, outcome=transient("time-limit"), row=row, seconds=1))


@dataclass(slots=True, kw_only=True)
class SmallNight:
    """One operator's night."""

    site: LedgerSite
    out: Path
    crew: ScriptedCrew
    owner: str = "here:1::1:1"
    clock: NightClock = field(default_factory=NightClock)
    ends_utc: datetime | None = None
    hard_stop: timedelta = timedelta(hours=1)
    expected: Callable[[WorkItem], Expected] = lambda _: NOTHING
    slide_s: float = 1e9
    stop: threading.Event = field(default_factory=threading.Event)
    incidents: Incidents = field(init=False)

    def __post_init__(self) -> None:
        self.incidents = Incidents(self.clock, lambda _: None)

    def enrol(self, orders: list[WorkOrder]) -> tuple[int, ...]:
        with self.site.open() as ledger:
            return ledger.work.enrol(orders, OPERATOR, self.clock.now()).new

    def run(self, *, patience_s: float = 60.0, close_s: float = 30.0) -> NightEnd:
        """The whole night; then every outcome is in the ledger."""
        with self.site.open() as ledger:
            loop, desk, around = self._made(ledger, patience_s)
            desk.start()
            try:
                end = loop.run()
            finally:
                around.close()
                left = desk.close(close_s)
            assert left == 0, "outcomes that were not entered"
            return end

    def _made(self, ledger: OpenLedger, patience_s: float) -> tuple[Loop, Desk, Surroundings]:
        prepare_output(self.out)
        trying = dataclasses.replace(load_nightly().trying, lease_s=30, heartbeat_s=0.2)
        shift = ledger.shifts.begin(
            self.owner, "night", self.clock.now(), timedelta(seconds=30), alone=False
        )
        terms = Terms(
            owner=self.owner,
            actor=OPERATOR,
            policy=Policy(
                slots=self.crew.size,
                attempts=3,
                first_pause=timedelta(milliseconds=50),
                pause_growth=2.0,
                longest_pause=timedelta(milliseconds=200),
                ends_utc=self.ends_utc,
            ),
            trying=trying,
            clock=self.clock,
            shift_id=shift.shift_id,
        )
        metrics = Metrics()
        books = Books(ledger, terms, Board(decide, self.expected), self.incidents, metrics)
        desk = Desk(books, terms, self.incidents, metrics)
        rhythm = Rhythm(sources_s=0.05, room_s=0.05)
        around = Surroundings(self.out, desk, self.incidents, None, rhythm)
        loop = Loop(
            desk=desk,
            crew=self.crew,
            jobs=JobMaker(
                settings=classical(load_settings()),
                options=RunOptions(out=self.out),
                pseudonyms=Pseudonyms(b"k" * 32, Sealing(self.site.vault())),
            ),
            triage=Triage(self.out),
            clock=self.clock,
            limits=Limits(
                ends_utc=self.ends_utc,
                hard_stop=self.hard_stop,
                grace=timedelta(seconds=1),
                stay=False,
                patience_s=patience_s,
                slide_s=lambda _: self.slide_s,
            ),
            watcher=NightWatcher(stop=self.stop),
            incidents=self.incidents,
            around=around,
            tick=lambda: None,
            summary=SummaryFile(out=self.out, alone=True),
        )
        return loop, desk, around

    @property
    def codes(self) -> list[str]:
        return [one.code for one in self.incidents.all]


def states(site: LedgerSite) -> dict[str, int]:
    """How many items are in which state."""
    with site.open() as ledger:
        return dict(Counter(item.state for item in ledger.work.items()))


class HandClock:
    """A wall clock and a monotonic one that a test moves."""

    def __init__(self) -> None:
        self.wall = datetime(2030, 3, 1, 20, tzinfo=UTC)
        self.ticks = 1000.0

    def clock(self) -> NightClock:
        return NightClock(wall=lambda: self.wall, ticks=lambda: self.ticks)

    def passes(self, seconds: float) -> None:
        """Time goes by for both."""
        self.wall += timedelta(seconds=seconds)
        self.ticks += seconds

    def set_back(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.wall -= timedelta(seconds=seconds)
