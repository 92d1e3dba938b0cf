"""One order, carried to its end: a failure is an outcome, never a missing row.

Runs in a worker process. Opens its own slide, returns paths and small records.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter

from pathology import __version__
from pathology.errors import ModelRefused, OutputError, SlideError, UsageError
from pathology.exchange.cells_parquet import CellsWriter
from pathology.pipeline import identity, store
from pathology.pipeline.analyse import Bench, Looked, analyse
from pathology.pipeline.clock import Clock
from pathology.pipeline.eyes import chosen_models, reading_of, weights_in_use
from pathology.pipeline.flags import flags_of
from pathology.pipeline.outcome import Carried, failure, success
from pathology.pipeline.peak import forget_peak, peak_gib
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


def run_slide(job: Job, tell: Tell) -> Carried:
    """What came of one order, whatever happens to it."""
    return carried(job, lambda labels: _done_before(job, labels) or _analysed(job, labels, tell))


def carried(job: Job, work: Callable[[Labels], Carried]) -> Carried:
    """What ``work`` makes of a slide that is labelled; a failure is an outcome as well."""
    start, labels = perf_counter(), None
    forget_peak()
    try:
        labels = label(job)
        return work(labels)
    except SlideError as problem:
        error = problem
    except OutputError as problem:
        error = SlideError("-", "output-failed", {"detail": str(problem)})
    except ModelRefused as problem:
        error = SlideError("-", "model-refused", {"detail": str(problem)})
    except UsageError as problem:
        error = SlideError("-", "wrong-region", {"detail": str(problem)})
    except Exception as bug:  # noqa: BLE001 - one of two: a bug must not end the night
        # The place, not the message: a message may hold a path, and a path a patient's name.
        error = SlideError("-", "bug", {"detail": f"{type(bug).__name__} at {place_of(bug)}"})
        known = place_id(job) if labels is None else labels.slide_id
        log.error("%s: %s", known, error.text())  # noqa: TRY400 - no traceback, see above
    known = place_id(job) if labels is None else labels.slide_id
    return Carried(
        outcome=failure(error, labels, peak_gib=peak_gib()),
        row=failed(job, known, error, seconds=perf_counter() - start),
    )


def lost(job: Job, problem: SlideError) -> Carried:
    """What is told of an order whose worker cannot tell anything; no file is read for it."""
    return Carried(outcome=failure(problem, None), row=failed(job, place_id(job), problem))


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
    digest, stamp = identity.content_digest(files), identity.change_stamp(files)
    hidden = job.pseudonym_key
    slide_id = (
        identity.pseudonym(digest, hidden) if hidden else identity.slide_id(order.path, digest)
    )
    settings = settings_sha256(job.settings, order.analysis)
    whole_key = identity.content_key(
        {
            "digest": digest,
            "changed": stamp,
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
        stamp=stamp,
        key=whole_key[: identity.KEY_CHARACTERS],
        content_key=whole_key,
        settings_sha256=settings,
        models=models,
        file_name=None if hidden else order.path.name,
        language=job.options.language,
    )


def _done_before(job: Job, labels: Labels) -> Carried | None:
    folder = store.result_folder(job.options.out, labels.slide_id, job.order.analysis, labels.key)
    if job.options.force or not folder.is_dir():
        return None
    if unreadable_tiles(folder):  # the advice was to copy the file again: look whether it helped
        return None
    return _whole(job, labels, folder, None)


def _whole(job: Job, labels: Labels, folder: Path, looked: Looked | None) -> Carried:
    """What is told of a whole result; ``looked`` is None where it was there before."""
    out = job.options.out
    return Carried(
        outcome=success(folder, out, labels, looked, peak_gib=peak_gib()),
        row=summary_of(folder, out, state="kept" if looked is None else "done"),
    )


def _analysed(job: Job, labels: Labels, tell: Tell) -> Carried:
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
        check_unchanged(job, labels)
    return _whole(job, labels, final, looked)


def check_unchanged(job: Job, labels: Labels) -> None:
    """Refuse a result whose slide was replaced while it was looked at.

    Its numbers would be of one file, and its digest of another.

    Raises
    ------
    SlideError
        "slide-changed".
    """
    files = files_of(job.order.path)
    now = identity.content_digest(files), identity.change_stamp(files)
    if now != (labels.digest, labels.stamp):
        raise SlideError(labels.slide_id, "slide-changed")


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
