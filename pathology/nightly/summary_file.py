"""``summary.csv`` of the results' folder while a night works: one row per slide and analysis."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pathology.errors import OutputError, UsageError
from pathology.nightly.journal import tell
from pathology.pipeline.run_slide import Job
from pathology.pipeline.summary import add_to_summary, rows_missing
from pathology.records.summary import SummaryRow

WRITE_S: Final = 60.0
"""The file is written whole each time: for thousands of slides not after every one."""


@dataclass(slots=True, kw_only=True)
class SummaryFile:
    """Rows of tonight beside those of earlier nights; the ledger is the truth, this is for people.

    Not written where several operators share the folder: it has one writer.
    """

    out: Path
    alone: bool
    _rows: dict[int, SummaryRow] = field(default_factory=dict)
    _jobs: dict[int, Job] = field(default_factory=dict)
    _written_at: float = field(default_factory=time.monotonic)
    _due: bool = False

    def add(self, item_id: int, job: Job, row: SummaryRow) -> None:
        """One more row; the newest of an item counts."""
        self._rows[item_id], self._jobs[item_id], self._due = row, job, True

    def write_if_due(self) -> None:
        """Now and then."""
        if self._due and time.monotonic() - self._written_at > WRITE_S:
            self.write()

    def finish(self) -> None:
        """At the night's end; also rows of results that a killed night could not tell any more."""
        self.write()
        if not self.alone:
            return
        try:
            if missing := rows_missing(self.out):
                add_to_summary(self.out, (), missing)
                tell("summary-csv-mended", number=len(missing))
        except (OutputError, UsageError, OSError, ValueError, KeyError) as problem:
            tell("summary-csv-not-written", detail=type(problem).__name__)

    def write(self) -> None:
        """Write it; a disk that is full costs nothing but this file's being late."""
        self._written_at = time.monotonic()
        if not (self.alone and self._due):
            return
        try:
            add_to_summary(self.out, tuple(self._jobs.values()), self._rows.values())
            self._due = False
        except (OutputError, UsageError) as problem:
            tell("summary-csv-not-written", detail=type(problem).__name__)
