"""The worklist in the database (``records.ledger.WorkLedger``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from pathology.ledger import leasing
from pathology.ledger.chain import Entry
from pathology.ledger.enrolling import Enrolling
from pathology.ledger.reading import (
    in_parts,
    read_attempts,
    read_attempts_since,
    read_cases,
    read_counts,
    read_folder,
    read_items,
    read_slide_paths,
)
from pathology.ledger.sealing import Sealing
from pathology.ledger.tables import ItemRow
from pathology.ledger.transactions import Transactions
from pathology.records.actor import Actor
from pathology.records.work import Attempt, Enrolled, Lease, Outcome, WorkItem, WorkOrder, WorkState

REOPENED = ("failed", "set-aside", "stopped")


class Worklist:
    """Every method is one transaction, and its lines of the chain are committed with it.

    ``acting`` is the account that answers for claims, heartbeats, ends and releases.

    Raises
    ------
    LedgerAway
        By every method, when the database cannot be reached or is busy: nothing that was not
        confirmed is changed, and the same call may be made again.
    """

    def __init__(self, transactions: Transactions, sealing: Sealing, acting: str) -> None:
        self._transactions, self._sealing, self._acting = transactions, sealing, acting

    def enrol(self, orders: Iterable[WorkOrder], actor: Actor, now_utc: datetime) -> Enrolled:
        """Add orders; one of the same path, analysis and order id that is known stays as it is."""
        given = tuple(orders)
        with self._transactions.writing() as writing:
            return Enrolling(writing, self._sealing).add(given, actor.name, now_utc)

    def items(
        self, states: Sequence[WorkState] = (), ids: Sequence[int] | None = None, after: int = 0
    ) -> list[WorkItem]:
        """Items in these states (all when empty), by id; ids grow in the order of enrolling."""
        with self._transactions.reading() as session:
            return read_items(session, self._sealing, states, ids, after)

    def items_of_cases(
        self, *, received_since_utc: datetime | None = None, with_items: Sequence[int] = ()
    ) -> list[WorkItem]:
        """Every item of each case that has an item received since then, or one of these."""
        with self._transactions.reading() as session:
            return read_cases(session, self._sealing, received_since_utc, with_items)

    def claim(self, item_id: int, owner: str, now_utc: datetime, lease: timedelta) -> Lease | None:
        """The lease of a waiting item, or of one whose lease ran out; None if another was first.

        A lease whose owner was last seen later than ``now_utc`` was given before the clock was set
        back: it is counted anew from now, so that it ends after its own length and no later.

        Raises
        ------
        LedgerError
            There is no such item.
        """
        wish = leasing.Wish(owner=owner, now_utc=now_utc, length=lease, actor=self._acting)
        with self._transactions.writing() as writing:
            return leasing.claim(writing, item_id, wish)

    def heartbeat(self, lease: Lease, now_utc: datetime, longer: timedelta) -> Lease | None:
        """The lease until ``now_utc + longer``; None when it has been lost to another.

        The one change without a line in the chain: it says only that somebody still works.
        """
        with self._transactions.writing() as writing:
            return leasing.prolong(writing, lease, now_utc, longer)

    def finish(
        self, lease: Lease, outcome: Outcome, now_utc: datetime, retry_utc: datetime | None
    ) -> bool:
        """End the attempt. False when the lease was lost: then nothing is changed.

        Said twice (the first answer was lost on its way), it is done once and True both times.
        """
        end = leasing.End(outcome=outcome, now_utc=now_utc, retry_utc=retry_utc, actor=self._acting)
        with self._transactions.writing() as writing:
            return leasing.finish(writing, self._sealing, lease, end)

    def release(self, lease: Lease, now_utc: datetime) -> None:
        """Give an item back unattempted; nothing where the lease was lost."""
        with self._transactions.writing() as writing:
            leasing.release(writing, lease, now_utc, self._acting)

    def reopen(self, item_ids: Sequence[int], actor: Actor, now_utc: datetime, why: str) -> int:
        """A person's wish: failed, set-aside and stopped items wait again; how many did.

        Their count of attempts begins again at 0; the attempts themselves stay.
        """
        reopened = 0
        with self._transactions.writing() as writing:
            for part in in_parts(sorted(set(item_ids))):
                query = (
                    select(ItemRow)
                    .where(ItemRow.item_id.in_(part), ItemRow.state.in_(REOPENED))
                    .order_by(ItemRow.item_id)
                    .with_for_update()
                )
                for item in writing.session.scalars(query):
                    before = {"state": item.state, "attempts": item.attempts}
                    item.state, item.attempts, item.not_before_utc = "waiting", 0, now_utc
                    writing.note(
                        Entry(
                            at_utc=now_utc,
                            actor=actor.name,
                            act="reopen",
                            subject=str(item.item_id),
                            before=before,
                            after={"state": "waiting"},
                            reason=why,
                        )
                    )
                    reopened += 1
        return reopened

    def attempts(self, item_id: int) -> list[Attempt]:
        """All attempts at an item, first to last."""
        with self._transactions.reading() as session:
            return read_attempts(session, self._sealing, item_id)

    def attempts_since(self, since_utc: datetime) -> list[Attempt]:
        """Attempts that ended since then, by end."""
        with self._transactions.reading() as session:
            return read_attempts_since(session, self._sealing, since_utc)

    def counts(self) -> Mapping[WorkState, int]:
        """Items by state; a state without any has 0."""
        with self._transactions.reading() as session:
            return read_counts(session)

    def result_of(self, result_key: str) -> str | None:
        """Folder of the result with this content key, None when none is registered."""
        with self._transactions.reading() as session:
            return read_folder(session, self._sealing, result_key)

    def slide_paths(self, slide_id: str) -> list[Path]:
        """Places that a slide was read from, the first one first."""
        with self._transactions.reading() as session:
            return read_slide_paths(session, self._sealing, slide_id)
