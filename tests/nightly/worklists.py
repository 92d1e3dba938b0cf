"""Worklists painted for tests: items, orders, policies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st

from pathology.records.night import Expected, Policy, Situation
from pathology.records.work import Lease, Outcome, WorkItem, WorkOrder

NOON = datetime(2030, 3, 1, 12, tzinfo=UTC)
ME, OTHER = "night-1", "night-2"


def policy(**changes: object) -> Policy:
    given = {
        "slots": 2,
        "attempts": 3,
        "first_pause": timedelta(minutes=1),
        "pause_growth": 2.0,
        "longest_pause": timedelta(minutes=30),
    }
    return Policy(**{**given, **changes})


def item(item_id: int, **changes: object) -> WorkItem:
    """A waiting item; ``priority``, ``deadline_utc``, ``held`` go to its order."""
    of_order = {k: changes.pop(k) for k in ("priority", "deadline_utc", "held") if k in changes}
    order = WorkOrder(path=Path(f"/s/{item_id}"), analysis="ki67", source="folder", **of_order)
    given = {
        "item_id": item_id,
        "name": f"P{item_id}",
        "order": order,
        "state": "waiting",
        "attempts": 0,
        "received_utc": NOON,
        "not_before_utc": NOON,
    }
    return WorkItem(**{**given, **changes})


def leased(item_id: int, owner: str, until: datetime, attempts: int = 1) -> WorkItem:
    lease = Lease(item_id=item_id, owner=owner, token=str(item_id), until_utc=until)
    return item(item_id, state="leased", attempts=attempts, lease=lease)


def situation(now: datetime = NOON, **changes: object) -> Situation:
    return Situation(**{"now_utc": now, "owner": ME, **changes})


def takes(seconds: float, gib: float = 0.0) -> Expected:
    return Expected(seconds=seconds, low_s=seconds / 2, high_s=seconds * 2, gib=gib)


moments = st.integers(-3000, 3000).map(lambda m: NOON + timedelta(minutes=m))


@st.composite
def items(draw: st.DrawFn, most: int = 16) -> list[WorkItem]:
    """Any worklist: all states, leases of both owners alive and dead, held ones among them."""
    found = []
    for item_id in range(1, draw(st.integers(0, most)) + 1):
        state = draw(st.sampled_from(["waiting"] * 4 + ["leased", "done", "failed", "stopped"]))
        lease = None
        if state == "leased":
            owner, until = draw(st.sampled_from([ME, OTHER])), draw(moments)
            lease = Lease(item_id=item_id, owner=owner, token=str(item_id), until_utc=until)
        found.append(
            item(
                item_id,
                state=state,
                lease=lease,
                attempts=draw(st.integers(0, 5)),
                received_utc=draw(moments),
                not_before_utc=draw(moments),
                priority=draw(st.sampled_from(["routine", "urgent", "asap", "stat"])),
                deadline_utc=draw(st.none() | moments),
                held=draw(st.sampled_from([None] * 5 + ["identity-disagrees"])),
                last=draw(st.sampled_from([None, Outcome(kind="stopped")])),
            )
        )
    return found


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    return policy(
        slots=draw(st.integers(1, 6)),
        attempts=draw(st.integers(1, 4)),
        ends_utc=draw(st.none() | moments),
        longest=draw(st.none() | st.just(timedelta(hours=10))),
        ageing=draw(st.none() | st.integers(1, 48).map(lambda h: timedelta(hours=h))),
        reserve_gib=draw(st.floats(0, 10)),
    )


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    ids = st.integers(1, 16)
    spent = st.floats(0, 80_000).map(lambda s: takes(s, gib=s / 20_000))
    return situation(
        draw(moments),
        running=draw(st.frozensets(ids, max_size=4)),
        expected=draw(st.dictionaries(ids, spent, max_size=16)),
        free_gib=draw(st.just(float("inf")) | st.floats(0, 20)),
    )
