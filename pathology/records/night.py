"""What the night decides with, and what it decides. Times are aware and in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One night, from ``begins_utc`` until before ``ends_utc``."""

    night: date  # the site's date on which it begins: its name
    begins_utc: datetime
    ends_utc: datetime

    @property
    def length(self) -> timedelta:
        """How long it lasts; an hour more or less where clocks change."""
        return self.ends_utc - self.begins_utc

    def holds(self, moment_utc: datetime) -> bool:
        """Whether it is night then."""
        return self.begins_utc <= moment_utc < self.ends_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of one night, as the settings and the window give them."""

    slots: int  # slides in flight at once
    attempts: int  # begun this often without a result, a slide is set aside
    first_pause: timedelta  # before the second attempt
    pause_growth: float  # each pause over the one before it
    longest_pause: timedelta
    ends_utc: datetime | None = None  # nothing begins that would end later; None: no end
    longest: timedelta | None = None  # a slide that takes longer fits into no night
    ageing: timedelta | None = None  # having waited so long, a slide counts as urgent; None: never
    reserve_gib: float = 0.0  # of the disk, left free

    def __post_init__(self) -> None:
        if self.slots < 1 or self.attempts < 1:
            raise ValueError("slots and attempts must be 1 or more")
        if self.pause_growth < 1 or not timedelta(0) < self.first_pause <= self.longest_pause:
            raise ValueError("pauses must be positive, grow, and not begin above their cap")
        if self.ageing is not None and self.ageing <= timedelta(0):
            raise ValueError("ageing must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a slide is expected to take. Seconds of one worker; ``gib`` of the output's disk."""

    seconds: float
    low_s: float
    high_s: float
    gib: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is so at this moment, beside the worklist."""

    now_utc: datetime
    owner: str  # as in the leases this night takes
    running: frozenset[int] = frozenset()  # items that this night's own workers hold
    expected: Mapping[int, Expected] = field(default_factory=dict)  # by item id
    free_gib: float = inf  # of the output's disk


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do now, by item ids. Only ``start``, ``stop`` and ``set_aside`` ask for deeds."""

    start: tuple[int, ...] = ()  # claim and begin, in this order
    stop: tuple[int, ...] = ()  # claim, and finish as "stopped": orders that are held
    set_aside: tuple[int, ...] = ()  # claim, and finish as transient with no retry: lost too often
    ready: tuple[int, ...] = ()  # would begin if a slot were free, in their order
    pausing: tuple[int, ...] = ()  # after a failure, until their pause ends
    too_late: tuple[int, ...] = ()  # would end after this night
    too_long: tuple[int, ...] = ()  # longer than a whole night: a person must run them
    no_room: tuple[int, ...] = ()  # the disk would fall below its reserve
    look_again_utc: datetime | None = None  # when time alone changes the answer; None: never

    @property
    def is_over(self) -> bool:
        """Whether nothing can begin any more, now or after a pause; what runs may still run."""
        return not (self.start or self.stop or self.set_aside or self.ready or self.pausing)
