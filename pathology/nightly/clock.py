"""The night's clock: wall time that never runs backwards, and says when the wall's did."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

STEP: Final = timedelta(seconds=2)
"""Smaller corrections are what time servers do all night."""


def _wall() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class NightClock:
    """Time for leases, pauses and the night's end.

    A clock that is set back (by hand, or by a time server after a bad start) would make leases and
    pauses last an hour longer, and the night run into the morning. So time goes on by the monotonic
    clock from where it was; one that is set forward is followed. ``steps`` has what was seen.
    """

    wall: Callable[[], datetime] = _wall
    ticks: Callable[[], float] = time.monotonic
    steps: list[tuple[datetime, timedelta]] = field(default_factory=list)
    _last: datetime | None = None
    _tick: float = 0.0
    _behind: timedelta = timedelta()
    _lock: Lock = field(default_factory=Lock)

    def now(self) -> datetime:
        """The moment; aware, in UTC, never before one that was told. Any thread may ask."""
        with self._lock:
            wall, tick = self.wall(), self.ticks()
            if self._last is None:
                now = wall
            else:
                steady = self._last + timedelta(seconds=tick - self._tick)
                self._note(steady, steady - wall)
                now = max(wall, steady)
            self._last, self._tick = now, tick
            return now

    def _note(self, steady: datetime, behind: timedelta) -> None:
        step = behind - self._behind
        if abs(step) > STEP:
            self.steps.append((steady, -step))
        self._behind = max(behind, timedelta())
