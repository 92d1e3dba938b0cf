"""``summary.csv`` over several runs: one row per slide and analysis, the newest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathology.exchange.summary_csv import read_summary, write_summary
from pathology.pipeline.run_slide import Job, place_id
from pathology.pipeline.write_result import summary_of
from pathology.records.summary import SummaryRow

INTERRUPTED = "interrupted"
SUMMARY = "summary.csv"
RESULTS = "[!.]*/*-????????"
"""Folders of results in a folder for results: slide_id/analysis-key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The summary of an output folder while a run writes it.

    A slide analysed again (another scale, other settings) has its newest row only: nobody should
    have to choose between two numbers. Earlier results stay in their folders.
    """

    path: Path
    earlier: Sequence[SummaryRow]  # what stood there when the run began
    jobs: Sequence[Job]

    def write(self, rows: Iterable[SummaryRow]) -> None:
        """Write the rows of this run, and the earlier ones that none of them replaces."""
        fresh = list(rows)
        told = {(r.slide_id, r.analysis) for r in fresh if r.reason_code != INTERRUPTED}
        # A file that could not be read has an id by its place; now it may have one of its own.
        told |= {(place_id(job), job.order.analysis) for job in self.jobs}
        kept = [r for r in self.earlier if (r.slide_id, r.analysis) not in told]
        known = {(r.slide_id, r.analysis) for r in kept}
        new = [
            r
            for r in fresh
            if r.reason_code != INTERRUPTED or (r.slide_id, r.analysis) not in known
        ]
        write_summary(self.path, [*kept, *new])


def add_to_summary(out: Path, jobs: Sequence[Job], rows: Iterable[SummaryRow]) -> None:
    """Rows of these jobs into the summary of an output folder, beside those that stand there.

    Raises
    ------
    OutputError, UsageError
        It cannot be written, or what stands there is no summary.
    """
    path = out / SUMMARY
    Summary(path=path, earlier=read_summary(path), jobs=jobs).write(rows)


def rows_missing(out: Path) -> list[SummaryRow]:
    """Rows of whole results that the summary of their folder lacks: their run was killed.

    The newest of a slide and analysis, as its own run would have told it.

    Raises
    ------
    UsageError
        What stands there is no summary.
    """
    told = {(row.slide_id, row.analysis) for row in read_summary(out / SUMMARY)}
    newest: dict[tuple[str, str], Path] = {}
    for folder in sorted(out.glob(RESULTS), key=lambda one: one.stat().st_mtime):
        analysis = folder.name.rpartition("-")[0]
        if (folder.parent.name, analysis) not in told and (folder / "findings.json").is_file():
            newest[folder.parent.name, analysis] = folder
    return [summary_of(folder, out, state="done") for folder in newest.values()]
