"""The workers of a crew, through dask: who is there, who has which errand, what became of it."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from distributed import Future
from distributed.client import ClosedClientError
from distributed.scheduler import KilledWorker

from pathology.pipeline.at_work import Answer, Errand, Task
from pathology.pipeline.parcel import carried_out, drafted, packed, packed_ask
from pathology.pipeline.roster import Roster
from pathology.pipeline.run_slide import Job
from pathology.pipeline.workplace import CPU, GPU, LLM
from pathology.records.drafting import DraftAsk, DraftStory
from pathology.records.progress import Progress
from pathology.records.settings.site import ClusterSettings

FETCHING_S: Final = 30.0
"""For the few bytes of an answer to come from a worker that has just given it."""
LEAVING_S: Final = 1.0
"""A worker that is not there so long after it got an errand has left with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What became of an errand: an answer, or how its worker died."""

    number: int
    answer: Answer | None = None
    died: str = ""
    begun: bool = True  # false where the worker died before


@dataclass(slots=True, eq=False)
class _Hand:
    """One worker with one errand."""

    worker: str
    future: Future[Answer]
    since: float


class Workforce:
    """Workers on a cluster, each with one errand at most. Errands have numbers of their own."""

    def __init__(
        self, roster: Roster, site: ClusterSettings, on_progress: Callable[[Progress], None]
    ) -> None:
        self._roster, self._site, self._on_progress = roster, site, on_progress
        self._number = 0
        self._news: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.staged = False  # some have a GPU and others are there for the rest
        self._gather()

    def _gather(self) -> None:
        self._hands: dict[int, _Hand] = {}
        self._pids: dict[int, int] = {}  # of workers that told that they began, by errand
        self._there: frozenset[str] = frozenset()
        self._workers: dict[str, frozenset[str]] = {}  # that take slides, and what they have
        self._writers: frozenset[str] = frozenset()  # that word drafts and take no slide
        self._leaving: set[str] = set()
        self._looked = 0.0
        self._topic = uuid4().hex
        self.cluster = self._roster.gathered(self._site)
        self.cluster.client.subscribe_topic(self._topic, self._on_event)

    @property
    def alive(self) -> bool:
        """Whether the scheduler still answers."""
        return self.cluster.alive

    @property
    def busy(self) -> bool:
        """Whether anybody has an errand."""
        return bool(self._hands)

    def __len__(self) -> int:
        """How many workers there are, or are to be."""
        return max(self._roster.workers, len(self._workers))

    def again(self) -> None:
        """Another cluster in place of one that was lost.

        Raises
        ------
        ClusterError
            There is none to be had now.
        """
        self.cluster.close(at_once=True)
        self._gather()

    def close(self) -> None:
        """End all work; a cluster of our own has no process left afterwards."""
        self.cluster.close(at_once=self.busy)
        self._hands.clear()

    def free(self, wants: str | None = None) -> list[str]:
        """Workers without an errand that have what is wanted."""
        busy = {hand.worker for hand in self._hands.values()} | self._leaving
        return sorted(w for w, has in self._workers.items() if w not in busy and _has(has, wants))

    def look_around(self, *, least_s: float) -> bool:
        """Ask the scheduler who is there, at most every ``least_s``; whether it was asked."""
        now = time.monotonic()
        if now - self._looked < least_s:
            return False
        try:
            told = self.cluster.client.scheduler_info()["workers"]
        except (OSError, TimeoutError, RuntimeError):
            return False  # lost, or on the way back
        self._looked, self._there = now, frozenset(told)
        running = {
            address: frozenset(worker["resources"])
            for address, worker in told.items()
            if worker["status"] == "running"
        }
        self._workers = {a: has for a, has in running.items() if has != {LLM}}
        self._writers = frozenset(a for a, has in running.items() if LLM in has)
        self._leaving &= self._there
        have = self._workers.values()
        self.staged |= any(GPU in has for has in have) and any(CPU in has for has in have)
        return True

    def hand(self, job: Job, errand: Errand, worker: str) -> int | None:
        """Give an errand to a free worker; its number, None where the cluster is lost just now."""
        self._number += 1
        number = self._number
        task = Task(number=number, job=job, errand=errand, topic=self._topic)
        key = f"{errand.stage}-{self._topic}-{number}"
        try:
            future = self.cluster.client.submit(
                carried_out, packed(task), key=key, workers=[worker]
            )
        except ClosedClientError:
            return None
        self._hands[number] = _Hand(worker, future, time.monotonic())
        future.add_done_callback(lambda _: self._news.put(number))
        return number

    @property
    def writers(self) -> int:
        """How many workers word drafts."""
        self.look_around(least_s=LEAVING_S)
        return len(self._writers)

    def draft(self, ask: DraftAsk) -> Future[DraftStory] | None:
        """Have a draft made by a worker that has the resource llm; None where there is none now.

        dask keeps the queue of these by the resource; it repeats none (see ``QUIET``).
        """
        if not self.writers:
            return None
        key = f"draft-{self._topic}-{uuid4().hex}"
        try:
            return self.cluster.client.submit(
                drafted, packed_ask(ask), key=key, resources={LLM: 1}, retries=0
            )
        except ClosedClientError:
            return None

    def restart_writers(self) -> None:
        """End what words drafts, since it hangs; nannies start others."""
        with suppress(OSError, TimeoutError, RuntimeError):
            self.cluster.client.restart_workers(
                sorted(self._writers), timeout=FETCHING_S, raise_for_error=False
            )

    def heard(self, wait_s: float = 0.0) -> Iterator[Heard]:
        """What became of errands since the last call; waits for the first."""
        try:
            number = self._news.get(timeout=wait_s) if wait_s > 0 else self._news.get_nowait()
            while True:
                yield from self._settled(number)
                number = self._news.get_nowait()
        except queue.Empty:
            return

    def missing(self) -> list[Heard]:
        """Errands whose worker has left; only a scheduler of others does not tell that itself."""
        if not self._hands or not self.look_around(least_s=LEAVING_S):
            return []
        gone = [
            number
            for number, hand in self._hands.items()
            if hand.worker not in self._there and hand.since < self._looked - LEAVING_S
        ]
        return [self._died(number, "it has left the cluster") for number in gone]

    def pid(self, number: int) -> int | None:
        """Process number, on its machine, of the worker that began an errand; else None."""
        return self._pids.get(number)

    def kill(self, number: int) -> None:
        """Kill the process that has an errand; its nanny starts another."""
        hand = self._hands.pop(number, None)
        if hand is None:
            return
        self._leaving.add(hand.worker)
        _let_go(hand.future)
        pid = self._pids.pop(number, None)
        if pid is None or not self.cluster.kill_worker(pid):
            self.cluster.client.restart_workers(
                [hand.worker], timeout=FETCHING_S, raise_for_error=False
            )

    def _on_event(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Called from dask's thread."""
        told = event[1]
        if "step" in told:
            self._on_progress(Progress(**told["step"]))
        else:
            self._pids[told["begun"]["number"]] = told["begun"]["pid"]

    def _settled(self, number: int) -> Iterator[Heard]:
        hand = self._hands.get(number)
        if hand is None or hand.future.status == "cancelled" or not self.alive:
            return  # given up, or lost with the cluster
        try:
            answer = hand.future.result(timeout=FETCHING_S)
        except KilledWorker:
            yield self._died(number, "killed or out of memory")
            return
        except (OSError, TimeoutError, RuntimeError):  # it died as soon as it had answered
            if self.alive:
                yield self._died(number, "before it could tell")
            return
        del self._hands[number]
        self._pids.pop(number, None)
        hand.future.release()
        if answer.old and self.cluster.kill_worker(answer.pid):
            # It has nothing any more, and its nanny starts another. dask's own lifetime would end
            # it in the middle of a slide.
            self._leaving.add(hand.worker)
        yield Heard(number=number, answer=answer)

    def _died(self, number: int, how: str) -> Heard:
        hand = self._hands.pop(number)
        self._workers.pop(hand.worker, None)
        _let_go(hand.future)
        return Heard(number=number, died=how, begun=self._pids.pop(number, None) is not None)


def _has(has: frozenset[str], wants: str | None) -> bool:
    """Workers of others' clusters may say nothing of what they have: they do what comes."""
    return wants is None or wants in has


def _let_go(future: Future[Answer]) -> None:
    """Forget a future, whatever became of it."""
    if future.done():
        future.release()
    else:
        future.cancel(force=True)
