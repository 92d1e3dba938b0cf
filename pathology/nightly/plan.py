"""What tonight will do: the night's own decision, foreseen by list scheduling.

``decide`` is asked at every moment at which a worker becomes free or a pause ends, exactly as the
loop asks it. Between two quarters of an hour ranks do not change (``decide.rank``), so that only
the head of the ranking has to be shown to it, and 30,000 slides are foreseen in seconds.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from pathology.nightly.capacity import known_area_mm2
from pathology.nightly.decide import aged_at_utc, decide, rank
from pathology.records.capacity import Capacity, Plan, PlannedSlide, PlanVerdict
from pathology.records.night import Decision, Expected, Policy, Situation
from pathology.records.work import WorkItem

HEAD: Final = 4  # items shown to the decision beyond the free slots: some may not fit
OWNER: Final = "plan"  # owns no lease
NOTHING: Final = Expected(seconds=0, low_s=0, high_s=0)
ENDS: Final = ("low_s", "high_s")


@dataclass(slots=True)
class Course:
    """How a night goes: begin and end of what runs, and why the rest does not."""

    runs: dict[int, tuple[datetime, datetime]] = field(default_factory=dict)
    left: dict[int, PlanVerdict] = field(default_factory=dict)


def plan(
    items: Sequence[WorkItem],
    begins_utc: datetime,
    policy: Policy,
    capacity: Capacity,
    expected: Mapping[int, Expected],
    sources: Mapping[str, str],
    *,
    free_gib: float = float("inf"),
) -> Plan:
    """The plan of a night that begins at ``begins_utc``; ``expected`` has every item of it.

    It is foreseen three times: as expected, with all slides at their low and at their high end. No
    more slides are at work than there are workers, however many wait in their slots.
    """
    rules = replace(policy, slots=min(policy.slots, capacity.workers))
    start = Situation(now_utc=begins_utc, owner=OWNER, expected=expected, free_gib=free_gib)
    courses = {
        name: foresee(items, _with(start, expected, name), rules)
        for name in ("low_s", "seconds", "high_s")
    }
    course = courses["seconds"]
    slides = [_planned(item, courses) for item in items if item.state in ("waiting", "leased")]
    slides.sort(key=lambda s: (s.begins_utc is None, s.begins_utc or begins_utc, s.item_id))
    ends = {
        name: max((end for _, end in c.runs.values()), default=None) for name, c in courses.items()
    }
    return Plan(
        begins_utc=begins_utc,
        night_ends_utc=policy.ends_utc,
        slides=tuple(slides),
        ends_low_utc=ends["low_s"],
        ends_utc=ends["seconds"],
        ends_high_utc=ends["high_s"],
        gib=sum(expected[i].gib for i in course.runs if i in expected),
        areas_unknown=sum(
            known_area_mm2(item) is None for item in items if item.item_id in course.runs
        ),
        capacity=capacity,
        sources=sources,
    )


def foresee(items: Sequence[WorkItem], start: Situation, policy: Policy) -> Course:
    """How the night goes if every slide takes its ``expected`` seconds and none fails.

    What is leased at the start, by anybody alive, is taken to have just begun.
    """
    now = start.now_utc
    course = Course()
    at_work = [i for i in items if i.lease is not None and i.lease.until_utc > now]
    first = decide(items, replace(start, running=frozenset(i.item_id for i in at_work)), policy)
    _leave(first, course)
    night = _Night(course=course, situation=start, policy=policy)
    for item in at_work:
        night.begin(item.item_id)
    open_ids = {*first.start, *first.ready, *first.pausing}
    night.go([item for item in items if item.item_id in open_ids])
    return course


@dataclass(slots=True, kw_only=True)
class _Night:
    """The state of a night that is being foreseen."""

    course: Course
    situation: Situation
    policy: Policy
    running: list[tuple[datetime, int]] = field(default_factory=list)  # a heap by end
    waiting: dict[int, WorkItem] = field(default_factory=dict)
    pausing: dict[int, datetime] = field(default_factory=dict)  # until when

    def begin(self, item_id: int) -> None:
        begins = self.situation.now_utc
        ends = begins + timedelta(seconds=self._expected(item_id).seconds)
        self.course.runs[item_id] = begins, ends
        heapq.heappush(self.running, (ends, item_id))

    def go(self, items: Sequence[WorkItem]) -> None:
        self.waiting = {item.item_id: item for item in items}
        ageing = self._ageing(items)
        ranks = {item.item_id: rank(item, self.situation.now_utc, self.policy) for item in items}
        due = deque(sorted(self.waiting, key=ranks.__getitem__))
        while due or self.pausing:
            changes = [*([ageing[-1][0]] if ageing else []), *self.pausing.values()]
            until = min(changes, default=None)
            while due and (until is None or self.situation.now_utc < until):
                self._step(due)
                until = min(
                    [*([] if until is None else [until]), *self.pausing.values()], default=None
                )
                if due:
                    self._wait(until)
            if not due and self.pausing:
                self._wait_for(min(self.pausing.values()))
            now = self.situation.now_utc
            fresh = [i for i, moment in self.pausing.items() if moment <= now]
            for item_id in fresh:
                del self.pausing[item_id]
            while ageing and ageing[-1][0] <= now:
                fresh_rank = ageing.pop()[1]
                if fresh_rank in self.waiting:
                    ranks[fresh_rank] = rank(self.waiting[fresh_rank], now, self.policy)
            due = deque(sorted((*due, *fresh), key=ranks.__getitem__))

    def _ageing(self, items: Sequence[WorkItem]) -> list[tuple[datetime, int]]:
        """When the rank of an item changes with time alone, the first moment last."""
        now = self.situation.now_utc
        routine = (item for item in items if item.order.priority == "routine")
        ages = ((aged_at_utc(item, self.policy), item.item_id) for item in routine)
        return sorted(((age, i) for age, i in ages if age is not None and age > now), reverse=True)

    def _step(self, due: deque[int]) -> None:
        """Begin what can begin now; what cannot tonight, or pauses, leaves the queue."""
        while due and (free := self.policy.slots - len(self.running)) > 0:
            head = [due.popleft() for _ in range(min(len(due), free + HEAD))]
            decision = self._decide(head)
            for item_id in decision.start:
                self.begin(item_id)
                del self.waiting[item_id]
            for item_id in decision.pausing:  # until when exactly, the decision says of one alone
                self.pausing[item_id] = self._pause_ends(item_id)
            due.extendleft(reversed(decision.ready))

    def _pause_ends(self, item_id: int) -> datetime:
        ends = self._decide([item_id]).look_again_utc
        return self.situation.now_utc if ends is None else ends

    def _decide(self, ids: Sequence[int]) -> Decision:
        running = frozenset(item_id for _, item_id in self.running)
        self.situation = replace(self.situation, running=running)
        items = [self.waiting[i] for i in ids]
        decision = decide(items, self.situation, self.policy)
        for item_id in _leave(decision, self.course):
            self.waiting.pop(item_id, None)
        return decision

    def _wait(self, until: datetime | None) -> None:
        """Until the next worker is free, or until ``until`` if that is sooner."""
        ends = self.running[0][0]
        self._wait_for(ends if until is None else min(ends, until))

    def _wait_for(self, moment: datetime) -> None:
        free_gib = self.situation.free_gib
        while self.running and self.running[0][0] <= moment:
            _, item_id = heapq.heappop(self.running)
            free_gib -= self._expected(item_id).gib
        self.situation = replace(self.situation, now_utc=moment, free_gib=free_gib)

    def _expected(self, item_id: int) -> Expected:
        return self.situation.expected.get(item_id, NOTHING)


def _leave(decision: Decision, course: Course) -> list[int]:
    """Note what will not run tonight, and why; their numbers."""
    groups: tuple[tuple[PlanVerdict, tuple[int, ...]], ...] = (
        ("not-tonight", decision.too_late),
        ("too-long", decision.too_long),
        ("no-room", decision.no_room),
        ("held", decision.stop),
        ("set-aside", decision.set_aside),
    )
    left = [item_id for _, ids in groups for item_id in ids]
    course.left.update({item_id: verdict for verdict, ids in groups for item_id in ids})
    return left


def _with(start: Situation, expected: Mapping[int, Expected], name: str) -> Situation:
    """The situation if every slide takes its ``name`` seconds."""
    taken = {i: replace(e, seconds=getattr(e, name)) for i, e in expected.items()}
    return replace(start, expected=taken)


def _planned(item: WorkItem, courses: Mapping[str, Course]) -> PlannedSlide:
    course, deadline = courses["seconds"], item.order.deadline_utc
    low, high = (courses[name].runs.get(item.item_id, (None, None))[1] for name in ENDS)
    begins, ends = course.runs.get(item.item_id, (None, None))
    verdict: PlanVerdict = course.left.get(item.item_id, "no-deadline")
    if ends is not None and deadline is not None:
        verdict = "in-time" if high is not None and high <= deadline else "perhaps-late"
        verdict = "late" if ends > deadline else verdict
    return PlannedSlide(
        item_id=item.item_id,
        name=item.name,
        analysis=item.order.analysis,
        priority=item.order.priority,
        deadline_utc=deadline,
        verdict=verdict,
        begins_utc=begins,
        ends_low_utc=low if ends else None,
        ends_utc=ends,
        ends_high_utc=high if ends else None,
    )
