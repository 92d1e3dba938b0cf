"""What tonight will do, as the night's own decision foresees it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings

from pathology.nightly.decide import decide
from pathology.nightly.plan import OWNER, foresee, plan
from pathology.records.capacity import Capacity
from pathology.records.night import Expected, Policy, Situation
from pathology.records.work import Outcome, WorkItem
from tests.nightly.worklists import (
    NOON,
    OTHER,
    item,
    items,
    leased,
    policies,
    policy,
    situations,
    takes,
)

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def planned(work, expected, *, workers=2, rules=None, **more):
    capacity = Capacity(workers=workers, cores=workers)
    return plan(work, NOON, rules or policy(slots=9), capacity, expected, {"stages": "s"}, **more)


def test_slides_follow_one_another_on_the_workers_there_are() -> None:
    work = [item(1), item(2), item(3, priority="stat")]
    told = planned(work, {1: takes(600), 2: takes(600), 3: takes(60)})
    assert [(s.item_id, s.begins_utc - NOON, s.ends_utc - NOON) for s in told.slides] == [
        (1, timedelta(0), 10 * MINUTE),
        (3, timedelta(0), MINUTE),
        (2, MINUTE, 11 * MINUTE),
    ]
    assert told.ends_utc == NOON + 11 * MINUTE
    assert told.ends_low_utc == NOON + 5.5 * MINUTE
    assert told.ends_high_utc == NOON + 22 * MINUTE


def test_deadlines_are_met_perhaps_or_not() -> None:
    work = [
        item(1, deadline_utc=NOON + 3 * HOUR),
        item(2, deadline_utc=NOON + 90 * MINUTE),
        item(3, deadline_utc=NOON + 30 * MINUTE),
        item(4),
    ]
    told = planned(work, {n: takes(3600) for n in range(1, 5)}, workers=4)
    assert {s.item_id: s.verdict for s in told.slides} == {
        1: "in-time", 2: "perhaps-late", 3: "late", 4: "no-deadline",
    }  # fmt: skip
    assert told.count("late") == 1


def test_what_does_not_run_tonight_says_why_and_has_no_times() -> None:
    work = [
        item(1), item(2), item(3), item(4, held="identity-disagrees"),
        leased(5, OTHER, NOON - HOUR, attempts=3), item(6, state="done"),
    ]  # fmt: skip
    rules = policy(slots=9, ends_utc=NOON + HOUR, longest=HOUR, reserve_gib=5)
    expected = {1: takes(1800), 2: takes(1801), 3: takes(7200), 4: takes(1), 5: takes(1)}
    told = planned(work, expected, workers=1, rules=rules)
    verdicts = {s.item_id: s.verdict for s in told.slides}
    assert verdicts == {
        1: "no-deadline", 2: "not-tonight", 3: "too-long", 4: "held", 5: "set-aside",
    }  # fmt: skip
    assert all(s.begins_utc is None for s in told.slides if s.item_id != 1)
    full = planned([item(1), item(2)], {1: takes(1, gib=3), 2: takes(1, gib=3)},
                   rules=rules, free_gib=9)  # fmt: skip
    assert [s.verdict for s in full.slides] == ["no-deadline", "no-room"]
    assert full.gib == 3


def test_areas_that_were_never_read_are_counted() -> None:
    known = Outcome(kind="transient", tissue_mm2=5.0)
    told = planned([item(1, last=known), item(2)], {})
    assert told.areas_unknown == 1


def test_a_slide_after_a_failure_begins_when_its_pause_ends() -> None:
    told = planned([item(1, not_before_utc=NOON + 5 * MINUTE)], {1: takes(60)})
    assert told.slides[0].begins_utc == NOON + 5 * MINUTE


def naive(work: list[WorkItem], start: Situation, rules: Policy) -> Mapping[int, datetime]:
    """Beginnings, found by asking the decision about everything whenever anything may change."""
    now, free = start.now_utc, start.free_gib
    alive = [i for i in work if i.lease and i.state == "leased" and i.lease.until_utc > now]
    running = {i.item_id: now + timedelta(seconds=spent(start, i.item_id).seconds) for i in alive}
    begun = dict.fromkeys(running, now)
    open_items = {i.item_id: i for i in work if i.state in ("waiting", "leased")}
    for i in alive:
        del open_items[i.item_id]
    while True:
        at = replace(start, now_utc=now, free_gib=free, running=frozenset(running))
        told = decide(list(open_items.values()), at, rules)
        for group in (told.too_late, told.too_long, told.no_room, told.stop, told.set_aside):
            for i in group:
                del open_items[i]
        for i in told.start:
            del open_items[i]
            begun[i] = now
            running[i] = now + timedelta(seconds=spent(start, i).seconds)
        ages = [now + 15 * MINUTE] if open_items and rules.ageing else []
        pauses = [told.look_again_utc] if told.look_again_utc else []
        moments = [*running.values(), *pauses, *ages]
        if not open_items or not moments:
            return begun
        now = min(moments)
        for i in [i for i, end in running.items() if end <= now]:
            free -= spent(start, i).gib
            del running[i]


def spent(start: Situation, item_id: int) -> Expected:
    return start.expected.get(item_id, takes(0))


@given(work=items(most=10), at=situations(), rules=policies())
@settings(max_examples=100, deadline=None)
def test_the_quick_way_foresees_what_asking_about_everything_does(work, at, rules) -> None:
    whole = {i.item_id: at.expected.get(i.item_id, takes(600, gib=0.5)) for i in work}
    start = replace(at, owner=OWNER, running=frozenset(), expected=whole)
    sane = [replace(i, received_utc=quarter(i.received_utc)) for i in work]
    quick = foresee(sane, start, rules)
    assert {i: begins for i, (begins, _) in quick.runs.items()} == naive(sane, start, rules)
    for moment, _ in quick.runs.values():
        at_work = sum(b <= moment < e for b, e in quick.runs.values())
        assert at_work <= max(rules.slots, sum(i.state == "leased" for i in work))


def quarter(moment: datetime) -> datetime:
    return moment - timedelta(minutes=moment.minute % 15)


@pytest.mark.parametrize(
    ("slides", "spread_h"), [(3_000, 24), pytest.param(30_000, 24, marks=pytest.mark.slow)]
)
def test_a_night_of_thousands_is_planned_in_seconds(slides: int, spread_h: int) -> None:
    """Processor time, since the machine may be busy; the bound is ten times what was measured."""
    work = [
        item(n, received_utc=NOON - timedelta(seconds=n * spread_h * 3600 / slides))
        for n in range(1, slides + 1)
    ]
    expected = {n: takes(300 + n % 100) for n in range(1, slides + 1)}
    rules = policy(slots=400, ends_utc=NOON + 24 * HOUR, ageing=20 * HOUR)
    start = time.process_time()
    told = planned(work, expected, workers=slides // 100, rules=rules)
    assert time.process_time() - start < slides / 500
    assert told.count("no-deadline") == slides
    assert told.ends_utc is not None


def test_a_clock_set_back_may_make_a_slide_pause_again_and_it_is_not_lost() -> None:
    """Two hours ahead is no pause, so it is due; while it waits for a worker it becomes one."""
    late = item(2, not_before_utc=NOON + 2 * HOUR)
    told = planned([item(1, priority="stat"), late], {1: takes(100 * 60), 2: takes(60)}, workers=1)
    assert told.slides[1].begins_utc == NOON + 2 * HOUR
