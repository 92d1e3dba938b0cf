"""Claiming, keeping, ending and giving back work, inside a transaction that is alone.

Statements on tables, not on mapped objects: every slide of a night passes here twice, and they cost
half of what objects do.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Connection,
    Delete,
    Row,
    Select,
    Update,
    delete,
    func,
    insert,
    select,
    update,
)

from pathology.errors import LedgerError
from pathology.ledger.chain import Entry
from pathology.ledger.sealing import (
    Sealing,
    outcome_told,
    sealed_folder,
    sealed_rest,
    unsealed_outcome,
)
from pathology.ledger.tables import Archive
from pathology.ledger.transactions import Writing
from pathology.records.work import Lease, Outcome, OutcomeKind, WorkState
from pathology.vault.envelope import DataKey, WrappedKey

AFTER: Final[dict[OutcomeKind, WorkState]] = {
    "done": "done",
    "refused": "failed",
    "stopped": "stopped",
}
TABLES: Final = Archive.metadata.tables
ITEMS, LEASES, ATTEMPTS = TABLES["items"], TABLES["leases"], TABLES["attempts"]
SLIDES, RESULTS, KEYS = TABLES["slides"], TABLES["results"], TABLES["data_keys"]
HOLDS: Final = LEASES.c.item_id == ITEMS.c.item_id
Change = TypeVar("Change", Update, Delete)
SHORTEST_KEY: Final = 32
"""128 bits in hexadecimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who wants a lease, when, for how long."""

    owner: str
    now_utc: datetime
    length: timedelta
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How an attempt ended."""

    outcome: Outcome
    now_utc: datetime
    retry_utc: datetime | None
    actor: str


def claim(writing: Writing, item_id: int, wish: Wish) -> Lease | None:
    """See ``Worklist.claim``."""
    item = writing.connection.execute(_to_claim(item_id)).first()
    if item is None:
        raise LedgerError(f"the ledger has no item {item_id}")
    if item.owner is None and item.state != "waiting":
        return None
    if item.owner is not None and not _ran_out(writing, item, wish):
        return None
    lease = _begin_attempt(writing.connection, item, wish)
    before = {"state": item.state, "attempts": item.attempts, "owner": item.owner}
    after = {"state": "leased", "attempt": (item.tried or 0) + 1, "owner": wish.owner}
    _note(writing, "claim", item_id, (wish.now_utc, wish.actor), (before, after))
    return lease


def _to_claim(item_id: int) -> Select[Any]:
    """The item, who holds it, and how often it was tried: one statement, the item locked."""
    tried = (
        select(func.max(ATTEMPTS.c.number)).where(ATTEMPTS.c.item_id == item_id).scalar_subquery()
    )
    return (
        select(
            *(ITEMS.c.item_id, ITEMS.c.state, ITEMS.c.attempts),
            *(LEASES.c.owner, LEASES.c.since_utc, LEASES.c.until_utc),
            tried.label("tried"),
        )
        .select_from(ITEMS.outerjoin(LEASES))
        .where(ITEMS.c.item_id == item_id)
        .with_for_update(of=ITEMS)
    )


def _ran_out(writing: Writing, held: Row[Any], wish: Wish) -> bool:
    """Whether a lease is over, minding a clock that was set back.

    ``since_utc`` is when the owner last showed a sign by the clock of then. If that is still to
    come, the clock was set back, and nobody can tell how old the lease is: it gets its own length
    once more, from now on.
    """
    if held.since_utc <= wish.now_utc:
        over: bool = held.until_utc <= wish.now_utc
        return over
    until = wish.now_utc + (held.until_utc - held.since_utc)
    anew = {"since_utc": wish.now_utc, "until_utc": until}
    writing.connection.execute(_lease_of(held.item_id, update(LEASES)).values(anew))
    before = {"since_utc": held.since_utc.isoformat(), "until_utc": held.until_utc.isoformat()}
    after = {name: moment.isoformat() for name, moment in anew.items()}
    _note(
        writing,
        "clock-set-back",
        held.item_id,
        (wish.now_utc, wish.actor),
        (before, after),
    )
    return False


def _begin_attempt(connection: Connection, item: Row[Any], wish: Wish) -> Lease:
    number, token = (item.tried or 0) + 1, secrets.token_hex(16)
    until = wish.now_utc + wish.length
    lease = {
        "item_id": item.item_id,
        "attempt": number,
        "owner": wish.owner,
        "token": token,
        "since_utc": wish.now_utc,
        "until_utc": until,
    }
    if item.owner is None:
        connection.execute(insert(LEASES), lease)
    else:
        connection.execute(_lease_of(item.item_id, update(LEASES)).values(lease))
    attempt = {
        "item_id": item.item_id,
        "number": number,
        "owner": wish.owner,
        "token": token,
        "started_utc": wish.now_utc,
    }
    connection.execute(insert(ATTEMPTS), attempt)
    _set_item(connection, item.item_id, {"state": "leased", "attempts": item.attempts + 1})
    return Lease(item_id=item.item_id, owner=wish.owner, token=token, until_utc=until)


def prolong(writing: Writing, lease: Lease, now_utc: datetime, longer: timedelta) -> Lease | None:
    """See ``Worklist.heartbeat``."""
    until = now_utc + longer
    held = _lease_of(lease.item_id, update(LEASES)).where(LEASES.c.token == lease.token)
    done = writing.connection.execute(held.values(since_utc=now_utc, until_utc=until))
    return replace(lease, until_utc=until) if done.rowcount else None


def finish(writing: Writing, sealing: Sealing, lease: Lease, end: End) -> bool:
    """See ``Worklist.finish``."""
    connection = writing.connection
    tried = connection.execute(_to_finish(lease)).first()
    if tried is None:  # released or never claimed
        return False
    locked = WrappedKey(name=tried.name, wrapped_by=tried.wrapped_by, sealed=tried.sealed)
    key = sealing.vault.open_key(locked)
    if tried.holder != lease.token:
        return _said_before(tried, key, end)
    _end_attempt(connection, tried, key, end)
    state = AFTER.get(end.outcome.kind) or ("waiting" if end.retry_utc else "set-aside")
    changed: dict[str, Any] = {"state": state, "last_ended": tried.number}
    if state == "waiting":
        changed["not_before_utc"] = end.retry_utc
    _set_item(connection, lease.item_id, changed)
    _tell_slide(connection, tried, end.outcome)
    if end.outcome.kind == "done":
        _register(connection, tried, key, end)
    connection.execute(_lease_of(lease.item_id, delete(LEASES)))
    told = ("kind", "slide_id", "digest", "result_id", "result_key", "reason_code")
    after = {"state": state, "attempt": tried.number}
    after |= {name: getattr(end.outcome, name) for name in told}
    moment = (end.now_utc, end.actor)
    _note(writing, "finish", lease.item_id, moment, ({"state": tried.state}, after))
    return True


def _to_finish(lease: Lease) -> Select[Any]:
    """The attempt of this token, its item, its slide's data key, and who holds the item now."""
    return (
        select(
            *(ITEMS.c.item_id, ITEMS.c.state, ITEMS.c.slide_row, LEASES.c.token.label("holder")),
            *(ATTEMPTS.c.number, ATTEMPTS.c.told, ATTEMPTS.c.sealed_rest, ATTEMPTS.c.retry_utc),
            *(SLIDES.c.slide_id, SLIDES.c.digest, KEYS.c.name, KEYS.c.wrapped_by, KEYS.c.sealed),
        )
        .select_from(ITEMS.join(ATTEMPTS).join(SLIDES).join(KEYS).outerjoin(LEASES, HOLDS))
        .where(ATTEMPTS.c.item_id == lease.item_id, ATTEMPTS.c.token == lease.token)
        .with_for_update(of=ITEMS)
    )


def _said_before(tried: Row[Any], key: DataKey, end: End) -> bool:
    """Whether this very end is what was written: its answer was lost and it is said again."""
    if tried.told is None:
        return False
    place = (tried.item_id, tried.number)
    written = unsealed_outcome(key, tried.told, tried.sealed_rest, place)
    return written == end.outcome and tried.retry_utc == end.retry_utc


def _end_attempt(connection: Connection, tried: Row[Any], key: DataKey, end: End) -> None:
    place = (tried.item_id, tried.number)
    connection.execute(
        update(ATTEMPTS)
        .where(ATTEMPTS.c.item_id == tried.item_id, ATTEMPTS.c.number == tried.number)
        .values(
            ended_utc=end.now_utc,
            kind=end.outcome.kind,
            retry_utc=end.retry_utc,
            told=outcome_told(end.outcome),
            sealed_rest=sealed_rest(key, end.outcome, place),
        )
    )


def _tell_slide(connection: Connection, tried: Row[Any], outcome: Outcome) -> None:
    """What its content turned out to be; a slide replaced since has another digest now."""
    found = (outcome.slide_id or tried.slide_id, outcome.digest or tried.digest)
    if found != (tried.slide_id, tried.digest):
        slide = update(SLIDES).where(SLIDES.c.slide_row == tried.slide_row)
        connection.execute(slide.values(slide_id=found[0], digest=found[1]))


def _register(connection: Connection, tried: Row[Any], key: DataKey, end: End) -> None:
    """The result by its content key, once: a second run of the same content made the same.

    A short key would meet another slide's among thousands, and that slide's result be taken for
    this one's: it is refused.
    """
    outcome = end.outcome
    if outcome.result_key is None:
        return
    if len(outcome.result_key) < SHORTEST_KEY:
        raise LedgerError(
            f"a result's key has {SHORTEST_KEY} characters or more here, to be unique among all "
            f"slides; this one has {len(outcome.result_key)}"
        )
    known = select(RESULTS.c.item_id).where(RESULTS.c.result_key == outcome.result_key)
    if connection.execute(known).first() is not None:
        return
    result = {
        "result_key": outcome.result_key,
        "result_id": outcome.result_id,
        "item_id": tried.item_id,
        "attempt": tried.number,
        "slide_id": outcome.slide_id,
        "sealed_folder": sealed_folder(key, outcome.result_folder or "", outcome.result_key),
        "registered_utc": end.now_utc,
    }
    connection.execute(insert(RESULTS), result)


def release(writing: Writing, lease: Lease, now_utc: datetime, actor: str) -> None:
    """See ``Worklist.release``."""
    connection = writing.connection
    held = connection.execute(
        select(LEASES.c.attempt, ITEMS.c.attempts)
        .select_from(ITEMS.join(LEASES))
        .where(LEASES.c.item_id == lease.item_id, LEASES.c.token == lease.token)
        .with_for_update(of=ITEMS)
    ).first()
    if held is None:
        return
    connection.execute(_lease_of(lease.item_id, delete(LEASES)))
    attempt = (ATTEMPTS.c.item_id == lease.item_id, ATTEMPTS.c.number == held.attempt)
    connection.execute(delete(ATTEMPTS).where(*attempt))
    _set_item(
        connection, lease.item_id, {"state": "waiting", "attempts": max(0, held.attempts - 1)}
    )
    before = {"state": "leased", "attempt": held.attempt, "owner": lease.owner}
    _note(writing, "release", lease.item_id, (now_utc, actor), (before, {"state": "waiting"}))


def _lease_of(item_id: int, change: Change) -> Change:
    return change.where(LEASES.c.item_id == item_id)


def _set_item(connection: Connection, item_id: int, values: dict[str, Any]) -> None:
    connection.execute(update(ITEMS).where(ITEMS.c.item_id == item_id).values(values))


def _note(
    writing: Writing,
    act: str,
    item_id: int,
    moment: tuple[datetime, str],
    change: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    at_utc, actor = moment
    before, after = change
    writing.note(
        Entry(at_utc=at_utc, actor=actor, act=act, subject=str(item_id), before=before, after=after)
    )
