"""One order, carried to its end: a failure is an outcome, never a missing row.

Runs in a worker process. Opens its own slide, returns paths and small records.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from pathology import __version__
from pathology.errors import ModelRefused, OutputError, SlideError, UsageError
from pathology.pipeline import identity
from pathology.pipeline.eyes import chosen_models, reading_of, weights_in_use
from pathology.pipeline.outcome import Carried, failure
from pathology.pipeline.peak import forget_peak, peak_gib
from pathology.pipeline.settings import settings_sha256
from pathology.pipeline.version import source_commit
from pathology.pipeline.write_result import (
    Labels,
)
from pathology.records.order import RunOptions, SlideOrder
from pathology.records.settings.run import RunSettings
from pathology.records.summary import SummaryRow
from pathology.slides.find import files_of

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All a worker needs to know about one order."""

    # Hidden from repr: dask writes out the arguments of what fails, and a path may be a name.
    order: SlideOrder = field(repr=False)
    options: RunOptions = field(repr=False)
    settings: RunSettings = field(repr=False)
    pseudonym_key: bytes | None = field(repr=False)


def carried(job: Job, work: Callable[[Labels], T]) -> T | Carried:
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
