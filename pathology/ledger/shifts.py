"""The night's own lock (``records.shift.Shifts``): who works since when, for all to see."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select

from pathology.errors import LedgerError
from pathology.ledger.chain import Entry
from pathology.ledger.tables import ShiftRow
from pathology.ledger.transactions import Transactions, Writing
from pathology.records.shift import Shift


class ShiftBook:
    """Shifts in the database. Begin and end are lines of the chain; signs of life are not."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def begin(
        self, owner: str, actor: str, now_utc: datetime, lease: timedelta, *, alone: bool
    ) -> Shift:
        """A new shift; or, when it must be ``alone``, the living one of another owner."""
        with self._transactions.writing() as writing:
            session = writing.session
            if alone:
                going_on = select(ShiftRow).where(ShiftRow.ended_utc.is_(None))
                for row in session.scalars(going_on.order_by(ShiftRow.shift_id)):
                    if _shift(row).alive(now_utc) and row.owner != owner:
                        return _shift(row)
            number = (session.scalar(select(func.max(ShiftRow.shift_id))) or 0) + 1
            row = ShiftRow(
                shift_id=number,
                owner=owner,
                actor=actor,
                began_utc=now_utc,
                alive_until_utc=now_utc + lease,
                ended_utc=None,
                told="{}",
            )
            session.add(row)
            _note(writing, "begin-shift", row, now_utc)
            return _shift(row)

    def keep(
        self, shift_id: int, now_utc: datetime, longer: timedelta, told: Mapping[str, object]
    ) -> bool:
        """A sign of life, and what it tells; False when it has been ended by somebody else."""
        with self._transactions.writing() as writing:
            row = _row(writing, shift_id)
            if row.ended_utc is not None:
                return False
            row.alive_until_utc, row.told = now_utc + longer, _text(told)
            return True

    def end(self, shift_id: int, now_utc: datetime, told: Mapping[str, object]) -> None:
        """The shift is over; ``told`` is its last word. A second end changes nothing."""
        with self._transactions.writing() as writing:
            row = _row(writing, shift_id)
            if row.ended_utc is not None:
                return
            row.ended_utc, row.told = now_utc, _text(told)
            _note(writing, "end-shift", row, now_utc)

    def newest(self, most: int = 10) -> list[Shift]:
        """Shifts, the newest first."""
        with self._transactions.reading() as session:
            query = select(ShiftRow).order_by(ShiftRow.shift_id.desc()).limit(most)
            return [_shift(row) for row in session.scalars(query)]


def _row(writing: Writing, shift_id: int) -> ShiftRow:
    row = writing.session.get(ShiftRow, shift_id, with_for_update=True)
    if row is None:
        raise LedgerError(f"the ledger has no shift {shift_id}")
    return row


def _shift(row: ShiftRow) -> Shift:
    return Shift(
        shift_id=row.shift_id,
        owner=row.owner,
        actor=row.actor,
        began_utc=row.began_utc,
        alive_until_utc=row.alive_until_utc,
        ended_utc=row.ended_utc,
        told=json.loads(row.told),
    )


def _text(told: Mapping[str, object]) -> str:
    return json.dumps(dict(told), ensure_ascii=False, allow_nan=False)


def _note(writing: Writing, act: str, row: ShiftRow, now_utc: datetime) -> None:
    after = {"owner": row.owner}
    writing.note(
        Entry(
            at_utc=now_utc, actor=row.actor, act=act, subject=f"shift-{row.shift_id}", after=after
        )
    )
