"""What is to leave: one row for each signed version, form and destination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from pathology.records.actor import Actor
from pathology.records.signed_report import SignedReport

OutboxState = Literal["waiting", "sent", "dead"]
"""waiting: to be tried from ``not_before_utc`` on; sent: the other side has confirmed it; dead:
nobody tries again until a person asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    """A signed version on its way."""

    item_id: int
    case: str
    version: int
    format: str
    destination: str
    state: OutboxState
    tries: int
    not_before_utc: datetime
    last_problem: str = ""


class Outbox(Protocol):
    """The ledger's list of what leaves; senders carry it out. Each change is a line."""

    def items(self, states: Sequence[OutboxState] = ()) -> list[OutboxItem]:
        """Items in these states (all when empty), by id."""
        ...

    def take(self, now_utc: datetime, hold_s: float, most: int = 20) -> list[OutboxItem]:
        """Items that are due; no other sender gets them within ``hold_s`` seconds."""
        ...

    def report(self, item_id: int) -> SignedReport:
        """The signed version that the item carries; LedgerError where its hash does not hold."""
        ...

    def sent(self, item_id: int, now_utc: datetime, confirmed: str) -> None:
        """The other side has it; ``confirmed`` is what it answered, without identities."""
        ...

    def failed(
        self, item_id: int, now_utc: datetime, problem: str, again_utc: datetime | None
    ) -> None:
        """It did not go; it is tried from ``again_utc`` on, and is dead when that is None."""
        ...

    def again(self, item_ids: Sequence[int], actor: Actor, now_utc: datetime, why: str) -> int:
        """A person's wish: dead items wait again, at once; how many did."""
        ...
