"""What a crew has workers do: runs inside a dask worker, one slide at a time."""

from __future__ import annotations

import os
import random
import time
from dataclasses import asdict, dataclass, field
from typing import Final

from distributed import Worker, get_worker

from pathology.pipeline.outcome import Carried
from pathology.pipeline.run_slide import Job, run_slide
from pathology.records.progress import Progress, Tell

BORN: Final = time.monotonic()
LUCK: Final = random.random()  # noqa: S311 - spreads workers' ends, hides nothing
"""Where in the stagger this process's end lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One item for one worker. ``topic`` is the crew's own: others may use the scheduler too."""

    item: int
    attempt: int  # of this crew; tells late news of an earlier one apart
    job: Job = field(repr=False)
    topic: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a worker gives back; ``old`` where it has lived long enough."""

    carried: Carried
    old: bool


def at_work(task: Task) -> Answer:
    """Carry out one item, telling the crew that it began and how far it is."""
    worker = get_worker()
    begun = {"item": task.item, "attempt": task.attempt, "pid": os.getpid()}
    worker.log_event(task.topic, {"begun": begun})
    running = task.job.settings.site.running
    carried = run_slide(task.job, _teller(worker, task.topic))
    limit_s = running.worker_lifetime_s + LUCK * running.lifetime_stagger_s
    return Answer(carried=carried, old=time.monotonic() - BORN > limit_s)


def _teller(worker: Worker, topic: str) -> Tell:
    def tell(step: Progress) -> None:
        worker.log_event(topic, {"step": asdict(step)})

    return tell
