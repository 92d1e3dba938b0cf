"""Seconds and peak memory of exports: ``scripts/bench exporting [NUCLEI]``.

A made-up result: nuclei of twelve points on a slide of 100,000 x 80,000 px at 0.25 µm/px. Each
format is written by a process of its own, as by ``pathology export``; memory is that process's
peak resident set, Python and its libraries included.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from pathology.exchange.cells_parquet import CellsWriter
from pathology.exchange.documents import write_json
from pathology.exchange.findings_json import findings_document, run_document
from pathology.exchange.maps_zarr import GridMap, write_maps
from pathology.exchange.regions_geojson import write_regions
from tests.exchange.examples import nuclei, result, slide_info, square_region

WIDTH, HEIGHT, MPP, CORNERS, TILE = 100_000, 80_000, 0.25, 12, 20_000
FORMATS = ("geojson", "csv", "csv --outlines", "parquet", "ome-zarr", "dicom", "fhir", "hl7")
READ = """
import sys
from pathlib import Path
from pathology.exchange.cells_back import read_cells_geojson
print(len(read_cells_geojson(Path(sys.argv[1]))))
"""


def make_result(folder: Path, count: int) -> None:
    told = result(info=slide_info(width=WIDTH, height=HEIGHT, mpp=MPP))
    write_json(folder / "findings.json", findings_document(told), "findings-1")
    write_json(folder / "run.json", run_document(told), "run-1")
    write_regions(folder / "regions.geojson", [square_region()])
    classes = np.ones((HEIGHT // 32, WIDTH // 32), np.uint8)
    write_maps(
        folder / "maps.zarr", {"tissue_class": GridMap(pixels=classes, downsample=32, mpp=8)}
    )
    with CellsWriter(folder / "cells.parquet") as writer:
        for seed in range(-(-count // TILE)):
            some = spread(min(TILE, count - seed * TILE), seed)
            none = np.full(len(some), "")
            writer.add(some, excluded_by=none, regions=[["tumour"]] * len(some))


def spread(count: int, seed: int):
    """Nuclei anywhere on the slide: no order of the table helps."""
    some = nuclei(count, seed=seed, corners=CORNERS)
    centres = np.random.default_rng(seed).uniform((50, 50), (WIDTH - 50, HEIGHT - 50), (count, 2))
    shift = np.repeat(centres - some.centre_px0, CORNERS, axis=0)
    moved = (some.outline_px0 + shift).astype(np.float32)
    return replace(some, centre_px0=centres, outline_px0=moved)


def measured(words: list[str | Path]) -> tuple[float, float]:
    """Wall-clock seconds and peak MiB of a process."""
    begun = time.perf_counter()
    child = subprocess.Popen([sys.executable, *map(str, words)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, words
    return time.perf_counter() - begun, used.ru_maxrss / 1024


def size(path: Path) -> tuple[float, int]:
    """MiB and number of files."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(p.stat().st_size for p in files) / 2**20, len(files)


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "slide" / "ki67-00000000"
        folder.mkdir(parents=True)
        make_result(folder, count)
        print(f"{count:,} nuclei of {CORNERS} points, {WIDTH:,} x {HEIGHT:,} px at {MPP} µm/px")
        print("| format | seconds | peak MiB | written MiB | files |\n|---|---|---|---|---|")
        for number, words in enumerate(FORMATS):
            out = Path(place) / f"out{number}"
            command = ["-m", "pathology", "export", folder, "--to", *words.split(), "--out", out]
            seconds, peak = measured(command)
            paths = [p for p in out.iterdir() if p.name != "DRAFT.txt"]
            told, files = map(sum, zip(*map(size, paths), strict=True))
            print(f"| {words} | {seconds:.1f} | {peak:.0f} | {told:.0f} | {files} |", flush=True)
            if words == "geojson":
                seconds, peak = measured(["-c", READ, *paths])
                print(f"| geojson, read back | {seconds:.1f} | {peak:.0f} | - | - |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
