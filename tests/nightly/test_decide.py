"""What the night does next."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.nightly.decide import PRESSING, decide, pause, rank, retry_utc
from pathology.records.work import Outcome
from tests.nightly.worklists import (
    ME,
    NOON,
    OTHER,
    item,
    items,
    leased,
    policies,
    policy,
    situation,
    situations,
    takes,
)

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def test_the_most_pressing_begin_first_then_deadlines_then_the_oldest() -> None:
    work = [
        item(1),
        item(2, received_utc=NOON - HOUR),
        item(3, priority="urgent"),
        item(4, priority="stat"),
        item(5, priority="asap"),
        item(6, priority="urgent", deadline_utc=NOON + HOUR),
        item(7, deadline_utc=NOON + 9 * HOUR),
    ]
    told = decide(work, situation(), policy(slots=3))
    assert told.start == (4, 5, 6)
    assert told.ready == (3, 7, 2, 1)


def test_what_runs_and_own_living_leases_fill_slots_and_those_of_others_do_not() -> None:
    work = [item(1), item(2), item(3), leased(4, ME, NOON + HOUR), leased(5, OTHER, NOON + HOUR)]
    told = decide(work, situation(running=frozenset({1})), policy(slots=3))
    assert told.start == (2,)
    assert told.look_again_utc == NOON + HOUR


def test_an_item_that_runs_here_is_not_begun_again_though_its_lease_ran_out() -> None:
    told = decide([leased(1, ME, NOON - HOUR)], situation(running=frozenset({1})), policy())
    assert told.start == told.ready == ()


def test_a_lost_lease_begins_again_at_once_the_first_time_and_after_pauses_later() -> None:
    first, second = leased(1, OTHER, NOON, attempts=1), leased(2, OTHER, NOON, attempts=2)
    told = decide([first, second], situation(), policy())
    assert (told.start, told.pausing) == ((1,), (2,))
    assert told.look_again_utc == NOON + MINUTE
    assert decide([second], situation(NOON + MINUTE), policy()).start == (2,)


def test_an_item_whose_workers_died_too_often_is_set_aside_though_slots_are_full() -> None:
    work = [leased(1, OTHER, NOON, attempts=3), item(2)]
    told = decide(work, situation(running=frozenset({8, 9})), policy())
    assert told.set_aside == (1,)
    assert not told.is_over


def test_a_held_order_is_stopped_and_begins_only_once_a_person_reopened_it() -> None:
    held = item(1, held="identity-disagrees")
    assert decide([held], situation(), policy()).stop == (1,)
    reopened = item(1, held="identity-disagrees", last=Outcome(kind="stopped"))
    assert decide([reopened], situation(), policy()).start == (1,)


def test_nothing_begins_that_would_end_after_the_night_but_shorter_work_does() -> None:
    rules = policy(ends_utc=NOON + HOUR, longest=10 * HOUR)
    work = [item(1, priority="stat"), item(2), item(3), item(4)]
    expected = {1: takes(3601), 2: takes(3600), 3: takes(60), 4: takes(36001)}
    told = decide(work, situation(expected=expected), rules)
    assert (told.start, told.too_late, told.too_long) == ((2, 3), (1,), (4,))
    assert decide(work, situation(NOON + HOUR), rules).start == ()
    assert decide(work, situation(NOON + HOUR), rules).is_over


def test_a_pause_that_outlasts_the_night_does_not_keep_it_awake() -> None:
    rules = policy(ends_utc=NOON + MINUTE)
    told = decide([item(1, not_before_utc=NOON + 2 * MINUTE)], situation(), rules)
    assert told.too_late == (1,)
    assert told.is_over


def test_work_stops_before_the_disk_is_full() -> None:
    work = [item(1), item(2), item(3)]
    expected = {1: takes(1, gib=4), 2: takes(1, gib=3), 3: takes(1, gib=1), 7: takes(1, gib=2)}
    told = decide(
        work,
        situation(expected=expected, free_gib=17, running=frozenset({7})),
        policy(slots=9, reserve_gib=10),
    )
    assert (told.start, told.no_room) == ((1, 3), (2,))


def test_pauses_grow_up_to_a_cap_and_end_with_the_last_attempt() -> None:
    rules = policy(attempts=9)
    pauses = [pause(n, rules) / MINUTE for n in range(9)]
    assert pauses == [0, 1, 2, 4, 8, 16, 30, 30, 30]
    assert retry_utc(1, NOON, rules) == NOON + MINUTE
    assert retry_utc(9, NOON, rules) is None
    assert pause(10**6, rules) == timedelta(minutes=30)


def test_a_clock_set_back_does_not_make_a_slide_wait_longer_than_any_pause() -> None:
    """The pause was set at noon for one minute later; now the clock says eleven."""
    paused = item(1, not_before_utc=NOON + MINUTE)
    assert decide([paused], situation(NOON - HOUR), policy()).start == (1,)


def test_routine_slides_wait_for_ever_or_age_as_the_policy_says() -> None:
    work = [item(n, priority="urgent", deadline_utc=NOON + HOUR) for n in range(2, 9)]
    old = item(1, received_utc=NOON - 25 * HOUR)
    assert decide([*work, old], situation(), policy(slots=1)).start == (2,)
    aged = policy(slots=1, ageing=24 * HOUR)
    assert decide([*work, old], situation(), aged).start == (1,)
    stat = item(9, priority="stat")
    assert decide([*work, old, stat], situation(), aged).start == (9,)
    assert decide([*work, old], situation(NOON - 2 * HOUR), aged).start == (2,)


@given(work=items(), at=situations(), rules=policies())
@settings(max_examples=150, deadline=None)
def test_what_holds_of_every_decision(work, at, rules) -> None:
    told = decide(work, at, rules)
    by_id = {w.item_id: w for w in work}
    groups = [told.start, told.stop, told.set_aside, told.ready, told.pausing]
    named = [i for group in groups for i in group] + [*told.too_late, *told.too_long, *told.no_room]

    assert len(named) == len(set(named)), "each in one group only"
    assert not set(named) & at.running
    held = {
        w.item_id for w in work if w.lease and w.state == "leased" and w.item_id not in at.running
    }
    living = {i for i in held if by_id[i].lease.until_utc > at.now_utc}
    mine = {i for i in living if by_id[i].lease.owner == ME}
    assert not set(named) & living, "nobody's living lease is touched"
    assert len(told.start) <= max(0, rules.slots - len(at.running) - len(mine))
    open_ones = {w.item_id for w in work if w.state in ("waiting", "leased")} - living - at.running
    assert set(named) == open_ones, "none is forgotten"

    for i in told.start:
        seconds = at.expected[i].seconds if i in at.expected else 0
        if rules.ends_utc is not None:
            assert at.now_utc < rules.ends_utc
            assert at.now_utc + timedelta(seconds=seconds) <= rules.ends_utc
    ranks = [rank(by_id[i], at.now_utc, rules) for i in (*told.start, *told.ready)]
    if at.free_gib == float("inf"):
        assert ranks == sorted(ranks), "nobody passes a more pressing one"
    if rules.ageing is None:
        pressing = [PRESSING.index(by_id[i].order.priority) for i in (*told.start, *told.ready)]
        assert pressing == sorted(pressing)
    if told.look_again_utc is not None:
        assert told.look_again_utc > at.now_utc


@given(work=items(most=12), at=situations(), rules=policies(), data=st.data())
@settings(max_examples=50, deadline=None)
def test_the_same_facts_give_the_same_decision_in_any_order(work, at, rules, data) -> None:
    mixed = data.draw(st.permutations(work))
    assert decide(mixed, at, rules) == decide(work, at, rules)


@given(work=items(), at=situations(), rules=policies(), back=st.integers(1, 180))
@settings(max_examples=50, deadline=None)
def test_a_clock_going_back_begins_nothing_twice(work, at, rules, back) -> None:
    """What was begun is running; an hour earlier by the clock it is neither begun nor stopped."""
    first = decide(work, at, rules)
    begun = at.running | set(first.start)
    earlier = situation(at.now_utc - timedelta(minutes=back), running=begun, expected=at.expected)
    again = decide(work, earlier, rules)
    assert not set(again.start) & begun
    assert len(begun | set(again.start)) <= max(rules.slots, len(begun))


@pytest.mark.parametrize(
    "wrong",
    [{"slots": 0}, {"attempts": 0}, {"pause_growth": 0.5}, {"first_pause": timedelta(0)},
     {"first_pause": timedelta(days=1)}, {"ageing": timedelta(0)}],
)  # fmt: skip
def test_impossible_policies_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="must"):
        policy(**wrong)
