"""Drafting as a stage of the night: a case whose slides are all done gets its draft, once.

Nothing of it touches a slide: it is looked for in a thread of its own, made by workers of its own,
and what fails is the draft's story alone.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Final, Protocol

from pathology.nightly.drafts_due import DraftsDue, DraftsSeen
from pathology.nightly.incidents import Incidents
from pathology.nightly.journal import tell
from pathology.nightly.lookout import Lookout
from pathology.records.drafting import DraftAsk, DraftCounts, DraftStory

LAST_LOOK_S: Final = 15.0
"""For the last look of a night, whose numbers its summary tells."""
LOOK_SHARE: Final = 0.05
"""Of a core, at most: with 30,000 slides in the ledger a look at all cases takes seconds."""
PATIENCE_S: Final = 60.0
"""For the ledger to come back before the night ends without having looked once more."""


class AtWork(Protocol):
    """A draft that somebody makes, see ``pipeline.draft_at_work``."""

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        ...

    @property
    def story(self) -> DraftStory | None:
        """What came of it."""
        ...

    @property
    def fault(self) -> str:
        """How it failed."""
        ...

    def forget(self) -> None:
        """Let go of it."""
        ...


class Writers(Protocol):
    """What drafting needs of ``pipeline.crew.Crew``."""

    @property
    def writers(self) -> int:
        """Workers that word drafts."""
        ...

    def draft(self, ask: DraftAsk) -> AtWork | None:
        """Have one made."""
        ...

    def restart_writers(self) -> None:
        """End one that hangs."""
        ...


@dataclass(slots=True)
class _Flight:
    """A draft at work, since when (monotonic)."""

    ask: DraftAsk
    at_work: AtWork
    since: float


class Drafting:
    """The stage. Its own thread looks; the loop's thread calls everything else, and never waits."""

    def __init__(self, cases: DraftsDue, writers: Writers, incidents: Incidents) -> None:
        self._cases, self._writers, self._incidents = cases, writers, incidents
        self._drafts = drafts = cases.drafts
        self._lookout: Lookout[DraftsSeen] = Lookout(
            "night-drafts", cases.look, drafts.look_s, most_share=LOOK_SHARE
        )
        self._flights: list[_Flight] = []
        self._tried: dict[str, int] = {}  # tonight, by key
        self._ended_at: dict[str, float] = {}  # monotonic, by case
        self._closing = False
        self._asked_at: float | None = None
        self._last = DraftCounts()
        self._told: set[str] = set()

    @property
    def busy(self) -> bool:
        """Whether a draft is being made."""
        return bool(self._flights)

    @property
    def counts(self) -> DraftCounts:
        """How things stand, as last seen."""
        seen = self._lookout.seen
        self._last = self._last if seen is None else seen.counts
        return self._last

    def turn(self) -> None:
        """Take in what ended; hand out what is due."""
        for flight in [f for f in self._flights if f.at_work.done]:
            self._ended(flight)
        self._end_what_hangs()
        seen = self._lookout.seen
        if seen is None:
            return
        self._note(seen)
        for ask in seen.due:
            if len(self._flights) > self._writers.writers:
                return  # one waits for each, and no more
            if self._may_begin(ask, seen):
                self._begin(ask)

    def stirred(self) -> None:
        """Slides are at work, or have just ended: what was seen is not the last word."""
        self._asked_at = None

    def over(self) -> bool:
        """Whether nothing is left to draft, by a look that began after this was first asked."""
        if self.busy:
            self._asked_at = None
            return False
        if self._asked_at is None:
            self._asked_at = time.monotonic()
            self._look_anew()
            return False
        seen = self._lookout.seen
        if seen is None or seen.began < self._asked_at:
            return time.monotonic() - self._asked_at > PATIENCE_S
        return not any(self._may_begin(ask, seen) for ask in seen.due)

    def take_no_more(self) -> None:
        """Begin nothing from now on."""
        self._closing = True

    def close(self) -> None:
        """Look once more, and then no more: ``counts`` is how things stand at the end."""
        self._closing, asked = True, time.monotonic()
        self._look_anew()
        while time.monotonic() - asked < LAST_LOOK_S and self._lookout.problem is None:
            seen = self._lookout.seen
            if seen is not None and seen.began >= asked:
                break
            time.sleep(0.05)
        self._last = self.counts
        self._lookout.close()

    def _look_anew(self) -> None:
        self._cases.read_soon()
        self._lookout.forget()

    def _may_begin(self, ask: DraftAsk, seen: DraftsSeen) -> bool:
        at_work = any(f.ask.case_id == ask.case_id for f in self._flights)
        at_work |= self._ended_at.get(ask.case_id, 0.0) >= seen.looked  # it may be drafted by now
        often = self._tried.get(ask.key, 0) > ask.attempts  # the last one sets it aside
        return not (self._closing or at_work or often) and self._writers.writers > 0

    def _begin(self, ask: DraftAsk) -> None:
        at_work = self._writers.draft(ask)
        if at_work is None:
            return
        self._tried[ask.key] = self._tried.get(ask.key, 0) + 1
        self._flights.append(_Flight(ask, at_work, time.monotonic()))
        tell("draft-begun", case=ask.case_id, attempt=self._tried[ask.key])

    def _ended(self, flight: _Flight) -> None:
        self._let_go(flight)
        story = flight.at_work.story
        fault = flight.at_work.fault
        flight.at_work.forget()
        self._asked_at = None
        tell(
            "draft-ended",
            case=flight.ask.case_id,
            state="trying" if story is None else story.state,
            reason=fault or (story.tries[-1].trouble if story and story.tries else None),
            seconds=round(time.monotonic() - flight.since, 1),
        )

    def _end_what_hangs(self) -> None:
        now = time.monotonic()
        old = [f for f in self._flights if now - f.since > self._drafts.limit_s]
        if not old:
            return
        tell("draft-hangs", number=len(old), level=logging.WARNING)
        self._writers.restart_writers()
        for flight in old:
            self._let_go(flight)
            flight.at_work.forget()

    def _let_go(self, flight: _Flight) -> None:
        """Of this case alone something new is to be seen, at the next look."""
        self._flights.remove(flight)
        self._cases.ended(flight.ask.case_id)
        self._ended_at[flight.ask.case_id] = time.monotonic()

    def _note(self, seen: DraftsSeen) -> None:
        """What the site must know, once a night."""
        if seen.due and not self._writers.writers:
            self._once("drafts-no-writer", number=len(seen.due))
        if self._cases.unreadable:
            self._once("case-data-unreadable", number=self._cases.unreadable)

    def _once(self, code: str, **facts: object) -> None:
        if code not in self._told:
            self._told.add(code)
            self._incidents.add(code, **facts)
