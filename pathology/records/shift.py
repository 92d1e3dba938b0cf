"""A shift: one process that works through a night, and what it says of itself meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Who works, since when, and until when it counts as alive. Times are aware and in UTC."""

    shift_id: int
    owner: str  # as in the leases it takes
    actor: str
    began_utc: datetime
    alive_until_utc: datetime
    ended_utc: datetime | None = None
    told: Mapping[str, object] = field(default_factory=dict)  # plain values without any identity

    def alive(self, now_utc: datetime) -> bool:
        """Whether it goes on, as far as anybody can know."""
        return self.ended_utc is None and now_utc < self.alive_until_utc


class Shifts(Protocol):
    """The ledger's lock of the night, and its window for other processes."""

    def begin(
        self, owner: str, actor: str, now_utc: datetime, lease: timedelta, *, alone: bool
    ) -> Shift:
        """A new shift; or, when it must be ``alone``, the living one of another owner.

        One transaction: of two that begin at once, one gets the other's.
        """
        ...

    def keep(
        self, shift_id: int, now_utc: datetime, longer: timedelta, told: Mapping[str, object]
    ) -> bool:
        """A sign of life, and what it tells; False when it has been ended by somebody else."""
        ...

    def end(self, shift_id: int, now_utc: datetime, told: Mapping[str, object]) -> None:
        """The shift is over; ``told`` is its last word. A second end changes nothing."""
        ...

    def newest(self, most: int = 10) -> list[Shift]:
        """Shifts, the newest first."""
        ...
