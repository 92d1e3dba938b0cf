"""Claiming, keeping, ending and giving back work, inside a transaction that is alone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pathology.errors import LedgerError
from pathology.ledger.chain import Entry
from pathology.ledger.reading import lease_of
from pathology.ledger.sealing import (
    Sealing,
    outcome_told,
    sealed_folder,
    sealed_rest,
    unsealed_outcome,
)
from pathology.ledger.tables import AttemptRow, ItemRow, LeaseRow, ResultRow, SlideRow
from pathology.ledger.transactions import Writing
from pathology.records.work import Lease, Outcome, OutcomeKind, WorkState
from pathology.vault.envelope import DataKey

AFTER: Final[dict[OutcomeKind, WorkState]] = {
    "done": "done",
    "refused": "failed",
    "stopped": "stopped",
}
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
    session = writing.session
    item = session.get(ItemRow, item_id, with_for_update=True)
    if item is None:
        raise LedgerError(f"the ledger has no item {item_id}")
    held = session.get(LeaseRow, item_id)
    if held is not None and not _ran_out(writing, held, wish):
        return None
    if held is None and item.state != "waiting":
        return None
    before = {"state": item.state, "attempts": item.attempts, "owner": held and held.owner}
    lease = _begin_attempt(session, item, held, wish)
    after = {"state": item.state, "attempt": lease.attempt, "owner": wish.owner}
    _note(writing, "claim", item_id, (wish.now_utc, wish.actor), (before, after))
    return lease_of(lease)


def _ran_out(writing: Writing, held: LeaseRow, wish: Wish) -> bool:
    """Whether a lease is over, minding a clock that was set back.

    ``since_utc`` is when the owner last showed a sign by the clock of then. If that is still to
    come, the clock was set back, and nobody can tell how old the lease is: it gets its own length
    once more, from now on.
    """
    if held.since_utc <= wish.now_utc:
        return held.until_utc <= wish.now_utc
    length = held.until_utc - held.since_utc
    before: dict[str, object] = {
        "since_utc": held.since_utc.isoformat(),
        "until_utc": held.until_utc.isoformat(),
    }
    held.since_utc, held.until_utc = wish.now_utc, wish.now_utc + length
    after: dict[str, object] = {
        "since_utc": held.since_utc.isoformat(),
        "until_utc": held.until_utc.isoformat(),
    }
    moment = (wish.now_utc, wish.actor)
    _note(writing, "clock-set-back", held.item_id, moment, (before, after))
    return False


def _begin_attempt(session: Session, item: ItemRow, held: LeaseRow | None, wish: Wish) -> LeaseRow:
    tried = select(func.max(AttemptRow.number)).where(AttemptRow.item_id == item.item_id)
    number = (session.scalar(tried) or 0) + 1
    lease = held or LeaseRow(item_id=item.item_id)
    lease.attempt, lease.owner = number, wish.owner
    lease.token = secrets.token_hex(16)
    lease.since_utc, lease.until_utc = wish.now_utc, wish.now_utc + wish.length
    item.state, item.attempts = "leased", item.attempts + 1
    attempt = AttemptRow(
        item_id=item.item_id,
        number=number,
        owner=wish.owner,
        token=lease.token,
        started_utc=wish.now_utc,
    )
    session.add_all([lease, attempt])
    return lease


def prolong(writing: Writing, lease: Lease, now_utc: datetime, longer: timedelta) -> Lease | None:
    """See ``Worklist.heartbeat``."""
    held = _held(writing.session, lease)
    if held is None:
        return None
    held.since_utc, held.until_utc = now_utc, now_utc + longer
    return lease_of(held)


def finish(writing: Writing, sealing: Sealing, lease: Lease, end: End) -> bool:
    """See ``Worklist.finish``."""
    session = writing.session
    item, attempt, key = _tried(session, sealing, lease)
    held = _held(session, lease)
    if held is None:
        return attempt is not None and _said_before(attempt, key, end)
    if attempt is None:
        raise LedgerError(f"item {lease.item_id} is leased without an attempt: it was damaged")
    before: dict[str, object] = {"state": item.state}
    _end_attempt(attempt, key, end)
    item.last_ended = attempt.number
    item.state = AFTER.get(end.outcome.kind) or ("waiting" if end.retry_utc else "set-aside")
    if item.state == "waiting" and end.retry_utc:
        item.not_before_utc = end.retry_utc
    _tell_slide(session, item, end.outcome)
    if end.outcome.kind == "done":
        _register(session, attempt, key, end)
    session.delete(held)
    after: dict[str, object] = {
        "state": item.state,
        "attempt": attempt.number,
        "kind": end.outcome.kind,
        "slide_id": end.outcome.slide_id,
        "digest": end.outcome.digest,
        "result_id": end.outcome.result_id,
        "result_key": end.outcome.result_key,
        "reason_code": end.outcome.reason_code,
    }
    _note(writing, "finish", lease.item_id, (end.now_utc, end.actor), (before, after))
    return True


def _tried(
    session: Session, sealing: Sealing, lease: Lease
) -> tuple[ItemRow, AttemptRow | None, DataKey]:
    item = session.get(ItemRow, lease.item_id, with_for_update=True)
    if item is None:
        raise LedgerError(f"the ledger has no item {lease.item_id}")
    attempt = session.scalars(
        select(AttemptRow).where(
            AttemptRow.item_id == lease.item_id, AttemptRow.token == lease.token
        )
    ).first()
    slide = session.get_one(SlideRow, item.slide_row)
    return item, attempt, sealing.key_named(session, slide.data_key)


def _said_before(attempt: AttemptRow, key: DataKey, end: End) -> bool:
    """Whether this very end is what was written: its answer was lost and it is said again."""
    if attempt.told is None:
        return False
    place = (attempt.item_id, attempt.number)
    written = unsealed_outcome(key, attempt.told, attempt.sealed_rest, place)
    return written == end.outcome and attempt.retry_utc == end.retry_utc


def _end_attempt(attempt: AttemptRow, key: DataKey, end: End) -> None:
    attempt.ended_utc, attempt.kind = end.now_utc, end.outcome.kind
    attempt.retry_utc = end.retry_utc
    attempt.told = outcome_told(end.outcome)
    attempt.sealed_rest = sealed_rest(key, end.outcome, (attempt.item_id, attempt.number))


def _tell_slide(session: Session, item: ItemRow, outcome: Outcome) -> None:
    """What its content turned out to be; a slide replaced since has another digest now."""
    slide = session.get_one(SlideRow, item.slide_row)
    if outcome.slide_id is not None:
        slide.slide_id = outcome.slide_id
    if outcome.digest is not None:
        slide.digest = outcome.digest


def _register(session: Session, attempt: AttemptRow, key: DataKey, end: End) -> None:
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
    if session.get(ResultRow, outcome.result_key) is not None:
        return
    folder = sealed_folder(key, outcome.result_folder or "", outcome.result_key)
    session.add(
        ResultRow(
            result_key=outcome.result_key,
            result_id=outcome.result_id,
            item_id=attempt.item_id,
            attempt=attempt.number,
            slide_id=outcome.slide_id,
            sealed_folder=folder,
            registered_utc=end.now_utc,
        )
    )


def release(writing: Writing, lease: Lease, now_utc: datetime, actor: str) -> None:
    """See ``Worklist.release``."""
    session = writing.session
    held = _held(session, lease)
    if held is None:
        return
    item = session.get_one(ItemRow, lease.item_id)
    attempt = session.get_one(AttemptRow, (lease.item_id, held.attempt))
    session.delete(attempt)
    session.delete(held)
    item.state, item.attempts = "waiting", max(0, item.attempts - 1)
    before = {"state": "leased", "attempt": held.attempt, "owner": held.owner}
    _note(writing, "release", lease.item_id, (now_utc, actor), (before, {"state": "waiting"}))


def _held(session: Session, lease: Lease) -> LeaseRow | None:
    """The lease while it is still this owner's, locked."""
    held = session.get(LeaseRow, lease.item_id, with_for_update=True)
    return held if held is not None and held.token == lease.token else None


def _note(
    writing: Writing,
    act: str,
    item_id: int,
    moment: tuple[datetime, str],
    change: tuple[dict[str, object], dict[str, object]],
) -> None:
    at_utc, actor = moment
    before, after = change
    writing.note(
        Entry(at_utc=at_utc, actor=actor, act=act, subject=str(item_id), before=before, after=after)
    )
