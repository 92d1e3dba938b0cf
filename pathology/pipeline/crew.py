"""A crew works on slides, a bounded number at a time; whatever happens to one is its outcome."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Final, Self

from pathology.errors import ClusterError, SlideError
from pathology.pipeline.at_work import Errand
from pathology.pipeline.draft_at_work import DraftAtWork
from pathology.pipeline.errands import Had
from pathology.pipeline.outcome import Carried
from pathology.pipeline.roster import Ended, Roster
from pathology.pipeline.run_slide import Job, lost
from pathology.pipeline.workforce import Heard, Workforce
from pathology.records.drafting import DraftAsk
from pathology.records.progress import Progress
from pathology.records.settings.site import SiteSettings

TICK_S: Final = 1.0
"""How often, while nothing ends, the crew looks for workers that hang, came or went."""
NEWCOMERS_S: Final = 0.1
"""How often, while work waits, it looks for workers that came."""
RESERVE: Final = 1
"""Items a worker that are had beside those at work, so that none waits for its next."""
VAIN: Final = 2
"""Times that an item may meet a worker that dies before it begins; then it looks like a cause."""
RESTARTS: Final = 3
"""Clusters in a row that were lost before any slide ended: then something is wrong for good."""


class Crew:
    """Workers on a cluster. One thread uses it; a worker has one errand at a time.

    What happens to a worker or to the cluster is the outcome of the items it had, never an
    exception: a dead worker ("worker-died"), one that hangs ("time-limit"), a lost scheduler
    ("cluster-lost"). They are transient; a crew tries nothing twice, that is for the caller. A
    cluster that was lost is started, or asked for, again.

    Each errand is handed to one worker by its address. So dask never runs one again behind our
    back, and a worker that dies takes no item with it but its own, on anybody's scheduler.

    Raises
    ------
    UsageError, ClusterError
        No cluster could be reached or started; the message says what to do.
    """

    def __init__(
        self, roster: Roster, site: SiteSettings, on_progress: Callable[[Progress], None]
    ) -> None:
        self._limit_s = site.running.slide_limit_s
        self._force = Workforce(roster, site.cluster, on_progress)
        self._had: dict[int, Had] = {}
        self._reserve: deque[tuple[int, Errand | None]] = deque()  # None: not decided yet
        self._at_work: dict[int, tuple[int, Had, Errand]] = {}  # by the number of the errand
        self._done: list[Ended] = []
        self._losses = 0

    @property
    def workers(self) -> int:
        """How many workers there are."""
        return len(self._force)

    @property
    def room(self) -> int:
        """How many more items may be started now: workers and a small reserve, less those had."""
        return max(0, len(self._force) * (1 + RESERVE) - len(self._had))

    def start(self, item: int, job: Job, *, parts: int = 1) -> None:
        """Take up an item; ValueError where it is already had or there is no room.

        Where no more items are to come, a big slide may be taken in up to so many ``parts``, if
        workers would else have nothing to do: each looks at some of its tiles, and the result is
        that of one worker.
        """
        if item in self._had:
            raise ValueError(f"item {item} is at work already")
        if not self.room:
            raise ValueError("the crew has no room")
        self._had[item] = Had(job, parts)
        self._reserve.append((item, None))
        self._hand_out()

    @property
    def writers(self) -> int:
        """How many workers word drafts; they take no slide and stand beside ``workers``."""
        return self._force.writers

    def draft(self, ask: DraftAsk) -> DraftAtWork | None:
        """Have a draft made beside the slides; None where nobody is there to word it."""
        future = self._force.draft(ask)
        return None if future is None else DraftAtWork(future)

    def restart_writers(self) -> None:
        """End a draft that hangs, with its worker."""
        self._force.restart_writers()

    def ended(self, wait_s: float) -> list[Ended]:
        """Items that ended since the last call, each once; waits up to ``wait_s`` for the first.

        Call it often: here free workers get their next item, and those that hang are found.

        Raises
        ------
        ClusterError
            The cluster was lost, and could not be had again.
        """
        deadline = time.monotonic() + wait_s
        self._settle(self._force.heard())
        while True:
            self._look_after()
            self._hand_out()
            left_s = deadline - time.monotonic()
            if self._done or left_s <= 0:
                told, self._done = self._done, []
                return told
            self._settle(self._force.heard(min(left_s, TICK_S)))

    def running(self) -> Mapping[int, float]:
        """Items that were begun, and for how many seconds; those in reserve are absent."""
        now = time.monotonic()
        return {item: now - had.since for item, had in self._had.items() if had.since}

    def worker_pid(self, item: int) -> int | None:
        """Process number, on its machine, of a worker that began an item; else None."""
        pids = (self._force.pid(number) for number in self._numbers_of(item))
        return next((pid for pid in pids if pid is not None), None)

    def abandon(self, item: int) -> None:
        """Give an item up: the processes of its workers are killed, and others take their place.

        ``ended`` tells it as "time-limit", or "interrupted" where no worker had it yet. Nothing
        where the item is not had.
        """
        had = self._had.get(item)
        if had is None:
            return
        numbers = self._numbers_of(item)
        if had.since:
            seconds = {"seconds": round(time.monotonic() - had.since, 1)}
            self._end(item, self._lost(item, "time-limit", seconds))
        else:
            self._end(item, self._lost(item, "interrupted"))
        for number in numbers:
            del self._at_work[number]
            self._force.kill(number)

    @property
    def dashboard(self) -> str | None:
        """Address of dask's dashboard, on loopback; None where there is none."""
        return self._force.cluster.dashboard

    def close(self) -> None:
        """End all work; a local cluster's processes are gone when this returns."""
        self._force.close()
        for had in self._had.values():
            had.sweep()
        self._had.clear()
        self._at_work.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _numbers_of(self, item: int) -> list[int]:
        had = self._had.get(item)
        return [number for number, (_, whose, _) in self._at_work.items() if whose is had]

    def _hand_out(self) -> None:
        """Give errands in reserve to workers that have none, in the order in which they came."""
        if not self._reserve or not self._force.alive:
            return
        if len(self._force.free()) < len(self._reserve):
            self._force.look_around(least_s=NEWCOMERS_S)
        waiting, self._reserve = list(self._reserve), deque()
        for place, (item, errand) in enumerate(waiting):
            free = len(self._force.free())
            if not free:
                self._reserve.extend(waiting[place:])
                return
            hands = free // (len(waiting) - place)
            errands = [errand] if errand is not None else self._first(item, hands)
            self._reserve.extend((item, one) for one in errands if not self._handed(item, one))

    def _first(self, item: int, hands: int) -> list[Errand]:
        return self._had[item].first(staged=self._force.staged, hands=hands)

    def _handed(self, item: int, errand: Errand) -> bool:
        """Whether a free worker that has what the errand wants got it."""
        had = self._had[item]
        fit = self._force.free(had.wants(errand, staged=self._force.staged))
        number = self._force.hand(had.job, errand, fit[0]) if fit else None
        if number is None:
            return False
        self._at_work[number] = (item, had, errand)
        had.since = had.since or time.monotonic()
        return True

    def _settle(self, news: Iterable[Heard]) -> None:
        for heard in news:
            item, had, errand = self._at_work.pop(heard.number, (-1, None, None))
            if had is None or errand is None or self._had.get(item) is not had:
                continue  # its item ended before: this was another part of it
            if heard.answer is None:
                self._died(item, errand, heard)
                continue
            self._losses = 0
            if heard.answer.carried is not None:
                self._end(item, heard.answer.carried)
            else:
                self._reserve.extendleft((item, one) for one in had.after(errand))

    def _died(self, item: int, errand: Errand, heard: Heard) -> None:
        """An errand that was begun ends its item; another is handed out anew, a few times."""
        had = self._had[item]
        if heard.begun or had.vain >= VAIN:
            self._end(item, self._lost(item, "worker-died", {"detail": heard.died}))
        else:
            had.vain += 1
            self._reserve.appendleft((item, errand))

    def _look_after(self) -> None:
        """Find a cluster that was lost, workers that hang, and errands whose worker has gone."""
        if not self._force.alive:
            self._begin_again()
            return
        for item, seconds in self.running().items():
            if seconds > self._limit_s:
                self.abandon(item)
        self._settle(self._force.missing())

    def _begin_again(self) -> None:
        """A lost cluster: tell its items, and have another. Those in reserve wait for it."""
        for item in self.running():
            self._end(item, self._lost(item, "cluster-lost"))
        self._at_work.clear()
        if self._done:
            return  # told first: what follows takes seconds, and may fail
        self._losses += 1
        if self._losses > RESTARTS:
            raise ClusterError(
                f"the cluster was lost {self._losses} times before a slide was done. Look for what "
                "ends its processes (memory?), then run again."
            )
        try:
            self._force.again()
        except ClusterError:
            if self._losses >= RESTARTS:
                raise  # else ``ended`` comes by here again

    def _lost(self, item: int, code: str, facts: Mapping[str, object] | None = None) -> Carried:
        return lost(self._had[item].job, SlideError("-", code, facts))

    def _end(self, item: int, carried: Carried) -> None:
        had = self._had.pop(item)
        had.sweep()
        self._reserve = deque(one for one in self._reserve if one[0] != item)
        seconds = time.monotonic() - had.since if had.since else 0.0
        self._done.append(
            Ended(item=item, outcome=carried.outcome, row=carried.row, seconds=seconds)
        )
