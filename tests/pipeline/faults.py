"""Faults that really happen to a crew: processes found and killed as the system would."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from pathology.pipeline import store
from pathology.pipeline.crew import Crew
from pathology.pipeline.roster import Ended, Roster
from pathology.pipeline.run_slide import Job
from pathology.pipeline.settings import load_settings
from pathology.records.order import RunOptions, SlideOrder
from pathology.records.settings.run import RunSettings
from tests import painted
from tests.sites import classical

PATIENCE_S = 240.0
"""For what takes a second or two on an idle machine."""


def settings(**running: float) -> RunSettings:
    """Classical settings, with other values in [running]."""
    own = classical(load_settings())
    changed = dataclasses.replace(own.site.running, **running)
    return dataclasses.replace(own, site=dataclasses.replace(own.site, running=changed))


def job_of(slide: Path, out: Path, own: RunSettings | None = None) -> Job:
    """An order for the Ki-67 index of a slide."""
    store.prepare_output(out)
    return Job(
        order=SlideOrder(path=slide, analysis="ki67", marker="ki67", marker_source="user"),
        options=RunOptions(out=out, device="cpu"),
        settings=own or settings(),
        pseudonym_key=None,
    )


def tiny_slide(path: Path, seed: int = 0) -> Path:
    """A slide that is done in a second or two."""
    pixels = painted.paint_nuclei(width=512, height=384, seed=seed).pixels
    return painted.write_tiff(path, pixels, mpp=0.5)


def no_slide(path: Path) -> Path:
    """A file that is refused as soon as it is opened."""
    path.write_text(f"no slide: {path.name}")
    return path


@contextmanager
def a_crew(workers: int, own: RunSettings | None = None) -> Iterator[Crew]:
    """A crew of processes on this machine."""
    roster = Roster(workers=workers)
    with Crew(roster, (own or settings()).site, lambda _: None) as crew:
        yield crew


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for something to come true."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def all_ended(crew: Crew, items: int) -> dict[int, Ended]:
    """What became of so many items; each must be told once."""
    told: dict[int, Ended] = {}
    deadline = time.monotonic() + PATIENCE_S
    while len(told) < items:
        assert time.monotonic() < deadline, f"only {sorted(told)} ended of {crew._had}"
        for end in crew.ended(0.5):
            assert end.item not in told, f"item {end.item} was told twice"
            told[end.item] = end
    return told


def scheduler(crew: Crew) -> psutil.Process:
    """The foreman of a crew: scheduler and nannies live in it."""
    foreman = crew._force.cluster.foreman
    assert foreman is not None
    return psutil.Process(foreman.pid)


def workers(crew: Crew) -> list[psutil.Process]:
    """Processes that work on slides."""
    found = []
    for child in scheduler(crew).children():
        with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):  # one that is on its way out
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def worker_at_work(crew: Crew, item: int) -> int:
    """The process that has an item, once it told that it began."""

    def begun() -> bool:
        assert crew.ended(0.01) == [], "something ended too early"
        return crew.worker_pid(item) is not None

    until(begun, f"item {item} was not begun")
    pid = crew.worker_pid(item)
    assert pid is not None
    return pid


def kill(pid: int) -> None:
    """As the kernel does when memory runs out."""
    os.kill(pid, signal.SIGKILL)


def hang(pid: int) -> None:
    """The process is there and does nothing, like one that waits for a dead network share."""
    os.kill(pid, signal.SIGSTOP)
