"""Seconds that threads spend side by side, by what they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from time import perf_counter


class Stopwatch:
    """Adds up; safe to share between threads."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._lock = Lock()

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        """Add the time of the block to ``name``."""
        start = perf_counter()
        try:
            yield
        finally:
            spent = perf_counter() - start
            with self._lock:
                self._seconds[name] = self._seconds.get(name, 0.0) + spent

    def seconds(self) -> dict[str, float]:
        """What was added up so far."""
        with self._lock:
            return {name: round(spent, 3) for name, spent in self._seconds.items()}
