"""What is to leave, in the database (``records.outbox.Outbox``)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from pathology.errors import LedgerError
from pathology.ledger.accounts import AccountBook
from pathology.ledger.case_reading import read_report
from pathology.ledger.case_tables import OutboxRow, ReviewCaseRow
from pathology.ledger.chain import Entry
from pathology.ledger.sealing import Sealing
from pathology.ledger.tables import CaseRow
from pathology.ledger.transactions import Transactions, Writing
from pathology.records.actor import Actor
from pathology.records.outbox import OutboxItem, OutboxState
from pathology.records.signed_report import SignedReport


class OutboxBook:
    """Signed versions on their way; ``acting`` is the account that answers for sending."""

    def __init__(
        self, transactions: Transactions, sealing: Sealing, accounts: AccountBook, acting: str
    ) -> None:
        self._transactions, self._sealing = transactions, sealing
        self._accounts, self._acting = accounts, acting

    def items(self, states: Sequence[OutboxState] = ()) -> list[OutboxItem]:
        """Items in these states (all when empty), by id."""
        query = select(OutboxRow, CaseRow.name).join(CaseRow, CaseRow.case_id == OutboxRow.case_id)
        if states:
            query = query.where(OutboxRow.state.in_(states))
        with self._transactions.reading() as session:
            return [_item(*row) for row in session.execute(query.order_by(OutboxRow.item_id))]

    def take(self, now_utc: datetime, hold_s: float, most: int = 20) -> list[OutboxItem]:
        """Items that are due; no other sender gets them within ``hold_s`` seconds.

        Of a case that was purged nothing is left to send.
        """
        query = (
            select(OutboxRow, CaseRow.name)
            .join(CaseRow, CaseRow.case_id == OutboxRow.case_id)
            .join(ReviewCaseRow, ReviewCaseRow.case_id == OutboxRow.case_id)
            .where(OutboxRow.state == "waiting", OutboxRow.not_before_utc <= now_utc)
            .where(ReviewCaseRow.purged_utc.is_(None))
            .order_by(OutboxRow.item_id)
            .limit(most)
        )
        with self._transactions.writing() as writing:
            taken = []
            for row, name in writing.session.execute(query):
                row.not_before_utc = now_utc + timedelta(seconds=hold_s)
                row.tries += 1
                _note(writing, "take-delivery", row, (self._acting, now_utc, ""))
                taken.append(_item(row, name))
            return taken

    def report(self, item_id: int) -> SignedReport:
        """The signed version that the item carries; LedgerError where its hash does not hold."""
        with self._transactions.reading() as session:
            row = _row(session, item_id)
            name = session.scalars(select(CaseRow.name).where(CaseRow.case_id == row.case_id)).one()
            return read_report(session, self._sealing, name, row.number)

    def sent(self, item_id: int, now_utc: datetime, confirmed: str) -> None:
        """The other side has it. Said twice, it is noted once."""
        with self._transactions.writing() as writing:
            row = _row(writing.session, item_id)
            if row.state == "sent":
                return
            row.state, row.last_problem = "sent", ""
            _note(writing, "delivered", row, (self._acting, now_utc, confirmed))

    def failed(
        self, item_id: int, now_utc: datetime, problem: str, again_utc: datetime | None
    ) -> None:
        """It did not go; it is tried from ``again_utc`` on, and is dead when that is None."""
        with self._transactions.writing() as writing:
            row = _row(writing.session, item_id)
            if row.state == "sent":
                raise LedgerError(f"delivery {item_id} was confirmed before: it has not failed")
            row.last_problem = problem
            row.state = "dead" if again_utc is None else "waiting"
            row.not_before_utc = again_utc or now_utc
            act = "delivery-dead" if again_utc is None else "delivery-failed"
            _note(writing, act, row, (self._acting, now_utc, problem))

    def again(self, item_ids: Sequence[int], actor: Actor, now_utc: datetime, why: str) -> int:
        """A person's wish: dead items wait again, at once; how many did."""
        self._accounts.require(actor, "export-final")
        count = 0
        with self._transactions.writing() as writing:
            for item_id in sorted(set(item_ids)):
                row = _row(writing.session, item_id)
                if row.state != "dead":
                    continue
                row.state, row.tries, row.not_before_utc = "waiting", 0, now_utc
                _note(writing, "deliver-again", row, (actor.name, now_utc, why))
                count += 1
        return count


def _row(session: Session, item_id: int) -> OutboxRow:
    row = session.get(OutboxRow, item_id)
    if row is None:
        raise LedgerError(f"the outbox has no delivery {item_id}")
    return row


def _item(row: OutboxRow, case: str) -> OutboxItem:
    return OutboxItem(
        item_id=row.item_id,
        case=case,
        version=row.number,
        format=row.format,
        destination=row.destination,
        state=cast(OutboxState, row.state),
        tries=row.tries,
        not_before_utc=row.not_before_utc,
        last_problem=row.last_problem,
    )


def _note(writing: Writing, act: str, row: OutboxRow, said: tuple[str, datetime, str]) -> None:
    by, at_utc, why = said
    after = {"state": row.state, "tries": row.tries, "format": row.format, "version": row.number}
    writing.note(
        Entry(
            at_utc=at_utc,
            actor=by,
            act=act,
            subject=f"delivery-{row.item_id}",
            after={**after, "destination": row.destination},
            reason=why,
        )
    )
