"""How far a night is, from any process: read from the ledger alone, while it runs and after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pathology.nightly.owner import died_here, told
from pathology.nightly.summarise import Parts, account_of, parts_of
from pathology.records.actor import Actor
from pathology.records.ledger import Ledger
from pathology.records.manifest import Priority
from pathology.records.night import Decision
from pathology.records.night_summary import PRIORITIES, Named
from pathology.records.shift import Shift
from pathology.records.work import WorkItem, WorkState

SCHEMA: Final = "pathology.night-status/1"
PRESSING: Final[frozenset[Priority]] = frozenset({"stat", "asap", "urgent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """A slide that somebody works on."""

    name: str
    analysis: str
    priority: Priority
    by: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NightStatus:
    """One look. ``shift`` is the newest there is; None before the first night."""

    at_utc: datetime
    shift: Shift | None
    state: str  # "running", "ended", "died", "silent", "none"
    by: str = ""
    counts: Mapping[WorkState, int] = field(default_factory=dict)
    done: int = 0
    failures: tuple[Named, ...] = ()  # failed, set aside and stopped
    at_work: tuple[AtWork, ...] = ()
    waiting: int = 0
    pressing_left: Mapping[Priority, int] = field(default_factory=dict)
    expected_end_utc: datetime | None = None


def status_of(ledger: Ledger, actor: Actor, now_utc: datetime) -> NightStatus:
    """Look once.

    Raises
    ------
    NotAllowed
        The account may not read the worklist.
    LedgerAway
        Try again.
    """
    ledger.accounts.require(actor, "read-worklist")
    shift = next(iter(ledger.shifts.newest(1)), None)
    if shift is None:
        return NightStatus(
            at_utc=now_utc, shift=None, state="none", counts=dict(ledger.work.counts())
        )
    since = _moment(shift.told.get("since")) or shift.began_utc
    account = account_of(ledger.work, since, 0)
    parts = parts_of(account, Decision(), ())
    waiting = [item for item in account.left if item.state == "waiting"]
    return NightStatus(
        at_utc=now_utc,
        shift=shift,
        state=_state(shift, now_utc),
        by=told(shift.owner),
        counts=dict(account.counts),
        done=parts.done,
        failures=_failures(parts),
        at_work=tuple(_at_work(item) for item in account.left if item.lease is not None),
        waiting=len(waiting),
        pressing_left=_pressing(waiting),
        expected_end_utc=_foreseen(shift, parts.done, len(account.left), now_utc),
    )


def _state(shift: Shift, now_utc: datetime) -> str:
    if shift.ended_utc is not None:
        return "ended"
    if died_here(shift.owner):
        return "died"
    return "running" if shift.alive(now_utc) else "silent"


def _failures(parts: Parts) -> tuple[Named, ...]:
    """The most pressing first."""
    all_of_them = (*parts.stopped, *parts.set_aside, *parts.failed)
    return tuple(sorted(all_of_them, key=lambda one: PRIORITIES.index(one.priority)))


def _at_work(item: WorkItem) -> AtWork:
    return AtWork(
        name=item.name,
        analysis=item.order.analysis,
        priority=item.order.priority,
        by=told(item.lease.owner) if item.lease else "",
        attempt=item.attempts,
    )


def _pressing(waiting: Sequence[WorkItem]) -> dict[Priority, int]:
    found: dict[Priority, int] = {}
    for item in waiting:
        if item.order.priority in PRESSING:
            found[item.order.priority] = found.get(item.order.priority, 0) + 1
    return found


ENOUGH: Final = 5
"""Slides done, from which the pace of a night says more than what was foreseen."""


def _foreseen(shift: Shift, done: int, left: int, now_utc: datetime) -> datetime | None:
    """When all that is left will have been done at tonight's pace, or what the night foresaw."""
    if shift.ended_utc is not None:
        return None
    if done >= ENOUGH:
        return now_utc + (now_utc - shift.began_utc) / done * left
    return _moment(shift.told.get("expected_end"))


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def status_document(status: NightStatus) -> dict[str, Any]:
    """For programs. Slides are pseudonyms; reasons are codes with their facts."""
    shift = status.shift
    expected = status.expected_end_utc
    return {
        "schema": SCHEMA,
        "at_utc": status.at_utc.isoformat(timespec="seconds"),
        "state": status.state,
        "shift": None
        if shift is None
        else {
            "id": shift.shift_id,
            "by": status.by,
            "actor": shift.actor,
            "began_utc": shift.began_utc.isoformat(timespec="seconds"),
            "ended_utc": shift.ended_utc and shift.ended_utc.isoformat(timespec="seconds"),
            **shift.told,
        },
        "counts": dict(status.counts),
        "done": status.done,
        "waiting": status.waiting,
        "pressing_left": dict(status.pressing_left),
        "expected_end_utc": expected and expected.isoformat(timespec="seconds"),
        "at_work": [
            {"name": one.name, "analysis": one.analysis, "priority": one.priority, "by": one.by}
            for one in status.at_work
        ],
        "failures": [
            {
                "name": one.name,
                "analysis": one.analysis,
                "priority": one.priority,
                "reason_code": one.reason_code,
                "facts": dict(one.facts),
                "attempts": one.attempts,
            }
            for one in status.failures
        ],
    }


def called(items: Iterable[WorkItem], name: str) -> tuple[WorkItem, ...]:
    """Items of this pseudonym: the worklist's own, or the one that results have."""
    return tuple(
        item
        for item in items
        if name in (item.name, item.last.slide_id if item.last is not None else None)
    )


def find_slide(ledger: Ledger, actor: Actor, name: str, now_utc: datetime) -> tuple[WorkItem, ...]:
    """Items whose pseudonym this is, with their paths. Who asked is a line of the audit chain.

    Raises
    ------
    NotAllowed
        The account may not see identities.
    """
    ledger.accounts.require(actor, "read-identity")
    found = called(ledger.work.items(), name)
    ledger.audit.append(
        actor=actor.name,
        act="read-identity",
        subject=name,
        now_utc=now_utc,
        after={"items": [item.item_id for item in found]},
    )
    return found
