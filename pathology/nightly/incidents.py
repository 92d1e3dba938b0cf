"""What happened to the site tonight, gathered from all threads and told at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock
from typing import Final

from pathology.nightly.clock import NightClock
from pathology.nightly.journal import tell
from pathology.nightly.page_words import INCIDENTS
from pathology.records.night_summary import Incident

MOST: Final = 500
"""Kept; a night on which more happen is told by its first ones, and by the log."""


class Incidents:
    """The list of a night. Codes are those of ``page_words.INCIDENTS``."""

    def __init__(self, clock: NightClock, on_incident: Callable[[Incident], None]) -> None:
        self._clock, self._on_incident = clock, on_incident
        self._all: list[Incident] = []
        self._lock = Lock()

    def add(self, code: str, **facts: object) -> None:
        """One more; ``facts`` fill its wording and hold no identity."""
        if code not in INCIDENTS:
            raise ValueError(f"no incident {code}")
        told = {name: str(fact) for name, fact in facts.items()}
        incident = Incident(at_utc=self._clock.now(), code=code, facts=told)
        with self._lock:
            if len(self._all) < MOST:
                self._all.append(incident)
        tell("incident", level=logging.WARNING, code=code, **_known(told))
        self._on_incident(incident)

    @property
    def all(self) -> tuple[Incident, ...]:
        """Those so far, oldest first."""
        with self._lock:
            return tuple(self._all)


def _known(facts: dict[str, str]) -> dict[str, str]:
    return {name: fact for name, fact in facts.items() if name in ("seconds", "number", "detail")}
