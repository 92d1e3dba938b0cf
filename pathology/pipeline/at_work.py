"""What a crew has workers do: runs inside a dask worker, one errand at a time."""

from __future__ import annotations

import os
import random
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Literal

from distributed import Worker, get_worker

from pathology.pipeline.outcome import Carried
from pathology.pipeline.run_slide import Job
from pathology.pipeline.stages import Part, conclude_from, look_at, look_at_part, run_slide
from pathology.records.progress import Progress, Tell

BORN: Final = time.monotonic()
LUCK: Final = random.random()  # noqa: S311 - spreads workers' ends, hides nothing
"""Where in the stagger this process's end lies."""

Stage = Literal["whole", "look", "conclude", "part"]
"""All at once; or a look and, elsewhere, its conclusions; or some of the tiles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What of an item one worker is to do, and where the folders of a look or of parts lie."""

    stage: Stage
    aside: Path | None = field(default=None, repr=False)  # written by "look" and "part"
    part: Part | None = None
    parts: tuple[Path, ...] = field(default=(), repr=False)  # joined by "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One errand for one worker. ``topic`` is the crew's own: others may use the scheduler too."""

    number: int  # of the errand, the crew's own
    job: Job = field(repr=False)
    errand: Errand
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a worker gives back. ``carried`` is None where more errands are to follow."""

    carried: Carried | None
    old: bool  # the worker has lived long enough
    pid: int


def at_work(task: Task) -> Answer:
    """Do one errand, telling the crew that it began and how far it is."""
    worker = get_worker()
    worker.log_event(task.topic, {"begun": {"number": task.number, "pid": os.getpid()}})
    carried = _done(task.job, task.errand, _teller(worker, task.topic))
    running = task.job.settings.site.running
    limit_s = running.worker_lifetime_s + LUCK * running.lifetime_stagger_s
    return Answer(carried=carried, old=time.monotonic() - BORN > limit_s, pid=os.getpid())


def _done(job: Job, errand: Errand, tell: Tell) -> Carried | None:
    if errand.aside is None:
        return run_slide(job, tell, errand.parts)
    if errand.stage == "conclude":
        return conclude_from(job, tell, errand.aside)
    if errand.part is not None:
        return look_at_part(job, tell, errand.aside, errand.part)
    return look_at(job, tell, errand.aside)


def _teller(worker: Worker, topic: str) -> Tell:
    def tell(step: Progress) -> None:
        worker.log_event(topic, {"step": asdict(step)})

    return tell
