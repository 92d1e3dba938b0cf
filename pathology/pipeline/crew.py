"""A crew works on slides, a bounded number at a time; whatever happens to one is its outcome."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

from distributed import Future
from distributed.client import ClosedClientError
from distributed.scheduler import KilledWorker

from pathology.errors import ClusterError, SlideError
from pathology.pipeline.at_work import Answer, Task
from pathology.pipeline.outcome import Carried
from pathology.pipeline.parcel import carried_out, give_way, packed
from pathology.pipeline.roster import Ended, Roster
from pathology.pipeline.run_slide import Job, lost
from pathology.records.progress import Progress
from pathology.records.settings.site import SiteSettings

TICK_S: Final = 1.0
"""How often, while nothing ends, the crew looks for workers that hang, came or went."""
RESERVE: Final = 1
"""Items a worker that are had beside those at work, so that none waits for its next."""
FETCHING_S: Final = 30.0
"""For the few bytes of an answer to come from a worker that has just given it."""
VAIN: Final = 2
"""Times that an item may meet a worker that dies before it begins; then it looks like a cause."""
RESTARTS: Final = 3
"""Clusters in a row that were lost before any slide ended: then something is wrong for good."""


@dataclass(slots=True, eq=False)
class _Had:
    """An item with the crew: in reserve until it has a worker."""

    job: Job
    attempt: int
    worker: str | None = None
    future: Future[Answer] | None = None
    since: float = 0.0  # when it was handed to the worker
    pid: int | None = None  # of the worker, once it told that it began
    vain: int = 0  # times that a worker died before it began


class Crew:
    """Workers on a cluster. One thread uses it; a worker has one slide at a time.

    What happens to a worker or to the cluster is the outcome of the items it had, never an
    exception: a dead worker ("worker-died"), one that hangs ("time-limit"), a lost scheduler
    ("cluster-lost"). They are transient; a crew tries nothing twice, that is for the caller. A
    cluster that was lost is started, or asked for, again.

    Each item is handed to one worker by its address. So dask never runs one again behind our back,
    and a worker that dies takes no item with it but its own, on anybody's scheduler.

    Raises
    ------
    UsageError, ClusterError
        No cluster could be reached or started; the message says what to do.
    """

    def __init__(
        self, roster: Roster, site: SiteSettings, on_progress: Callable[[Progress], None]
    ) -> None:
        self._roster, self._site, self._on_progress = roster, site, on_progress
        self._had: dict[int, _Had] = {}
        self._reserve: deque[int] = deque()
        self._done: list[Ended] = []
        self._news: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
        self._attempts = self._losses = 0
        self._looked = 0.0
        self._there: frozenset[str] = frozenset()
        self._workers: frozenset[str] = frozenset()  # those of them that take work
        self._leaving: set[str] = set()
        self._cluster = roster.gathered(site.cluster)
        self._listen()

    @property
    def room(self) -> int:
        """How many more items may be started now: workers and a small reserve, less those had."""
        most = max(self._roster.workers, len(self._workers))
        return max(0, most * (1 + RESERVE) - len(self._had))

    def start(self, item: int, job: Job) -> None:
        """Take up an item; ValueError where it is already had or there is no room."""
        if item in self._had:
            raise ValueError(f"item {item} is at work already")
        if not self.room:
            raise ValueError("the crew has no room")
        self._attempts += 1
        self._had[item] = _Had(job, self._attempts)
        self._reserve.append(item)
        self._hand_out()

    def ended(self, wait_s: float) -> list[Ended]:
        """Items that ended since the last call, each once; waits up to ``wait_s`` for the first.

        Call it often: here free workers get their next item, and those that hang are found.

        Raises
        ------
        ClusterError
            The cluster was lost, and could not be had again.
        """
        deadline = time.monotonic() + wait_s
        while True:
            self._hear()
            self._look_after()
            told, self._done = self._done, []
            left_s = deadline - time.monotonic()
            if told or left_s <= 0:
                self._hand_out()
                return told
            self._hand_out()
            self._hear(min(left_s, TICK_S))

    def running(self) -> Mapping[int, float]:
        """Items a worker has, and for how many seconds; those in reserve are absent."""
        now = time.monotonic()
        return {i: now - had.since for i, had in self._had.items() if had.future is not None}

    def worker_pid(self, item: int) -> int | None:
        """Process number, on its machine, of the worker that began an item; else None."""
        had = self._had.get(item)
        return None if had is None else had.pid

    def abandon(self, item: int) -> None:
        """Give an item up: the process of its worker is killed, and another takes its place.

        ``ended`` tells it as "time-limit", or "interrupted" where no worker had it yet. Nothing
        where the item is not had.
        """
        had = self._had.get(item)
        if had is None:
            return
        if had.future is None:
            self._reserve.remove(item)
            self._end(item, self._lost(item, "interrupted"))
            return
        seconds = {"seconds": round(time.monotonic() - had.since, 1)}
        self._end(item, self._lost(item, "time-limit", seconds))
        if had.worker is not None:
            self._kill(had.worker, had.pid)

    @property
    def dashboard(self) -> str | None:
        """Address of dask's dashboard, on loopback; None where there is none."""
        return self._cluster.dashboard

    def close(self) -> None:
        """End all work; a local cluster's processes are gone when this returns."""
        at_work_still = bool(self.running())
        self._had.clear()
        self._cluster.close(at_once=at_work_still)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _listen(self) -> None:
        self._topic = uuid4().hex
        self._cluster.client.subscribe_topic(self._topic, self._on_event)

    def _on_event(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Called from dask's thread."""
        told = event[1]
        if "step" in told:
            self._on_progress(Progress(**told["step"]))
            return
        begun = told["begun"]
        had = self._had.get(begun["item"])
        if had is not None and had.attempt == begun["attempt"]:
            had.pid = begun["pid"]

    def _hand_out(self) -> None:
        """Give items in reserve to workers that have none, in the order in which they came."""
        if not self._reserve or not self._cluster.alive:
            return
        free = self._free()
        if len(free) < len(self._reserve) and self._look_around():
            free = self._free()
        for worker in free[: len(self._reserve)]:
            self._hand(self._reserve.popleft(), worker)

    def _free(self) -> list[str]:
        busy = {had.worker for had in self._had.values()} | self._leaving
        return sorted(self._workers - busy)

    def _hand(self, item: int, worker: str) -> None:
        had = self._had[item]
        had.worker, had.since = worker, time.monotonic()
        attempt = had.attempt
        task = Task(item=item, attempt=attempt, job=had.job, topic=self._topic)
        key = f"slide-{self._topic}-{item}-{attempt}"
        try:
            had.future = self._cluster.client.submit(
                carried_out, packed(task), key=key, workers=[worker]
            )
        except ClosedClientError:  # lost this very moment; the next cluster will have it
            self._reserve.appendleft(item)
            return
        had.future.add_done_callback(lambda _: self._news.put((item, attempt)))

    def _look_around(self, *, least_s: float = 0.1) -> bool:
        """Ask the scheduler who is there, at most every ``least_s``; whether it was asked."""
        now = time.monotonic()
        if now - self._looked < least_s:
            return False
        try:
            told = self._cluster.client.scheduler_info()["workers"]
        except (OSError, TimeoutError, RuntimeError):
            return False  # lost, or on the way back; ``_look_after`` decides
        self._looked = now
        self._there = frozenset(told)
        self._workers = frozenset(a for a, w in told.items() if w["status"] == "running")
        self._leaving &= self._there
        return True

    def _hear(self, wait_s: float = 0.0) -> None:
        """Settle futures that are done; waits for the first."""
        try:
            news = self._news.get(timeout=wait_s) if wait_s > 0 else self._news.get_nowait()
            while True:
                self._settle(*news)
                news = self._news.get_nowait()
        except queue.Empty:
            return

    def _settle(self, item: int, attempt: int) -> None:
        had = self._had.get(item)
        if had is None or had.attempt != attempt or had.future is None:
            return
        if had.future.status == "cancelled" or not self._cluster.alive:
            return  # the cluster was lost: ``_look_after`` tells all of its items
        try:
            answer = had.future.result(timeout=FETCHING_S)
        except KilledWorker:
            self._worker_died(item, "killed or out of memory")
            return
        except (OSError, TimeoutError, RuntimeError):  # it died as soon as it had answered
            self._worker_died(item, "before it could tell")
            return
        self._losses = 0
        self._end(item, answer.carried)
        if answer.old and had.worker is not None and self._cluster.foreman is not None:
            self._leaving.add(had.worker)
            self._cluster.client.run(give_way, workers=[had.worker], wait=False)

    def _look_after(self) -> None:
        """Find a cluster that was lost, workers that hang, and items whose worker has gone."""
        if not self._cluster.alive:
            self._begin_again()
            return
        limit_s = self._site.running.slide_limit_s
        for item, seconds in self.running().items():
            if seconds > limit_s:
                self.abandon(item)
        if self.running() and self._look_around(least_s=TICK_S):
            for item in self.running():
                had = self._had[item]
                if had.worker not in self._there and had.since < self._looked - TICK_S:
                    self._worker_died(item, "it has left the cluster")

    def _worker_died(self, item: int, detail: str) -> None:
        """An item that was begun ends with its worker; another is handed out anew, a few times."""
        had = self._had[item]
        self._workers -= {had.worker}
        if had.pid is not None or had.vain >= VAIN:
            self._end(item, self._lost(item, "worker-died", {"detail": detail}))
            return
        if had.future is not None:
            had.future.cancel(force=True)
        self._attempts += 1
        self._had[item] = _Had(had.job, self._attempts, vain=had.vain + 1)
        self._reserve.appendleft(item)

    def _begin_again(self) -> None:
        """A lost cluster: tell its items, and have another. Those in reserve wait for it."""
        for item in self.running():
            self._end(item, self._lost(item, "cluster-lost"))
        if self._done:
            return  # told first: what follows takes seconds, and may fail
        self._losses += 1
        if self._losses > RESTARTS:
            raise ClusterError(
                f"the cluster was lost {self._losses} times before a slide was done. Look for what "
                "ends its processes (memory?), then run again."
            )
        self._cluster.close(at_once=True)
        self._there, self._workers, self._leaving = frozenset(), frozenset(), set()
        try:
            self._cluster = self._roster.gathered(self._site.cluster)
        except ClusterError:
            if self._losses >= RESTARTS:
                raise
            return  # ``ended`` comes by here again
        self._listen()

    def _kill(self, worker: str, pid: int | None) -> None:
        self._leaving.add(worker)
        if pid is None or not self._cluster.kill_worker(pid):
            self._cluster.client.restart_workers(
                [worker], timeout=FETCHING_S, raise_for_error=False
            )

    def _lost(self, item: int, code: str, facts: Mapping[str, object] | None = None) -> Carried:
        return lost(self._had[item].job, SlideError("-", code, facts))

    def _end(self, item: int, carried: Carried) -> None:
        had = self._had.pop(item)
        if had.future is not None and had.future.done():
            had.future.release()
        elif had.future is not None:
            had.future.cancel(force=True)
        seconds = time.monotonic() - had.since if had.since else 0.0
        self._done.append(
            Ended(item=item, outcome=carried.outcome, row=carried.row, seconds=seconds)
        )
