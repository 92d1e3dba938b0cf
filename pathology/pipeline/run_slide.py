"""One order, carried to its end: a failure is an outcome, never a missing row.

Runs in a worker process. Opens its own slide, returns paths and small records.
"""

from __future__ import annotations

import logging
import os
import traceback
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter

from pathology import __version__
from pathology.errors import ModelRefused, OutputError, SlideError, UsageError
from pathology.exchange.cells_parquet import CellsWriter
from pathology.pipeline import identity, store
from pathology.pipeline.analyse import Bench, analyse
from pathology.pipeline.clock import Clock
from pathology.pipeline.eyes import chosen_models, reading_of, weights_in_use
from pathology.pipeline.flags import flags_of
from pathology.pipeline.picture import draw
from pathology.pipeline.settings import settings_sha256
from pathology.pipeline.version import source_commit
from pathology.pipeline.write_result import (
    Labels,
    Sources,
    summary_of,
    unreadable_tiles,
    write_result,
)
from pathology.records.order import RunOptions, SlideOrder
from pathology.records.progress import Progress, Tell
from pathology.records.settings.run import RunSettings
from pathology.records.summary import SummaryRow
from pathology.slides.find import files_of
from pathology.slides.open import open_slide

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All a worker needs to know about one order."""

    # Hidden from repr: dask writes out the arguments of what fails, and a path may be a name.
    order: SlideOrder = field(repr=False)
    options: RunOptions = field(repr=False)
    settings: RunSettings = field(repr=False)
    pseudonym_key: bytes | None = field(repr=False)


def run_slide(job: Job, tell: Tell) -> SummaryRow:
    """The row of ``summary.csv`` for one order, whatever happens to it."""
    start = perf_counter()
    known = place_id(job)
    try:
        labels = label(job)
        known = labels.slide_id
        row = _done_before(job, labels) or _analysed(job, labels, tell)
    except SlideError as problem:
        return failed(job, known, problem, seconds=perf_counter() - start)
    except OutputError as problem:
        error = SlideError(known, "output-failed", {"detail": str(problem)})
        return failed(job, known, error, seconds=perf_counter() - start)
    except ModelRefused as problem:
        error = SlideError(known, "model-refused", {"detail": str(problem)})
        return failed(job, known, error, seconds=perf_counter() - start)
    except UsageError as problem:
        error = SlideError(known, "wrong-region", {"detail": str(problem)})
        return failed(job, known, error, seconds=perf_counter() - start)
    except Exception as bug:  # noqa: BLE001 - one of two: a bug must not end the night
        # The place, not the message: a message may hold a path, and a path a patient's name.
        error = SlideError(known, "bug", {"detail": f"{type(bug).__name__} at {place_of(bug)}"})
        log.error("%s: %s", known, error.text())  # noqa: TRY400 - no traceback, see above
        return failed(job, known, error, seconds=perf_counter() - start)
    return row


def place_of(bug: Exception) -> str:
    """The innermost line of ours that a bug passed through, as file:line."""
    frames = traceback.extract_tb(bug.__traceback__)
    ours = [f for f in frames if f"{os.sep}pathology{os.sep}" in f.filename] or list(frames)
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "unknown"


def place_id(job: Job) -> str:
    """Id of an order whose slide could not be read far enough for one: made from its place."""
    return identity.place_id(job.order.path, job.pseudonym_key)


def label(job: Job) -> Labels:
    """Id, digest and key of an order; cheap: no pixel is decoded, no network read."""
    order = job.order
    models = chosen_models(job.settings, order.analysis)
    files = files_of(order.path)
    digest = identity.content_digest(files)
    hidden = job.pseudonym_key
    slide_id = (
        identity.pseudonym(digest, hidden) if hidden else identity.slide_id(order.path, digest)
    )
    settings = settings_sha256(job.settings, order.analysis)
    key = identity.result_key(
        {
            "digest": digest,
            "changed": identity.change_stamp(files),
            "marker": [order.marker, order.marker_source],
            "case": order.case_id,
            "mpp": None if order.said is None else [order.said.mpp, order.said.source],
            "region": identity.file_digest(order.within),
            "settings": settings,
            "weights": weights_in_use(models),
            "reading": reading_of(models),
            "software": [__version__, source_commit()],
        }
    )
    return Labels(
        slide_id=slide_id,
        digest=digest,
        key=key,
        settings_sha256=settings,
        models=models,
        file_name=None if hidden else order.path.name,
        language=job.options.language,
    )


def _done_before(job: Job, labels: Labels) -> SummaryRow | None:
    folder = store.result_folder(job.options.out, labels.slide_id, job.order.analysis, labels.key)
    if job.options.force or not folder.is_dir():
        return None
    if unreadable_tiles(folder):  # the advice was to copy the file again: look whether it helped
        return None
    return summary_of(folder, job.options.out, state="kept")


def _analysed(job: Job, labels: Labels, tell: Tell) -> SummaryRow:
    order, options, clock = job.order, job.options, Clock()
    final = store.result_folder(options.out, labels.slide_id, order.analysis, labels.key)
    tell(Progress(task=labels.slide_id, stage="open"))
    with (
        open_slide(
            order.path, slide_id=labels.slide_id, scale=job.settings.site.scale, said=order.said
        ) as slide,
        store.whole_or_absent(options.out, final) as folder,
    ):
        with CellsWriter(folder / "cells.parquet") as cells:
            bench = Bench(
                settings=job.settings,
                models=labels.models,
                device=options.device,
                cells=cells,
                tell=tell,
                clock=clock,
            )
            looked = analyse(slide, order, bench)
        tell(Progress(task=labels.slide_id, stage="write"))
        work = looked.seen.eyes.work
        sources = Sources(
            labels=labels,
            cells=folder / "cells.parquet",
            flags=flags_of(looked.seen),
            device="cpu" if work is None else work.device,
            draw=partial(draw, slide, looked),
        )
        write_result(folder, looked.seen, sources, clock)
    return summary_of(final, options.out, state="done")


def failed(job: Job, known: str, problem: SlideError, *, seconds: float = 0.0) -> SummaryRow:
    """The row of an order that came to nothing, with its reason."""
    return SummaryRow(
        slide="" if job.pseudonym_key else job.order.path.name,
        slide_id=known,
        analysis=job.order.analysis,
        state="failed",
        reason_code=problem.code,
        reason=problem.text(),
        reason_zh=problem.text("zh"),
        seconds=round(seconds, 1),
    )
