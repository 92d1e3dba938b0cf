"""Speed of whole runs on one very large painted slide, with the share of each stage, as Markdown.

    scripts/bench gpu --device cuda                              (100,000 x 80,000 px, 150 mm²)
    scripts/bench gpu --device cpu --side 12000 --height 10000   (as far as patience goes)
    scripts/bench gpu --models FOLDER --nuclei NAME --tissue NAME

A slide at 0.25 µm/px is painted from one repeated block of nuclei for each analysis, on H&E for
infiltration and on DAB for Ki-67, and analysed by ``pathology run`` in a process of its own.
Without ``--nuclei`` and ``--tissue`` the models are those of the shipped settings. Stages come from
``run.json``; how busy a GPU is, from ``nvidia-smi`` twice a second while tiles are looked at.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pathology.config import shipped_configs
from tests.painted_large import MPP, write_large_slide

STAINS = {"infiltration": "he", "ki67": "ihc-dab"}
ASK_GPU = (
    "nvidia-smi",
    "--query-gpu=name,utilization.gpu,memory.used",
    "--format=csv,noheader,nounits",
)
EVERY_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What a GPU said while it was watched, one value a question."""

    names: list[str] = field(default_factory=list)
    busy_percent: list[tuple[float, float]] = field(default_factory=list)  # when, how much
    memory_mib: list[tuple[float, float]] = field(default_factory=list)

    def while_tiles(self, end: float, timings_s: dict[str, float]) -> list[float]:
        """How busy it was while tiles were looked at: before the last stage, which writes."""
        last = end - timings_s.get("write", 0.0)
        first = last - timings_s["tiles"]
        return [busy for when, busy in self.busy_percent if first <= when <= last]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One analysis of the slide."""

    analysis: str
    tissue_mm2: float
    nuclei: int
    wall_s: float
    end: float  # on the clock that the GPU was watched by
    processor_s: float
    most_mib: float  # resident, of the largest process of the run
    told: dict[str, Any]  # run.json
    gpu: Watched


def main() -> None:
    """Paint, run, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--side", type=int, default=100_000, help="width of the slide, px")
    add("--height", type=int, default=80_000, help="its height, px")
    add("--tissue-mm2", type=float, default=150.0, help="at most; the rest of the rows is glass")
    add("--spacing-um", type=float, default=20.0, help="between nuclei; 20 make 2,500 a mm²")
    add("--analyses", nargs="+", choices=sorted(STAINS), default=["infiltration", "ki67"])
    add("--models", type=Path, help="folder of a site's own models")
    add("--nuclei", help="model of nuclei, for both analyses; 'classical' for none")
    add("--tissue", help="model of tissue")
    given = parser.parse_args()
    whole_mm2 = given.side * given.height * MPP**2 / 1e6
    share = min(1.0, given.tissue_mm2 / whole_mm2)
    print(f"Slide {given.side:,} x {given.height:,} px, {whole_mm2:.0f} mm², ", end="")
    print(f"{whole_mm2 * share:.0f} mm² of it tissue. Device: {given.device}.\n", flush=True)
    runs = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = own_settings(folder / "settings", given)
        for analysis in given.analyses:
            slide = write_large_slide(
                folder / f"{analysis}.tif",
                given.side,
                height=given.height,
                tissue=share,
                stain=STAINS[analysis],
                spacing_um=given.spacing_um,
            )
            runs.append(measured(slide, analysis, settings, given.device))
            slide.unlink()
    tell(runs)


def own_settings(folder: Path, given: argparse.Namespace) -> Path:
    """The shipped site settings with the models that were asked for."""
    folder.mkdir()
    text = (shipped_configs() / "site.toml").read_text(encoding="utf-8")
    wanted = {
        "folder": None if given.models is None else str(given.models.absolute()),
        "nuclei_he": given.nuclei,
        "nuclei_ihc": given.nuclei,
        "tissue_he": given.tissue,
    }
    for key, value in wanted.items():
        if value is not None:
            line = f"{key} = {json.dumps(value)}"
            text = re.sub(rf"^{key} = .*$", lambda _, new=line: new, text, flags=re.MULTILINE)
    (folder / "site.toml").write_text(text, encoding="utf-8")
    return folder


def measured(slide: Path, analysis: str, settings: Path, device: str) -> Run:
    """``pathology run`` on the slide, watched."""
    out = slide.parent / f"out-{analysis}"
    words = ["run", str(slide), "--analysis", analysis, "--out", str(out), "--device", device]
    words += ["--settings", str(settings), "--workers", "1"]
    start = time.perf_counter()
    with watched_gpu() as gpu:
        used = finished([sys.executable, "-m", "pathology", *words])
        end = time.perf_counter()
    (result,) = {path.parent for path in out.glob("*/*/run.json")}
    findings = json.loads((result / "findings.json").read_text(encoding="utf-8"))
    return Run(
        analysis=analysis,
        tissue_mm2=findings["quality"]["tissue_mm2"],
        nuclei=nuclei_in(result / "cells.parquet"),
        wall_s=end - start,
        end=end,
        processor_s=used.ru_utime + used.ru_stime,
        most_mib=used.ru_maxrss / 1024,
        told=json.loads((result / "run.json").read_text(encoding="utf-8")),
        gpu=gpu,
    )


def finished(command: list[str]) -> resource.struct_rusage:
    """What a command used, with all of its own processes; the tables stay alone on stdout."""
    child = subprocess.Popen(command, stdout=sys.stderr)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return used


def nuclei_in(cells: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(cells).num_rows)


@contextmanager
def watched_gpu() -> Iterator[Watched]:
    """Ask the GPU again and again while the block runs; nothing is noted where there is none."""
    seen, done = Watched(), threading.Event()
    if shutil.which(ASK_GPU[0]) is None:
        yield seen
        return
    watcher = threading.Thread(target=_watch, args=(seen, done))
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def _watch(seen: Watched, done: threading.Event) -> None:
    while not done.wait(EVERY_S):
        answer = subprocess.run(ASK_GPU, capture_output=True, text=True, check=False)
        if answer.returncode:
            continue
        note(seen, answer.stdout)


def note(seen: Watched, answer: str) -> None:
    """Add what ``nvidia-smi`` says of the first GPU; what it does not know is left out."""
    name, busy, memory = (part.strip() for part in answer.splitlines()[0].rsplit(",", 2))
    seen.names.append(name)
    for column, text in ((seen.busy_percent, busy), (seen.memory_mib, memory)):
        if text.replace(".", "", 1).isdigit():
            column.append((time.perf_counter(), float(text)))


def tell(runs: list[Run]) -> None:
    """Tables: the whole, the stages, the networks' own times, the GPU."""
    print(
        "| analysis | tissue, mm² | nuclei | wall, s | mm²/s | tiles alone, mm²/s | processor, s "
        "| memory at most, MiB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for run in runs:
        tiles = run.told["timings_s"]["tiles"]
        print(
            f"| {run.analysis} | {run.tissue_mm2:.1f} | {run.nuclei:,} | {run.wall_s:.1f} "
            f"| {run.tissue_mm2 / run.wall_s:.2f} | {run.tissue_mm2 / max(tiles, 1e-3):.2f} "
            f"| {run.processor_s:.1f} | {run.most_mib:.0f} |"
        )
    print("\nStages follow one another; what is missing of the whole is the start of Python.\n")
    print("| analysis | stage | s | share of the wall time |\n|---|---|---|---|")
    for run in runs:
        for name, seconds in run.told["timings_s"].items():
            print(f"| {run.analysis} | {name} | {seconds:.1f} | {seconds / run.wall_s:.0%} |")
    _tell_networks(runs)
    _tell_gpu(runs)


def _tell_networks(runs: list[Run]) -> None:
    print("\nWithin the tiles, threads side by side: seconds do not add up.\n")
    print("| analysis | models | device | precision | batch | halved | part | s | share of tiles |")
    print("|---|---|---|---|---|---|---|---|---|")
    for run in runs:
        work = run.told.get("networks")
        names = ", ".join(model["name"] for model in run.told["models"])
        if work is None:
            print(f"| {run.analysis} | {names} | {run.told['device']} | – | – | – | – | – | – |")
            continue
        tiles = max(run.told["timings_s"]["tiles"], 1e-3)
        for part, seconds in work["seconds"].items():
            print(
                f"| {run.analysis} | {names} | {run.told['device']} "
                f"| {', '.join(sorted(set(work['precision'].values())))} | {work['batch_tiles']} "
                f"| {work['memory_halvings']} | {part} | {seconds:.1f} | {seconds / tiles:.0%} |"
            )


def _tell_gpu(runs: list[Run]) -> None:
    if not any(run.gpu.names for run in runs):
        print(f"\nNo GPU was to be seen; processor: {processor()}.")
        return
    print("\n| analysis | GPU | busy, median | busy, mean | memory at most, MiB |")
    print("|---|---|---|---|---|")
    for run in runs:
        busy = run.gpu.while_tiles(run.end, run.told["timings_s"])
        memory = [mib for _, mib in run.gpu.memory_mib]
        if busy and memory:
            print(
                f"| {run.analysis} | {run.gpu.names[0]} | {statistics.median(busy):.0f} % "
                f"| {statistics.fmean(busy):.0f} % | {max(memory):.0f} |"
            )
    print(f"\nProcessor: {processor()}.")


def processor() -> str:
    """Name and number of cores."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
