"""The protocol of the ledger: the database is the truth, everything else carries it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from pathology.records.actor import Act, Actor
from pathology.records.audit import AuditLine, ChainReport
from pathology.records.shift import Shifts
from pathology.records.work import (
    Attempt,
    Enrolled,
    Lease,
    Outcome,
    WorkItem,
    WorkOrder,
    WorkState,
)


class WorkLedger(Protocol):
    """The worklist. Every method is one transaction, committed with its lines of the audit chain.

    Every change but a heartbeat is a line.

    Times are handed in (``now_utc``), never taken from the database's clock.
    """

    def enrol(self, orders: Iterable[WorkOrder], actor: Actor, now_utc: datetime) -> Enrolled:
        """Add orders; one of the same path, analysis and order id that is known stays as it is."""
        ...

    def items(
        self, states: Sequence[WorkState] = (), ids: Sequence[int] | None = None, after: int = 0
    ) -> list[WorkItem]:
        """Items in these states (all when empty) and of these ids, enrolled after one; by id."""
        ...

    def items_of_cases(
        self, *, received_since_utc: datetime | None = None, with_items: Sequence[int] = ()
    ) -> list[WorkItem]:
        """Every item of each case that has an item received since then, or one of these; by id.

        However long the ledger is, only these are unsealed.
        """
        ...

    def claim(self, item_id: int, owner: str, now_utc: datetime, lease: timedelta) -> Lease | None:
        """The lease of a waiting item, or of one whose lease ran out; None if another was first.

        Begins an attempt.
        """
        ...

    def heartbeat(self, lease: Lease, now_utc: datetime, longer: timedelta) -> Lease | None:
        """The lease until ``now_utc + longer``; None when it has been lost to another."""
        ...

    def finish(
        self, lease: Lease, outcome: Outcome, now_utc: datetime, retry_utc: datetime | None
    ) -> bool:
        """End the attempt. False when the lease was lost: then nothing is changed.

        done -> done, with its result registered by content key (once); refused -> failed;
        stopped -> stopped; transient -> waiting from ``retry_utc`` on, set-aside when None.
        """
        ...

    def release(self, lease: Lease, now_utc: datetime) -> None:
        """Give an item back unattempted: the night ended before it began."""
        ...

    def reopen(self, item_ids: Sequence[int], actor: Actor, now_utc: datetime, why: str) -> int:
        """A person's wish: failed, set-aside and stopped items wait again; how many did."""
        ...

    def attempts(self, item_id: int) -> list[Attempt]:
        """All attempts at an item, first to last."""
        ...

    def attempts_since(self, since_utc: datetime) -> list[Attempt]:
        """Attempts that ended since then, by end: the night's summary and 30 days of drift."""
        ...

    def counts(self) -> Mapping[WorkState, int]:
        """Items by state."""
        ...

    def result_of(self, result_key: str) -> str | None:
        """Folder of the result with this content key, None when none is registered."""
        ...


class AuditTrail(Protocol):
    """The append-only chain."""

    def append(
        self,
        *,
        actor: str,
        act: str,
        subject: str,
        now_utc: datetime,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        reason: str = "",
    ) -> AuditLine:
        """Chain one more line."""
        ...

    def lines(self, first: int = 1, last: int | None = None) -> Iterable[AuditLine]:
        """Lines by number."""
        ...

    def verify(self) -> ChainReport:
        """Read all lines and the anchor; every fault by line."""
        ...


class Accounts(Protocol):
    """Who there is, and what they may do."""

    def actor(self, name: str) -> Actor:
        """The account of this name.

        Raises
        ------
        NotAllowed
            There is none, or it is closed.
        """
        ...

    def require(self, actor: Actor, act: Act) -> None:
        """Nothing if the actor may do it; a refusal is audited.

        Raises
        ------
        NotAllowed
            The actor's roles do not allow the act.
        """
        ...


class Ledger(Protocol):
    """The archive, opened. Closing it closes the database."""

    @property
    def work(self) -> WorkLedger:
        """The worklist."""
        ...

    @property
    def shifts(self) -> Shifts:
        """Who works through the night."""
        ...

    @property
    def audit(self) -> AuditTrail:
        """The chain."""
        ...

    @property
    def accounts(self) -> Accounts:
        """Who may do what."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...
