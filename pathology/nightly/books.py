"""What the night writes into the ledger and reads from it, step by step.

Every step may be tried again from its start after the ledger was away: what was done is not done
twice, and what the answer to was lost is found when all is read again.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from pathology.nightly.clock import NightClock
from pathology.nightly.decide import retry_utc
from pathology.nightly.incidents import Incidents
from pathology.nightly.journal import tell
from pathology.nightly.metrics import Metrics
from pathology.nightly.owner import died_here
from pathology.nightly.worklist_board import Board
from pathology.records.actor import Actor
from pathology.records.ledger import Ledger
from pathology.records.night import Decision, Policy, Situation
from pathology.records.settings.nightly import TryingSettings
from pathology.records.work import Lease, Outcome, WorkItem, WorkOrder

T = TypeVar("T")
NIGHT_DIED: Final = "night-died"
CANCELLED: Final = "order-cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a night works by."""

    owner: str
    actor: Actor
    policy: Policy
    trying: TryingSettings
    clock: NightClock
    shift_id: int

    @property
    def lease(self) -> timedelta:
        """How long a lease lasts unless it is prolonged."""
        return timedelta(seconds=self.trying.lease_s)


@dataclass(slots=True, eq=False)
class Held:
    """An item that this night holds."""

    item: WorkItem
    lease: Lease
    lost: bool = False


@dataclass(slots=True, eq=False)
class Ending:
    """An outcome to be entered; its retry is decided once, so that it can be said twice."""

    item_id: int
    outcome: Outcome | None  # None: given back unattempted
    retry: datetime | None = None
    decided: bool = False


class Books:
    """One thread uses it. ``taken`` has items that are leased and wait for a worker."""

    def __init__(
        self, ledger: Ledger, terms: Terms, board: Board, incidents: Incidents, metrics: Metrics
    ) -> None:
        self._ledger, self._terms, self.board = ledger, terms, board
        self._incidents, self._metrics = incidents, metrics
        self.taken: queue.SimpleQueue[WorkItem] = queue.SimpleQueue()
        self.held: dict[int, Held] = {}
        self.endings: deque[Ending] = deque()
        self.cancelled: set[int] = set()
        self.latency_s = 0.0

    def _call(self, name: str, call: Callable[[], T]) -> T:
        began = time.perf_counter()
        with self._metrics.called(name):
            answer = call()
        self.latency_s = time.perf_counter() - began
        return answer

    def beat(self, told: Mapping[str, object]) -> None:
        """Signs of life: the shift's and each lease's."""
        now, terms = self._terms.clock.now(), self._terms
        shifts = self._ledger.shifts
        self._call("keep", lambda: shifts.keep(terms.shift_id, now, terms.lease, told))
        lost = sum(not self._prolonged(held, now) for held in self.held.values() if not held.lost)
        if lost:
            self._incidents.add("lease-lost", number=lost)
        self._metrics.count(self._call("counts", self._ledger.work.counts))

    def _prolonged(self, held: Held, now: datetime) -> bool:
        work, longer = self._ledger.work, self._terms.lease
        lease = self._call("heartbeat", lambda: work.heartbeat(held.lease, now, longer))
        held.lost = lease is None
        held.lease = lease or held.lease
        return lease is not None

    def enter_all(self) -> None:
        """Every outcome there is; one that could not be entered stays the first."""
        while self.endings:
            self._enter(self.endings[0])
            self.endings.popleft()

    def give_back_all(self) -> None:
        """Every held item without an outcome goes back unattempted: the night is over."""
        ending = {one.item_id for one in self.endings}
        self.endings.extend(Ending(item_id, None) for item_id in self.held.keys() - ending)

    def _enter(self, ending: Ending) -> None:
        """An outcome, or an item given back; nothing where the item is not held any more."""
        held = self.held.get(ending.item_id)
        if held is None:
            return
        if ending.outcome is None:
            work, now = self._ledger.work, self._terms.clock.now()
            self._call("release", lambda: work.release(held.lease, now))
            self.board.waits(ending.item_id, None, attempted=False)
            tell("given-back", item=ending.item_id, slide=held.item.name)
        else:
            self._finish(held, ending, ending.outcome)
        del self.held[ending.item_id]

    def _finish(self, held: Held, ending: Ending, outcome: Outcome) -> None:
        work, now, item = self._ledger.work, self._terms.clock.now(), held.item
        if not ending.decided and outcome.kind == "transient":
            ending.retry = retry_utc(item.attempts, now, self._terms.policy)
        ending.decided, retry = True, ending.retry
        entered = self._call("finish", lambda: work.finish(held.lease, outcome, now, retry))
        if not entered:
            self.board.put(work.items(ids=[item.item_id]))
        elif outcome.kind == "transient" and retry is not None:
            self.board.waits(item.item_id, retry, attempted=True)
        else:
            self.board.drop(item.item_id)
        self._metrics.outcome(outcome.kind, outcome.stage_s)
        tell(
            "entered" if entered else "entered-by-another",
            item=item.item_id,
            slide=item.name,
            slide_id=outcome.slide_id,
            analysis=item.order.analysis,
            state=outcome.kind,
            reason=outcome.reason_code,
            attempt=item.attempts,
            retry=None if retry is None else retry.isoformat(timespec="seconds"),
            seconds=round(sum(outcome.stage_s.values()), 1),
            peak_gib=outcome.peak_gib,
        )

    def enrol(self, orders: Sequence[WorkOrder]) -> None:
        """New orders; those known stay as they are, and may be another operator's of just now."""
        if not orders:
            return
        work, terms, now = self._ledger.work, self._terms, self._terms.clock.now()
        told = self._call("enrol", lambda: work.enrol(orders, terms.actor, now))
        self.board.put(work.items(ids=[*told.new, *told.known]))
        if told.new:
            tell("enrolled", number=len(told.new))

    def read_all(self) -> None:
        """The whole worklist again, for what others changed; and what is left of the dead."""
        work = self._ledger.work
        self.board.replace_all(self._call("items", lambda: work.items(("waiting", "leased"))))
        self._take_over()

    def _take_over(self) -> None:
        """Leases of processes of this machine that are gone, and of ours whose answer was lost."""
        dead: dict[str, bool] = {}
        over = 0
        for item in self.board.all():
            lease = item.lease
            if item.state != "leased" or lease is None or item.item_id in self.held:
                continue
            if lease.owner == self._terms.owner:
                self._hold(item, lease)
            elif dead.setdefault(lease.owner, died_here(lease.owner)):
                self.held[item.item_id] = Held(item, lease)
                self._lost(item)
                over += 1
        if over:
            self._incidents.add("taken-over", number=over)

    def _hold(self, item: WorkItem, lease: Lease) -> None:
        """An item that is leased to this night: to a worker, unless a person must decide first."""
        self.held[item.item_id] = Held(item, lease)
        if item.is_held:
            self._stop(item)
        else:
            self.taken.put(item)

    def stop_cancelled(self) -> None:
        """Stop what waits though its order was taken back; what has begun ends as it will."""
        for item_id in sorted(self.cancelled):
            item = self.board.get(item_id)
            if item is not None and item.state == "waiting" and self._claimed(item_id) is not None:
                stopped = Outcome(kind="stopped", reason_code=CANCELLED)
                self.endings.append(Ending(item_id, stopped, None, decided=True))
            self.cancelled.discard(item_id)

    def _stop(self, item: WorkItem) -> None:
        why, facts = item.order.held, dict(item.order.held_facts)
        stopped = Outcome(kind="stopped", reason_code=why, facts=facts)
        self.endings.append(Ending(item.item_id, stopped, None, decided=True))

    def _lost(self, item: WorkItem) -> None:
        """The attempt of a process that is gone counts: the slide may be what ended it."""
        spent = item.attempts >= self._terms.policy.attempts
        retry = None if spent else self._terms.clock.now()
        lost = Outcome(kind="transient", reason_code=NIGHT_DIED)
        self.endings.append(Ending(item.item_id, lost, retry, decided=True))

    def decide(self, free_gib: float | None) -> Decision:
        """What to begin now."""
        now = self._terms.clock.now()
        mine = frozenset(self.held)
        situation = Situation(now_utc=now, owner=self._terms.owner, running=mine)
        if free_gib is not None:
            situation = replace(situation, free_gib=free_gib)
        return self.board.decision(situation, self._terms.policy)

    def do(self, decision: Decision) -> None:
        """Claim what is to begin; end what must not."""
        for item_id in (*decision.start, *decision.stop):
            if (item := self._claimed(item_id)) is not None:
                self._hold(item, self.held[item_id].lease)
        for item_id in decision.set_aside:
            if self._claimed(item_id) is not None:
                lost = Outcome(kind="transient", reason_code=NIGHT_DIED)
                self.endings.append(Ending(item_id, lost, None, decided=True))

    def _claimed(self, item_id: int) -> WorkItem | None:
        work, terms, now = self._ledger.work, self._terms, self._terms.clock.now()
        lease = self._call("claim", lambda: work.claim(item_id, terms.owner, now, terms.lease))
        if lease is None:  # another operator was first
            self.board.put(work.items(ids=[item_id]))
            return None
        item = self.board.leased(item_id, lease)
        self.held[item_id] = Held(item, lease)
        return item
