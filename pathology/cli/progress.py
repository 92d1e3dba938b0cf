"""Progress on a terminal as bars, elsewhere one line a slide."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from pathology.cli.messages import say
from pathology.pipeline.run import Watcher
from pathology.records.progress import Progress
from pathology.records.reasons import Language
from pathology.records.summary import SummaryRow


@contextmanager
def watching(slides: int, *, quiet: bool, language: Language) -> Iterator[Watcher]:
    """A watcher that shows a person how far the run is; silent with ``quiet``."""
    if quiet:
        yield Watcher(on_progress=lambda _: None, on_row=lambda _: None)
    elif sys.stdout.isatty():
        with _bars(slides, language) as watcher:
            yield watcher
    else:
        yield Watcher(
            on_progress=lambda _: None,
            on_row=lambda row: print(line(row, language), flush=True),
        )


def line(row: SummaryRow, language: Language) -> str:
    """One slide in one line."""
    if row.state == "failed":
        reason = row.reason_zh if language == "zh" else row.reason
        return say("failed", slide=row.slide_id, reason=reason)
    return say(row.state, slide=row.slide_id, answer=answer(row))


def answer(row: SummaryRow) -> str:
    """The first finding, as short as it may be: value with interval, or why there is none."""
    if row.not_measurable:
        return f"{row.finding} {say('not-measurable', reason=row.not_measurable)}"
    if row.value is None:
        return row.finding
    if row.unit == "fraction":
        low, high = 100 * (row.low or 0), 100 * (row.high or 0)
        return f"{row.finding} {100 * row.value:.1f} % ({low:.1f}-{high:.1f}), n = {row.whole}"
    return f"{row.finding} {row.value:.3g} {row.unit}"


@contextmanager
def _bars(slides: int, language: Language) -> Iterator[Watcher]:
    """One bar for the run, one for each slide at work. Called from several threads."""
    lock = threading.Lock()
    running: dict[str, TaskID] = {}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(), transient=True) as bars:
        whole = bars.add_task(say("whole-run"), total=slides)

        def on_progress(step: Progress) -> None:
            with lock:
                if step.task not in running:
                    running[step.task] = bars.add_task(step.task, total=None)
                bars.update(running[step.task], completed=step.done, total=step.total or None)

        def on_row(row: SummaryRow) -> None:
            with lock:
                if (task := running.pop(row.slide_id, None)) is not None:
                    bars.remove_task(task)
                bars.console.print(line(row, language), markup=False, highlight=False)
                bars.advance(whole)

        yield Watcher(on_progress=on_progress, on_row=on_row)
