"""What a night tells of itself: to the ledger while it runs, as pages and a document at its end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pathology.errors import LedgerError, OutputError
from pathology.ledger.open import OpenLedger
from pathology.nightly.clock import NightClock
from pathology.nightly.desk import Desk
from pathology.nightly.document import night_document
from pathology.nightly.draft_words import drafts_told
from pathology.nightly.drafting import Drafting
from pathology.nightly.incidents import Incidents
from pathology.nightly.journal import tell
from pathology.nightly.metrics import Metrics
from pathology.nightly.options import NightSettings
from pathology.nightly.page import page
from pathology.nightly.summarise import Account, account_of, drift_of, parts_of
from pathology.nightly.surroundings import Surroundings
from pathology.pipeline.night_files import forget_old_nights, write_night
from pathology.records.drafting import DraftCounts
from pathology.records.night import Window
from pathology.records.night_summary import NightEnd, NightSummary
from pathology.records.reasons import Language
from pathology.records.shift import Shift

LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")
TELL_S: Final = 5.0
"""How often the shift's own words are made anew; they leave with the next sign of life."""


@dataclass(slots=True, kw_only=True)
class Reporter:
    """One night's voice. The loop's thread uses it."""

    settings: NightSettings
    shift: Shift
    window: Window | None
    clock: NightClock
    incidents: Incidents
    folder: Path
    workers: int
    drafting: Drafting | None = None  # once there is a crew; None: no drafts are made
    _told_at: float = 0.0
    _steps: int = 0
    _address: str | None = None
    _expected_utc: datetime | None = None
    _free_gib: float | None = None
    _sources: Mapping[str, int] = field(default_factory=dict)

    def begun(self, desk: Desk, address: str | None) -> None:
        """The first words, before anything is at work."""
        self._address = address
        desk.told = self._words(desk, None)

    def tick(
        self, desk: Desk, around: Surroundings, dashboard: str | None, metrics: Metrics
    ) -> None:
        """Now and then: words for others, numbers for Prometheus, a clock that was set."""
        if time.monotonic() - self._told_at < TELL_S:
            return
        self._told_at = time.monotonic()
        self._free_gib = around.free_gib
        self._sources = around.counts
        self._note_clock()
        around.told(metrics, self.window)
        self._foresee(desk)
        desk.told = self._words(desk, dashboard)

    def _foresee(self, desk: Desk) -> None:
        """When all will be done, as foreseen once the first worklist was read."""
        if self._expected_utc is None and desk.view.expected_s > 0:
            seconds = desk.view.expected_s / self.workers
            self._expected_utc = self.clock.now() + timedelta(seconds=seconds)

    def _note_clock(self) -> None:
        for _, step in self.clock.steps[self._steps :]:
            self.incidents.add("clock-stepped", seconds=round(step.total_seconds()))
        self._steps = len(self.clock.steps)

    def _words(self, desk: Desk, dashboard: str | None) -> dict[str, object]:
        def moment(when: datetime | None) -> str | None:
            return None if when is None else when.isoformat(timespec="seconds")

        view = desk.view
        return {
            "night": None if self.window is None else self.window.night.isoformat(),
            "since": moment(self.since_utc),
            "window_ends": moment(self.window.ends_utc if self.window else None),
            "expected_end": moment(self._expected_utc),
            "dashboard": dashboard,
            "metrics": self._address,
            "at_work": view.held,
            "not_begun": {
                "too-late": len(view.decision.too_late),
                "too-long": len(view.decision.too_long),
                "no-room": len(view.decision.no_room),
                "pausing": len(view.decision.pausing),
                "place-away": len(view.unreachable),
            },
            "sources": dict(self._sources),
            "free_gib": self._free_gib,
            "drafts": drafts_told(self._drafts),
            "incidents": [
                {"at": moment(one.at_utc), "code": one.code, "facts": dict(one.facts)}
                for one in self.incidents.all[-20:]
            ],
        }

    @property
    def _drafts(self) -> DraftCounts | None:
        return None if self.drafting is None else self.drafting.counts

    @property
    def since_utc(self) -> datetime:
        """Since when outcomes belong to this night: also those of a process that died in it."""
        began = self.shift.began_utc
        return began if self.window is None else min(self.window.begins_utc, began)

    def ended(self, ledger: OpenLedger, desk: Desk, end: NightEnd, out: Path) -> NightSummary:
        """Let go of the lock, write the summary, say the last words."""
        self._note_clock()
        try:
            account = account_of(ledger.work, self.since_utc, self.settings.nightly.drift.days)
        except LedgerError:
            account = Account()
        summary = self._summary(account, desk, end)
        name = self._write(summary)
        words = {**self._words(desk, None), "end": end, "exit_code": summary.exit_code}
        try:
            ledger.shifts.end(self.shift.shift_id, self.clock.now(), {**words, "summary": name})
        except LedgerError as problem:
            tell("shift-left-open", shift=self.shift.shift_id, detail=type(problem).__name__)
        tell("night-ends", shift=self.shift.shift_id, end=end, number=summary.done)
        return summary

    def _summary(self, account: Account, desk: Desk, end: NightEnd) -> NightSummary:
        nightly, view = self.settings.nightly, desk.view
        parts = parts_of(account, view.decision, view.unreachable)
        return NightSummary(
            shift_id=self.shift.shift_id,
            night=self.window.night if self.window else None,
            zone=nightly.window.zone,
            actor=self.shift.actor,
            began_utc=self.shift.began_utc,
            ended_utc=self.clock.now(),
            window_ends_utc=self.window.ends_utc if self.window else None,
            expected_end_utc=self._expected_utc,
            end=end,
            done=parts.done,
            kept=parts.kept,
            failed=parts.failed,
            set_aside=parts.set_aside,
            stopped=parts.stopped,
            not_begun=parts.not_begun,
            stages=parts.stages,
            drift=drift_of(account, nightly.drift),
            incidents=self.incidents.all,
            counts=account.counts,
            free_gib=self._free_gib,
            reserve_gib=nightly.storage.reserve_gib,
            tissue_mm2=parts.tissue_mm2,
            overhead_s=view.busy_s,
            drafts=self._drafts,
        )

    def _write(self, summary: NightSummary) -> str | None:
        """The name under which the summary lies; None where it could not be written."""
        day = summary.night or summary.began_utc.date()
        name = f"night-{day}-{summary.shift_id}"
        pages: dict[str, str] = {language: page(summary, language) for language in LANGUAGES}
        try:
            write_night(self.folder, name, night_document(summary), pages)
        except OutputError as problem:
            tell("summary-not-written", detail=type(problem).__name__)
            return None
        forget_old_nights(self.folder, self.settings.nightly.retention.summaries_days)
        return name
