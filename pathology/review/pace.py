"""How often somebody may ask: a bucket each, filled at a steady rate."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import Final

REMEMBERED: Final = 10_000
"""Names kept at one time; the one that asked longest ago is forgotten, and has a full bucket."""


class Pace:
    """At most ``burst`` at once and ``a_second`` in the long run, for each name."""

    def __init__(self, *, a_second: float, burst: float) -> None:
        self._rate, self._burst = a_second, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def allows(self, name: str) -> bool:
        """Whether one more is not too many; it is counted then."""
        with self._lock:
            now = time.monotonic()
            left, at = self._left.pop(name, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._rate)
            allowed = left >= 1
            self._left[name] = (left - 1 if allowed else left, now)
            while len(self._left) > REMEMBERED:
                self._left.popitem(last=False)
            return allowed
