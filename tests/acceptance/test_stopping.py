"""Ctrl-C and kill -9 leave whole results or none, and the next run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests import painted
from tests.acceptance.conftest import Finished, environment
from tests.acceptance.test_run import FILES

SLIDES = 3


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    """The first is done soon; the others take long enough to be met at work."""
    folder = tmp_path / "in"
    folder.mkdir()
    for i, (width, height) in enumerate([(512, 384), (1400, 1000), (1400, 1000)]):
        pixels = painted.paint_nuclei(width=width, height=height, seed=i).pixels
        painted.write_tiff(folder / f"slide {i}.tif", pixels, mpp=0.5)
    return folder


def started(folder: Path, out: Path, settings: Path) -> subprocess.Popen[bytes]:
    words = ["run", str(folder), "--analysis", "ki67", "--workers", "1", "--out", str(out)]
    words += ["--settings", str(settings)]
    return subprocess.Popen(
        [sys.executable, "-m", "pathology", *words],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def results(out: Path) -> list[Path]:
    return sorted(out.glob("*/ki67-*"))


def wait_for_results(out: Path, number: int) -> None:
    until(lambda: len(results(out)) >= number, "no result in four minutes")


def wait_for_work_on(out: Path, slide: int) -> None:
    """A slide is at work when something of it lies aside."""
    aside = out / ".unfinished"
    until(lambda: any(aside.glob(f"slide_{slide}-*/cells.parquet")), f"slide {slide} not begun")


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 240
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT], ids=["kill-9", "ctrl-c"])
def test_a_stopped_run_leaves_whole_results_and_the_next_goes_on(
    pathology: Callable[..., Finished],
    classical_site: Path,
    slides: Path,
    tmp_path: Path,
    stop: signal.Signals,
) -> None:
    out = tmp_path / "out"
    run = started(slides, out, classical_site)
    family = [psutil.Process(run.pid)]
    try:
        wait_for_results(out, 1)
        wait_for_work_on(out, 1)
        family += psutil.Process(run.pid).children(recursive=True)
        # A terminal's Ctrl-C reaches every process of the run, kill -9 only the one named.
        os.killpg(run.pid, stop) if stop == signal.SIGINT else os.kill(run.pid, stop)
        _, told = run.communicate(timeout=60)
        _, alive = psutil.wait_procs(family, timeout=60)
        assert alive == [], "processes outlive their run"
    finally:
        for process in family:
            if process.is_running():
                process.kill()
    assert b"Traceback" not in told
    before = results(out)
    assert 1 <= len(before) < SLIDES
    assert all({p.name for p in folder.iterdir()} == FILES for folder in before)
    second = pathology("run", slides, "--analysis", "ki67", "--workers", "1", out=out)
    assert second.code == 0, second.stdout
    states = [row["state"] for row in second.rows]
    assert sorted(states) == ["done"] * (SLIDES - len(before)) + ["kept"] * len(before)
    assert len(results(out)) == SLIDES


@pytest.mark.slow
def test_a_killed_worker_and_a_killed_scheduler_cost_new_tries_and_no_slide(
    slides: Path, classical_site: Path, tmp_path: Path
) -> None:
    """Out of memory, say: the kernel kills what it likes, and the run goes on."""
    out = tmp_path / "out"
    run = started(slides, out, classical_site)
    try:
        wait_for_work_on(out, 1)
        (worker,) = processes(run.pid, "spawn_main")
        worker.kill()
        wait_for_work_on(out, 2)  # it is in turn before the second try
        (scheduler,) = processes(run.pid, "pathology.pipeline.foreman")
        scheduler.kill()
        told, errors = run.communicate(timeout=240)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
    assert b"Traceback" not in errors
    assert run.returncode == 0, told + errors
    assert len(results(out)) == SLIDES


def processes(run: int, word: str) -> list[psutil.Process]:
    """Processes of a run by a word of their command line."""
    family = psutil.Process(run).children(recursive=True)
    return [child for child in family if word in " ".join(child.cmdline())]
