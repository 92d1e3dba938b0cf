"""Rows of the worklist as records: items, their leases, attempts and outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Row, Select, and_, func, select
from sqlalchemy.orm import Session

from pathology.ledger.sealing import (
    DESTROYED,
    Sealing,
    unsealed_folder,
    unsealed_order,
    unsealed_outcome,
    unsealed_path,
)
from pathology.ledger.tables import (
    AttemptRow,
    DataKeyRow,
    ItemRow,
    LeaseRow,
    ResultRow,
    SlideRow,
)
from pathology.records.geometry import Mpp
from pathology.records.manifest import Priority
from pathology.records.result import Analysis
from pathology.records.work import (
    Attempt,
    Lease,
    Outcome,
    WorkItem,
    WorkOrder,
    WorkSource,
    WorkState,
)
from pathology.vault.envelope import DataKey

AT_ONCE = 500
"""Values in one IN list: below SQLite's oldest limit of 999 variables."""
STATES: tuple[WorkState, ...] = ("waiting", "leased", "done", "failed", "set-aside", "stopped")


def in_parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Lists short enough for one statement."""
    all_of_them = list(values)
    for start in range(0, len(all_of_them), AT_ONCE):
        yield all_of_them[start : start + AT_ONCE]


def read_items(
    session: Session,
    sealing: Sealing,
    states: Sequence[WorkState],
    ids: Sequence[int] | None,
    after: int,
) -> list[WorkItem]:
    """Items in these states (all when empty), of these ids (all when None), above ``after``; by id.

    Those whose slide was purged are not among them: nothing of them can be read.
    """
    query = _items_query().where(ItemRow.item_id > after)
    if states:
        query = query.where(ItemRow.state.in_(states))
    if ids is None:
        rows = list(session.execute(query.order_by(ItemRow.item_id)))
    else:
        parts = in_parts(sorted(set(ids)))
        rows = [
            row
            for part in parts
            for row in session.execute(
                query.where(ItemRow.item_id.in_(part)).order_by(ItemRow.item_id)
            )
        ]
    return [_item(row, sealing) for row in rows]


def read_cases(
    session: Session, sealing: Sealing, since: datetime | None, ids: Sequence[int]
) -> list[WorkItem]:
    """All items of each case with an item received since then or one of these ids, by id."""
    wanted = [] if since is None else [ItemRow.received_utc >= since]
    wanted += [ItemRow.item_id.in_(part) for part in in_parts(sorted(set(ids)))]
    found = {}
    for one in wanted:
        cases = select(ItemRow.case_id).where(one, ItemRow.case_id.is_not(None))
        for row in session.execute(_items_query().where(ItemRow.case_id.in_(cases))):
            found[row[0].item_id] = row
    return [_item(found[number], sealing) for number in sorted(found)]


def _items_query() -> Select[ItemRow, SlideRow, DataKeyRow, LeaseRow, AttemptRow]:
    return (
        select(ItemRow, SlideRow, DataKeyRow, LeaseRow, AttemptRow)
        .join(SlideRow, SlideRow.slide_row == ItemRow.slide_row)
        .join(DataKeyRow, DataKeyRow.name == SlideRow.data_key)
        .outerjoin(LeaseRow, LeaseRow.item_id == ItemRow.item_id)
        .outerjoin(
            AttemptRow,
            and_(AttemptRow.item_id == ItemRow.item_id, AttemptRow.number == ItemRow.last_ended),
        )
        .where(DataKeyRow.wrapped_by != DESTROYED)
    )


def _item(
    row: Row[ItemRow, SlideRow, DataKeyRow, LeaseRow, AttemptRow], sealing: Sealing
) -> WorkItem:
    item, slide, key_row, lease, last = row
    key = sealing.open_key(key_row)
    order = WorkOrder(
        path=unsealed_path(key, slide.sealed_path, slide.slide_row),
        analysis=cast(Analysis, item.analysis),
        source=cast(WorkSource, item.source),
        marker=item.marker,
        priority=cast(Priority, item.priority),
        deadline_utc=item.deadline_utc,
        mpp=None if item.mpp is None else Mpp(item.mpp),
        **unsealed_order(key, item.sealed_order, item.item_id),
    )
    return WorkItem(
        item_id=item.item_id,
        name=slide.name,
        order=order,
        state=cast(WorkState, item.state),
        attempts=item.attempts,
        received_utc=item.received_utc,
        not_before_utc=item.not_before_utc,
        lease=None if lease is None else lease_of(lease),
        last=None if last is None else _outcome(last, key),
    )


def lease_of(row: LeaseRow) -> Lease:
    """A lease as its owner holds it."""
    return Lease(item_id=row.item_id, owner=row.owner, token=row.token, until_utc=row.until_utc)


def read_attempts(session: Session, sealing: Sealing, item_id: int) -> list[Attempt]:
    """All attempts at an item, first to last."""
    query = _attempts_query().where(AttemptRow.item_id == item_id).order_by(AttemptRow.number)
    return [_attempt(row, sealing) for row in session.execute(query)]


def read_attempts_since(session: Session, sealing: Sealing, since: datetime) -> list[Attempt]:
    """Attempts that ended since then, by end."""
    query = (
        _attempts_query()
        .where(AttemptRow.ended_utc >= since)
        .order_by(AttemptRow.ended_utc, AttemptRow.item_id, AttemptRow.number)
    )
    return [_attempt(row, sealing) for row in session.execute(query)]


def _attempts_query() -> Select[AttemptRow, DataKeyRow]:
    return (
        select(AttemptRow, DataKeyRow)
        .join(ItemRow, ItemRow.item_id == AttemptRow.item_id)
        .join(SlideRow, SlideRow.slide_row == ItemRow.slide_row)
        .join(DataKeyRow, DataKeyRow.name == SlideRow.data_key)
        .where(DataKeyRow.wrapped_by != DESTROYED)
    )


def _attempt(row: Row[AttemptRow, DataKeyRow], sealing: Sealing) -> Attempt:
    attempt, key_row = row
    ended = attempt.told is not None
    return Attempt(
        item_id=attempt.item_id,
        number=attempt.number,
        owner=attempt.owner,
        started_utc=attempt.started_utc,
        ended_utc=attempt.ended_utc,
        outcome=_outcome(attempt, sealing.open_key(key_row)) if ended else None,
    )


def _outcome(attempt: AttemptRow, key: DataKey) -> Outcome:
    place = (attempt.item_id, attempt.number)
    return unsealed_outcome(key, attempt.told or "", attempt.sealed_rest, place)


def read_counts(session: Session) -> dict[WorkState, int]:
    """Items by state; a state without any has 0."""
    query = select(ItemRow.state, func.count()).group_by(ItemRow.state)
    counted = {row[0]: row[1] for row in session.execute(query)}
    return {state: counted.get(state, 0) for state in STATES}


def read_folder(session: Session, sealing: Sealing, result_key: str) -> str | None:
    """Folder of a registered result."""
    query = (
        select(ResultRow.sealed_folder, DataKeyRow)
        .join(ItemRow, ItemRow.item_id == ResultRow.item_id)
        .join(SlideRow, SlideRow.slide_row == ItemRow.slide_row)
        .join(DataKeyRow, DataKeyRow.name == SlideRow.data_key)
        .where(ResultRow.result_key == result_key, DataKeyRow.wrapped_by != DESTROYED)
    )
    found = session.execute(query).first()
    if found is None:
        return None
    sealed, key_row = found
    return unsealed_folder(sealing.open_key(key_row), sealed, result_key)


def read_slide_paths(session: Session, sealing: Sealing, slide_id: str) -> list[Path]:
    """Places that a slide was read from."""
    query = (
        select(SlideRow, DataKeyRow)
        .join(DataKeyRow, DataKeyRow.name == SlideRow.data_key)
        .where(SlideRow.slide_id == slide_id)
        .order_by(SlideRow.slide_row)
    )
    return [
        unsealed_path(sealing.open_key(key_row), row.sealed_path, row.slide_row)
        for row, key_row in session.execute(query)
    ]
