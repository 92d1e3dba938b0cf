"""Results and drafts that came since somebody last looked are put on the desk.

Whatever made them (a night, a run by hand, a draft that was asked for), they lie in the results
folder; the worklist finds them there. What was put on the desk once is not put there again.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import Final

from pathology.errors import CaseRefused, UsageError
from pathology.pipeline.desk_cases import (
    DeskOrder,
    case_name,
    is_draft,
    put_on_desk,
    report_folder,
)
from pathology.records.actor import Actor
from pathology.records.case_review import Change
from pathology.review.desk import CaseDesk, Desk
from pathology.review.shelf import Shelf

LOOK_AGAIN_S: Final = 10.0
SOFTWARE: Final = "software"
NAMESPACE: Final = uuid.UUID("5b0d3f0e-2f43-4c0a-9a4e-6a1f6f0f6b52")
"""Of request ids that are made of what is put on the desk: the same is asked for once."""


class NewCases:
    """Asked before the worklist is shown. Safe to share between threads."""

    def __init__(self, desk: Desk, shelf: Shelf) -> None:
        self._desk, self._shelf = desk, shelf
        self._known: dict[str, str] = {}
        self._looked_at = float("-inf")
        self._lock = Lock()

    def look(self, actor: Actor) -> None:
        """Put on the desk what is new; by an account that may, else nothing happens.

        Raises
        ------
        LedgerAway
            Try again.
        """
        cases = self._desk.cases
        if cases is None or not self._desk.gate.allows(actor, "open-case", None):
            return
        with self._lock:
            if time.monotonic() - self._looked_at < LOOK_AGAIN_S:
                return
            for case_id, stamp in self._stamps(cases):
                if self._known.get(case_id) != stamp:
                    self._put(cases, case_id, stamp, actor)
                    self._known[case_id] = stamp
            self._looked_at = time.monotonic()

    def _stamps(self, cases: CaseDesk) -> Iterator[tuple[str, str]]:
        """Each case with what its software results and its drafts are."""
        found: dict[str, list[str]] = {}
        for key in self._shelf.listed():
            result = self._shelf.told(key)
            if result is not None and result.case_id and result.author == SOFTWARE:
                found.setdefault(result.case_id, []).append(result.result_id)
        return iter(self._with_drafts(cases, found).items())

    def _with_drafts(self, cases: CaseDesk, found: Mapping[str, list[str]]) -> dict[str, str]:
        stamps = {}
        for case_id, results in found.items():
            folder = report_folder(cases.place.out, case_name(cases.ledger, case_id), case_id)
            drafts = sorted(p.name for p in folder.glob("report-v*.json") if is_draft(p))
            told = "\n".join([case_id, *sorted(results), *drafts])
            stamps[case_id] = hashlib.sha256(told.encode()).hexdigest()
        return stamps

    def _put(self, cases: CaseDesk, case_id: str, stamp: str, actor: Actor) -> None:
        name = case_name(cases.ledger, case_id)
        try:
            version = cases.ledger.case(name).line.version
        except CaseRefused:
            version = 0
        change = Change(
            by=actor,
            request_id=str(uuid.uuid5(NAMESPACE, stamp)),
            seen_version=version,
            now_utc=datetime.now(UTC),
        )
        try:
            put_on_desk(
                cases.ledger, DeskOrder(out=cases.place.out, case_id=case_id), cases.rules, change
            )
        except (CaseRefused, UsageError):
            return  # signed already, or a result that is not whole: nothing is renewed
