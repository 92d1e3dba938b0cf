"""What the night does next: a pure function of worklist, clock and policy.

Two callers ask it: the loop that does it, and the plan that foresees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Final, get_args

from pathology.records.manifest import Priority
from pathology.records.night import Decision, Expected, Policy, Situation
from pathology.records.work import WorkItem

PRESSING: Final[tuple[Priority, ...]] = get_args(Priority)[::-1]  # stat first
AGED: Final = PRESSING.index("urgent")
BATCH_S: Final = 900
"""Waiting is counted in whole quarters of an hour, so that slides of one batch age together."""

Rank = tuple[int, float, float, int]


def decide(items: Sequence[WorkItem], situation: Situation, policy: Policy) -> Decision:
    """What to begin now. ``items`` are those waiting and leased; others are passed over.

    No more is begun than slots are free, counting what runs and this owner's living leases.
    """
    found = _Sorted()
    now = situation.now_utc
    busy = set(situation.running)
    for item in items:
        if item.item_id in busy:
            continue
        if item.lease is not None and item.state == "leased" and item.lease.until_utc > now:
            if item.lease.owner == situation.owner:
                busy.add(item.item_id)
            found.changes.append(item.lease.until_utc)
        elif item.state in ("waiting", "leased"):
            _place(item, situation, policy, found)
    begun = _begin(found, situation, policy, free=max(0, policy.slots - len(busy)))
    return _told(found, begun, situation, policy)


def retry_utc(attempts: int, now_utc: datetime, policy: Policy) -> datetime | None:
    """When to try again after ``attempts`` that failed; None: set aside.

    The loop hands it to ``WorkLedger.finish`` with every outcome that is transient.
    """
    if attempts >= policy.attempts:
        return None
    return now_utc + pause(attempts, policy)


def pause(attempts: int, policy: Policy) -> timedelta:
    """The pause after the attempt of this number, from 1; none before the first."""
    if attempts < 1:
        return timedelta(0)
    # The exponent is bounded, since a float overflows long after the cap is reached.
    longest_s = policy.longest_pause.total_seconds()
    grown = policy.first_pause.total_seconds() * policy.pause_growth ** min(attempts - 1, 64)
    return timedelta(seconds=min(grown, longest_s))


def rank(item: WorkItem, now_utc: datetime, policy: Policy) -> Rank:
    """The smaller, the sooner: priority, then deadline, then time received, then number.

    Where the policy lets slides age, one that waited so long counts as urgent, with the moment at
    which it became so as its deadline if that is earlier than its own: a stream of urgent slides
    cannot keep it waiting for ever. Nothing ages past stat and asap.
    """
    order = item.order
    place = PRESSING.index(order.priority)
    deadline = inf if order.deadline_utc is None else order.deadline_utc.timestamp()
    aged_at = aged_at_utc(item, policy)
    if place > AGED and aged_at is not None and aged_at <= now_utc:
        place, deadline = AGED, min(deadline, aged_at.timestamp())
    return place, deadline, item.received_utc.timestamp(), item.item_id


def aged_at_utc(item: WorkItem, policy: Policy) -> datetime | None:
    """When a slide begins to count as urgent; None where nothing ages."""
    if policy.ageing is None:
        return None
    late_s = item.received_utc.timestamp() % BATCH_S
    waited_from = item.received_utc - timedelta(seconds=late_s)
    whole = -(-policy.ageing.total_seconds() // BATCH_S) * BATCH_S
    return waited_from + timedelta(seconds=whole)


@dataclass(slots=True)
class _Sorted:
    """Items by what keeps them, while they are gone through."""

    due: list[WorkItem] = field(default_factory=list)
    stop: list[WorkItem] = field(default_factory=list)
    lost: list[WorkItem] = field(default_factory=list)
    pausing: list[WorkItem] = field(default_factory=list)
    late: list[WorkItem] = field(default_factory=list)  # their pause outlasts the night
    changes: list[datetime] = field(default_factory=list)  # when time alone changes something


def _place(item: WorkItem, situation: Situation, policy: Policy, found: _Sorted) -> None:
    if item.is_held:
        found.stop.append(item)
        return
    if item.lease is not None and item.attempts >= policy.attempts:
        found.lost.append(item)
        return
    ready_at = item.not_before_utc
    if item.lease is not None:  # its worker is gone; the first loss may be the whole night's end
        ready_at = item.lease.until_utc + pause(item.attempts - 1, policy)
    # No pause is that long: where one seems so, the clock was set back since.
    waits = situation.now_utc < ready_at <= situation.now_utc + policy.longest_pause
    if waits and policy.ends_utc is not None and ready_at >= policy.ends_utc:
        found.late.append(item)
    elif waits:
        found.pausing.append(item)
        found.changes.append(ready_at)
    else:
        found.due.append(item)


@dataclass(slots=True)
class _Begun:
    start: list[int] = field(default_factory=list)
    ready: list[int] = field(default_factory=list)
    too_late: list[int] = field(default_factory=list)
    too_long: list[int] = field(default_factory=list)
    no_room: list[int] = field(default_factory=list)


def _begin(found: _Sorted, situation: Situation, policy: Policy, *, free: int) -> _Begun:
    begun = _Begun()
    room = situation.free_gib - policy.reserve_gib
    if room != inf:
        room -= sum(_gib(situation.expected.get(i)) for i in situation.running)
    for item in sorted(found.due, key=lambda i: rank(i, situation.now_utc, policy)):
        expected = situation.expected.get(item.item_id)
        kept_by = _kept_by(expected, situation.now_utc, policy)
        if kept_by is not None:
            getattr(begun, kept_by).append(item.item_id)
        elif _gib(expected) > room or room < 0:
            begun.no_room.append(item.item_id)
        elif len(begun.start) < free:
            begun.start.append(item.item_id)
            room -= _gib(expected)
        else:
            begun.ready.append(item.item_id)
    return begun


def _kept_by(expected: Expected | None, now_utc: datetime, policy: Policy) -> str | None:
    takes = timedelta(seconds=expected.seconds if expected else 0)
    if policy.longest is not None and takes > policy.longest:
        return "too_long"
    if policy.ends_utc is not None and (
        now_utc >= policy.ends_utc or now_utc + takes > policy.ends_utc
    ):
        return "too_late"
    return None


def _gib(expected: Expected | None) -> float:
    return expected.gib if expected else 0.0


def _told(found: _Sorted, begun: _Begun, situation: Situation, policy: Policy) -> Decision:
    now = situation.now_utc
    changes = [moment for moment in found.changes if moment > now]
    return Decision(
        start=tuple(begun.start),
        stop=_ids(found.stop),
        set_aside=_ids(found.lost),
        ready=tuple(begun.ready),
        pausing=_ids(found.pausing),
        too_late=(*begun.too_late, *_ids(found.late)),
        too_long=tuple(begun.too_long),
        no_room=tuple(begun.no_room),
        look_again_utc=min(changes, default=None),
    )


def _ids(items: Iterable[WorkItem]) -> tuple[int, ...]:
    return tuple(sorted(item.item_id for item in items))
