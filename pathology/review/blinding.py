"""What the AI found stays hidden from a reader who has an own reading to tell first."""

from __future__ import annotations

import time
from threading import Lock
from typing import Final

from pathology.errors import CaseRefused
from pathology.pipeline.desk_cases import case_name
from pathology.records.actor import Actor
from pathology.records.case_review import ReviewCase
from pathology.records.result import StoredResult
from pathology.review.desk import Desk

FREE_S: Final = 30.0
"""For so long what was free to be seen is not asked about again: a view asks many times a second.
What is hidden is asked about each time, so that a reading told opens the overlays at once."""
KEPT: Final = 4096


class Blinding:
    """Asked for every answer that tells what the AI found. Safe to share between threads."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._free: dict[tuple[str, str], float] = {}
        self._lock = Lock()

    def hidden(self, actor: Actor, result: StoredResult) -> frozenset[str]:
        """Findings of a result that this reader must not be told now, by id: all or none.

        Where one must be read first all of them wait: the index over fields tells the other one.
        Those who decide nothing (technicians) have no reading that could be biased.
        """
        key = actor.name, result.result_id
        with self._lock:
            if time.monotonic() - self._free.get(key, float("-inf")) < FREE_S:
                return frozenset()
        case = self.case_of(result)
        if case is None:  # one that comes onto the desk later is asked about at once
            return frozenset()
        found = self._asked(actor, result, case)
        if not found:
            with self._lock:
                if len(self._free) >= KEPT:
                    self._free.clear()
                self._free[key] = time.monotonic()
        return found

    def case_of(self, result: StoredResult) -> ReviewCase | None:
        """The case on the desk that a result belongs to; None where it is not on the desk."""
        desk = self._desk.cases
        if desk is None or result.case_id is None:
            return None
        try:
            return desk.ledger.case(case_name(desk.ledger, result.case_id))
        except CaseRefused:
            return None

    def _asked(self, actor: Actor, result: StoredResult, case: ReviewCase) -> frozenset[str]:
        desk = self._desk.cases
        if desk is None or not self._desk.gate.allows(actor, "review-case", None):
            return frozenset()
        keys = desk.ledger.hidden_from(case, actor.name)
        of_it = any(key.result_id == result.result_id for key in keys)
        older = bool(keys) and case.result(result.result_id) is None  # it tells as much
        return frozenset(f.id for f in result.findings) if of_it or older else frozenset()
