"""Memory and time of a whole run on painted slides of growing size.

    scripts/bench running [--sides 20000 40000] [--tissue 1.0] [--spacing-um 20] [--settings FOLDER]

A slide of ``side`` x ``side`` px at 0.25 µm/px is painted from one repeated block of nuclei (its
tiles are encoded once, so painting is quick), analysed in a process of its own, and the peak
memory of the largest process of the run is read from the kernel's account (``VmHWM``).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from tests.painted_large import write_large_slide


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[20_000, 40_000])
    parser.add_argument("--tissue", type=float, default=1.0, help="share of the rows with tissue")
    parser.add_argument("--spacing-um", type=float, default=20, help="between nuclei")
    parser.add_argument("--settings", type=Path, help="a site's own, for classical eyes")
    given = parser.parse_args()
    print("| side, px | mm² | nuclei | peak of the largest process, MiB | wall, s | s/mm² |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for side in given.sides:
            slide = write_large_slide(
                Path(folder) / f"{side}.tif", side, tissue=given.tissue, spacing_um=given.spacing_um
            )
            told = measured_run(slide, Path(folder) / f"out-{side}", given.settings)
            area = (side * 0.25 / 1000) ** 2 * given.tissue
            print(
                f"| {side:,} | {area:.0f} | {told.nuclei:,} | {told.peak_mib:.0f} "
                f"| {told.wall_s:.0f} | {told.wall_s / area:.2f} |",
                flush=True,
            )


class Measured:
    """What a run took."""

    def __init__(self, peak_mib: float, wall_s: float, nuclei: int) -> None:
        self.peak_mib, self.wall_s, self.nuclei = peak_mib, wall_s, nuclei


def measured_run(slide: Path, out: Path, settings: Path | None) -> Measured:
    """Run ``pathology run`` on one slide with one worker and watch its processes."""
    import pyarrow.parquet as pq

    words = ["-m", "pathology", "run", str(slide), "--analysis", "ki67", "--workers", "1"]
    words += [] if settings is None else ["--settings", str(settings)]
    start = time.perf_counter()
    process = psutil.Popen([sys.executable, *words, "--out", str(out)])
    peaks: dict[int, float] = {}
    watching = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process, peaks, watching))
    watcher.start()
    code = process.wait()
    wall = time.perf_counter() - start
    watching.set()
    watcher.join()
    if code:
        raise SystemExit(f"the run failed with {code}")
    (cells,) = out.glob("*/*/cells.parquet")
    return Measured(max(peaks.values()) / 2**20, wall, pq.read_metadata(cells).num_rows)


def _watch(process: psutil.Process, peaks: dict[int, float], done: threading.Event) -> None:
    while not done.wait(0.1):
        for member in (process, *_children(process)):
            status = Path(f"/proc/{member.pid}/status")
            try:
                lines = status.read_text().splitlines()
            except OSError:
                continue
            for line in lines:
                if line.startswith("VmHWM:"):
                    peaks[member.pid] = float(line.split()[1]) * 1024


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


if __name__ == "__main__":
    main()
