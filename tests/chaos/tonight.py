"""A night under test: a process of its own, its family, and what is done to them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil

from tests.night_site import NightSite

STOPS: Final = Path(__file__).parent / "stops"
PATIENCE_S: Final = 480.0
"""For what takes some seconds on an idle machine."""


class Stop(NamedTuple):
    """Where a process stops: who, before which event of Python's, on which path."""

    who: str  # "worker" or "night"
    event: str
    place: str  # a regular expression


STAGES: Final = {
    "opening the slide": Stop("worker", "open", r"\.tif$"),
    "looking at tiles": Stop("worker", "os.mkdir", r"/\.unfinished/[^/]+$"),
    "writing regions": Stop("worker", "open", r"regions\.geojson"),
    "writing cells": Stop("worker", "os.rename", r"cells\.parquet"),
    "writing maps": Stop("worker", "os.mkdir", r"nucleus_density/0/c$"),
    "writing the run": Stop("worker", "os.rename", r"run\.json"),
    "between write and rename": Stop("worker", "os.rename", r"/\.unfinished/[^/]+$"),
    "after the rename": Stop("worker", "open", r"/out/P[^/]+$"),
}
"""Of a worker with a slide."""
STAGES_OF_NIGHT: Final = {
    "moving the anchor": Stop("night", "os.rename", r"anchor"),
    "writing the summary": Stop("night", "os.rename", r"/nights/"),
}
"""Of the run itself; whatever was at work meanwhile goes on or dies with it."""


class Tonight:
    """One night that runs. ``end`` gives its exit code."""

    def __init__(self, site: NightSite, process: subprocess.Popen[bytes], said: Path) -> None:
        self.site, self.process, self.said = site, process, said

    def family(self) -> list[psutil.Process]:
        """The night, its foreman, and the workers."""
        try:
            night = psutil.Process(self.process.pid)
            return [night, *night.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def foreman(self) -> psutil.Process:
        """Scheduler and nannies."""
        return next(p for p in self.family() if "pathology.pipeline.foreman" in _words(p))

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for something to come true while the night goes on."""
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            if self.process.poll() is not None:
                raise AssertionError(f"the night ended before: {what}\n{self.said.read_text()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"in vain: {what}\n{self.said.read_text()}")
            time.sleep(0.02)

    def stopped(self) -> int:
        """The process that stopped where it was told to, once it has."""
        seen = Path(self.site.more["CHAOS_SEEN"])
        self.until(lambda: seen.exists() and bool(seen.read_text()), "nobody came to the stop")
        return int(seen.read_text())

    def events(self) -> list[dict[str, Any]]:
        """The night's log so far."""
        lines: list[dict[str, Any]] = []
        with suppress(FileNotFoundError):
            for line in (self.site.out / "nights" / "night.jsonl").read_text().splitlines():
                with suppress(json.JSONDecodeError):  # the last may be half written
                    lines.append(json.loads(line))
        return lines

    def until_told(self, event: str) -> None:
        """Wait for an event of the log."""
        self.until(lambda: any(e["event"] == event for e in self.events()), event)

    def until_done(self, number: int) -> None:
        """Wait for so many results."""
        self.until(lambda: len(self.site.results) >= number, f"{number} results")

    def kill(self, whom: str, stopped: int) -> None:
        """kill -9 of "worker" (that stopped), "scheduler", "run"; or, all at once, "power"."""
        if whom == "worker":
            os.kill(stopped, signal.SIGKILL)
        elif whom == "scheduler":
            self.foreman().kill()
        elif whom == "run":
            self.process.kill()
        else:
            for process in self.family():
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        if whom in ("run", "power"):
            self.process.wait()

    def end(self) -> int:
        """Wait for its end; the exit code."""
        try:
            code = self.process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end\n{self.said.read_text()}") from None
        said = self.said.read_text()
        assert "Traceback" not in said, said
        return code


def _words(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return process.cmdline()
    return []


def stop_words(stop: Stop, nth: int, folder: Path) -> dict[str, str]:
    """The environment of a night in which a process stops."""
    return {
        "CHAOS_STOP": f"{stop.who} {stop.event} {stop.place} {nth}",
        "CHAOS_SEEN": str(folder / "stopped"),
        **with_stops(),
    }


def with_stops() -> dict[str, str]:
    """Python of every process finds what makes it stop."""
    paths = [str(STOPS), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {"PYTHONPATH": os.pathsep.join(paths)}


@contextmanager
def small_disk(place: Path, mib: int) -> Iterator[None]:
    """A disk of its own for a folder; only root may do this."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "none", str(place)], check=True
    )  # fmt: skip
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill_up(place: Path) -> Path:
    """Take all that is free; the file that took it."""
    path = place / "filler"
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * max(4096, shutil.disk_usage(place).free))
    return path
