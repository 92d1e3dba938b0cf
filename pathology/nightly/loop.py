"""The night's loop: from the desk to the crew and back, until nothing may begin any more."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from pathology.errors import ClusterError
from pathology.nightly.clock import NightClock
from pathology.nightly.desk import Desk
from pathology.nightly.drafting import Drafting
from pathology.nightly.incidents import Incidents
from pathology.nightly.job import JobMaker
from pathology.nightly.journal import tell
from pathology.nightly.options import NightWatcher
from pathology.nightly.summary_file import SummaryFile
from pathology.nightly.surroundings import Surroundings
from pathology.nightly.triage import OF_DISK, Triage, Verdict
from pathology.pipeline.roster import Ended
from pathology.pipeline.run_slide import Job
from pathology.records.night_summary import NightEnd
from pathology.records.summary import SummaryRow
from pathology.records.work import WorkItem

TICK_S: Final = 0.5
"""How long the crew is waited for before the rest is looked at."""


class Working(Protocol):
    """What the loop needs of ``pipeline.crew.Crew``."""

    @property
    def room(self) -> int:
        """How many more items may be started now."""
        ...

    def start(self, item: int, job: Job) -> None:
        """Take up an item."""
        ...

    def ended(self, wait_s: float) -> list[Ended]:
        """Items that ended."""
        ...

    def running(self) -> Mapping[int, float]:
        """Items at work and for how many seconds."""
        ...

    def abandon(self, item: int) -> None:
        """Give an item up."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a night stops, and how long its slides may take."""

    ends_utc: datetime | None
    hard_stop: timedelta
    grace: timedelta
    stay: bool  # until the window ends, for orders that may come
    patience_s: float  # for a disk or a place to come back, in a night without an end
    slide_s: Callable[[WorkItem], float]


class _Had(NamedTuple):
    """An item that the crew has, since when (monotonic)."""

    item: WorkItem
    job: Job
    since: float


@dataclass(slots=True, kw_only=True)
class Loop:
    """One night at work. ``run`` returns how it ended; the desk still has to be closed."""

    desk: Desk
    crew: Working
    jobs: JobMaker
    triage: Triage
    clock: NightClock
    limits: Limits
    watcher: NightWatcher
    incidents: Incidents
    around: Surroundings
    tick: Callable[[], None]  # after each look; tells others how far the night is
    summary: SummaryFile
    drafting: Drafting | None = None  # None: this night makes no drafts
    _at_crew: dict[int, _Had] = field(default_factory=dict)
    _ended_rows: dict[int, tuple[_Had, SummaryRow]] = field(default_factory=dict)
    _asked_at: datetime | None = None
    _idle_since: float | None = None

    def run(self) -> NightEnd:
        """Work until the night is over."""
        while True:
            self.around.look()
            self.tick()
            if (end := self._end()) is not None:
                return end
            try:
                self._begin()
                for ended in self.crew.ended(TICK_S):
                    self._ended(ended)
            except ClusterError as problem:
                tell("crew-lost", detail=type(problem).__name__)
                self.incidents.add("crew-lost", detail=type(problem).__name__)
                return "broken"
            for verdict in self.triage.verdicts():
                self._judged(verdict)
            self._abandon_what_hangs()
            if self.drafting is not None:
                self.drafting.turn()
            self.summary.write_if_due()

    def _begin(self) -> None:
        while self.crew.room > 0 and (item := self.desk.taken()) is not None:
            if item.is_held:  # never, by what the desk does; a wrong patient is the worst error
                self.desk.hand_in(item.item_id, None)
                continue
            tell(
                "begun",
                item=item.item_id,
                slide=item.name,
                analysis=item.order.analysis,
                priority=item.order.priority,
                attempt=item.attempts,
            )
            job = self.jobs.job(item)
            self.crew.start(item.item_id, job)
            self._at_crew[item.item_id] = _Had(item, job, time.monotonic())

    def _ended(self, ended: Ended) -> None:
        had = self._at_crew.pop(ended.item)
        self._ended_rows[ended.item] = had, ended.row
        self.triage.judge(had.item, ended.outcome)

    def _judged(self, verdict: Verdict) -> None:
        item, outcome = verdict.item, verdict.outcome
        had, row = self._ended_rows.pop(item.item_id)
        # Room may have come back between the failure and the question.
        unlucky = outcome.reason_code in OF_DISK and self.around.disk_was_full(had.since)
        if verdict.fault == "slide" and not unlucky:
            self.summary.add(item.item_id, had.job, row)
            self.desk.hand_in(item.item_id, outcome)
            self.watcher.on_outcome(item, outcome)
            return
        if verdict.fault == "disk":
            self.around.disk_failed()
        elif verdict.place is not None:
            self.around.place_lost(verdict.place)
        self.desk.hand_in(item.item_id, None)

    def _abandon_what_hangs(self) -> None:
        for item_id, seconds in self.crew.running().items():
            had = self._at_crew.get(item_id)
            if had is not None and seconds > self.limits.slide_s(had.item):
                tell("abandoned", item=item_id, slide=had.item.name, seconds=round(seconds))
                self.crew.abandon(item_id)

    def _end(self) -> NightEnd | None:
        """Whether the night is over, and how; None while it goes on."""
        now, limits = self.clock.now(), self.limits
        if self.desk.view.broken is not None:
            return "broken"
        if self.watcher.stop.is_set():
            return self._asked_to_end(now)
        busy = bool(self._at_crew) or self.triage.asking > 0
        if self.drafting is not None and busy:
            self.drafting.stirred()
        if limits.ends_utc is not None and now >= limits.ends_utc:
            self._take_no_more()
            busy = busy or (self.drafting is not None and self.drafting.busy)
            if now >= limits.ends_utc + limits.hard_stop:
                return "hard-limit" if busy else "window"
            return None if busy else "window"
        return None if busy else self._done(now)

    def _asked_to_end(self, now: datetime) -> NightEnd | None:
        if self._asked_at is None:
            self._asked_at = now
            self._take_no_more()
            tell("asked-to-stop")
        waited = now - self._asked_at
        return "asked" if not self._at_crew or waited >= self.limits.grace else None

    def _take_no_more(self) -> None:
        self.desk.take_no_more()
        if self.drafting is not None:
            self.drafting.take_no_more()

    def _done(self, now: datetime) -> NightEnd | None:
        """Whether nothing is left that could begin before the night's end."""
        view = self.desk.view
        over = self.desk.settled and view.decision.is_over and not view.away_s
        if not over or view.held or view.unentered:
            self._idle_since = None
            return None
        if self.limits.stay and self.limits.ends_utc is not None:
            return None
        if view.decision.no_room or view.unreachable or self.around.expects_more:
            self._idle_since = self._idle_since or time.monotonic()
            if time.monotonic() - self._idle_since < self.limits.patience_s:
                return None
        drafted = self.drafting is None or self.drafting.over()
        return "all-done" if drafted else None
