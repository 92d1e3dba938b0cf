"""Seconds per stage, for provenance and for planning nights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter


@dataclass(slots=True, kw_only=True)
class Clock:
    """When the work on a slide began and what each stage took."""

    started_utc: str = field(
        default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds")
    )
    timings_s: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to ``name``."""
        start = perf_counter()
        try:
            yield
        finally:
            spent = perf_counter() - start
            self.timings_s[name] = round(self.timings_s.get(name, 0.0) + spent, 3)
