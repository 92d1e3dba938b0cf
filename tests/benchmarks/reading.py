"""Reading speed against OpenSlide, tiffslide and bare decoding, as Markdown.

scripts/bench reading [SLIDE.svs ...]

All contenders read the same stored tiles in turns, round after round, in one process and one
thread; the figure is stored tiles per second of processor time, so other work on the machine
disturbs it little. Files are opened before the clock starts and are in the system's cache.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import simplejpeg
import tifffile
import tiffslide
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from pathology.records.geometry import Box
from pathology.records.settings.scale import ScaleSettings
from pathology.slides.open import open_slide

ROUNDS = 7
AT_LEAST = 4096  # tiles a reader reads in all: a small slide is read in more rounds
SIDE_PX, TILE_PX = 8192, 256
SUPER_PX = 1024
SCALE = ScaleSettings(
    source="bounds of the benchmark",
    finest_mpp=0.05,
    coarsest_mpp=20.0,
    anisotropy_tolerance=0.02,
    disagreement=0.3,
    objective_um=10.0,
)
BARE = "bare loop: pread and decode, nothing kept"
TOGETHER = "bare loop that also puts 4 x 4 tiles together"
ALIGNED = "pathology, one stored tile a box"
SUPER = "pathology, super-tiles of 4 x 4 stored tiles"
CROSSING = "pathology, boxes of 1024 px across the borders of tiles"
HALO = "pathology, super-tiles with 64 px more on every side"
OPENSLIDE = "OpenSlide, super-tiles of 4 x 4 stored tiles"
OPENSLIDE_CROSSING = "OpenSlide, boxes of 1024 px across the borders of tiles"
HALF = "pathology at half scale (decoded small)"
SHRUNK = "pathology, decoded whole and shrunk to half"
RESAMPLED = "pathology at downsample 1.98 (area mean)"
Contender = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A slide of one JPEG level and where its tiles lie."""

    path: Path
    width: int
    height: int
    tile_px: int
    places: tuple[tuple[int, int], ...]  # offset, byte count; row by row
    prefix: bytes  # what an abbreviated tile lacks

    @property
    def super_px(self) -> int:
        """Side of a super-tile: as many whole stored tiles as fit in ``SUPER_PX``."""
        return SUPER_PX // self.tile_px * self.tile_px

    @property
    def rounds(self) -> int:
        return max(ROUNDS, -(-AT_LEAST // len(self.places)))


def texture(side_px: int, seed: int = 0) -> NDArray[np.uint8]:
    """Coloured noise as fine as nuclei and fibres: about 22 kB a tile in JPEG at quality 85."""
    rng = np.random.default_rng(seed)
    part = min(side_px, 2048)
    planes = [
        ndimage.gaussian_filter(rng.normal(0, 1, (part, part)), 1.0, mode="wrap") for _ in range(3)
    ]
    noise = np.stack(planes, axis=2)
    field = np.clip(noise / noise.std() * 22 + 170, 0, 255).astype(np.uint8)
    return np.tile(field, (side_px // part, side_px // part, 1))


def write_synthetic(path: Path) -> Path:
    tifffile.imwrite(
        path,
        texture(SIDE_PX),
        tile=(TILE_PX, TILE_PX),
        photometric="rgb",
        compression="jpeg",
        compressionargs={"level": 85},
        subsampling=(2, 2),
        resolution=(20000, 20000),
        resolutionunit="CENTIMETER",
    )
    return path


def stored(path: Path) -> Stored:
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        tables = (page.jpegtables or b"").removeprefix(b"\xff\xd8").removesuffix(b"\xff\xd9")
        colour = b"\x00" if page.photometric == 2 else b"\x01"
        adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + colour
        return Stored(
            path=path,
            width=page.imagewidth,
            height=page.imagelength,
            tile_px=page.tilewidth,
            places=tuple(zip(page.dataoffsets, page.databytecounts, strict=True)),
            prefix=b"\xff\xd8" + adobe + tables,
        )


def grid(slide: Stored, side: int, downsample: int = 1) -> list[Box]:
    columns = range(0, slide.width // downsample, side)
    return [
        Box(x, y, side, side) for y in range(0, slide.height // downsample, side) for x in columns
    ]


def contenders(slide: Stored, stack: ExitStack) -> dict[str, Contender]:
    descriptor = os.open(slide.path, os.O_RDONLY)
    stack.callback(os.close, descriptor)
    ours = stack.enter_context(open_slide(slide.path, slide_id="bench", scale=SCALE))
    theirs = stack.enter_context(openslide.OpenSlide(slide.path))
    tiffs = stack.enter_context(tiffslide.TiffSlide(slide.path))
    tile = slide.tile_px
    across = -(-slide.width // tile)
    side = slide.super_px

    def decoded(offset: int, count: int) -> NDArray[np.uint8]:
        return simplejpeg.decode_jpeg(slide.prefix + os.pread(descriptor, count, offset)[2:])

    def bare() -> None:
        for offset, count in slide.places:
            decoded(offset, count)

    def together() -> None:
        step, down = slide.super_px // tile, len(slide.places) // across
        for top in range(0, down, step):
            for left in range(0, across, step):
                whole = np.empty((step * tile, step * tile, 3), np.uint8)
                for row in range(top, min(top + step, down)):
                    for column in range(left, min(left + step, across)):
                        y, x = (row - top) * tile, (column - left) * tile
                        pixels = decoded(*slide.places[row * across + column])
                        whole[y : y + tile, x : x + tile] = pixels

    def swept(boxes: list[Box], downsample: float) -> Contender:
        return lambda: drained(ours.sweep(boxes, downsample=downsample))

    def shrunk() -> None:
        for region in ours.sweep(grid(slide, side), downsample=1.0):
            np.asarray(Image.fromarray(region.pixels).reduce(2))

    def read_by(handle: Any, side_px: int) -> Contender:
        def run() -> None:
            for box in grid(slide, side_px):
                np.asarray(handle.read_region((box.x, box.y), 0, (side_px, side_px)))[..., :3]

        return run

    crossing: dict[str, Contender] = {
        CROSSING: swept(grid(slide, SUPER_PX), 1.0),
        OPENSLIDE_CROSSING: read_by(theirs, SUPER_PX),
    }
    return {
        BARE: bare,
        TOGETHER: together,
        ALIGNED: swept(grid(slide, tile), 1.0),
        SUPER: swept(grid(slide, side), 1.0),
        HALO: swept([box.grown(64) for box in grid(slide, side)], 1.0),
        "OpenSlide, one stored tile a call": read_by(theirs, tile),
        OPENSLIDE: read_by(theirs, side),
        **(crossing if side != SUPER_PX else {}),
        "tiffslide, one stored tile a call": read_by(tiffs, tile),
        "tiffslide, super-tiles of 4 x 4 stored tiles": read_by(tiffs, side),
        HALF: swept(grid(slide, side // 2, 2), 2.0),
        SHRUNK: shrunk,
        RESAMPLED: swept(grid(slide, 512, 2), 1.98),
    }


def drained(regions: Iterator[object]) -> None:
    for _ in regions:
        pass


def measured(slide: Stored) -> dict[str, list[float]]:
    """Stored tiles per second of processor time, one figure a round."""
    rates: dict[str, list[float]] = {}
    with ExitStack() as stack:
        runs = contenders(slide, stack)
        for run in runs.values():
            run()  # file and code into the caches
        for _ in range(slide.rounds):
            for name, run in runs.items():
                start = time.process_time()
                run()
                seconds = time.process_time() - start
                rates.setdefault(name, []).append(len(slide.places) / seconds)
    return rates


def half_scale_difference(slide: Stored) -> tuple[float, int]:
    """Mean and largest difference of the half-scale pixels from decoded whole and shrunk."""
    with open_slide(slide.path, slide_id="bench", scale=SCALE) as ours:
        side = min(slide.width, slide.height, 2048) // 2
        small = ours.read(Box(0, 0, side, side), downsample=2.0).pixels
        whole = ours.read(Box(0, 0, 2 * side, 2 * side)).pixels
    apart = np.abs(small.astype(int) - np.asarray(Image.fromarray(whole).reduce(2)))
    return float(apart.mean()), int(apart.max())


def report(slide: Stored, what: str) -> None:
    rates = measured(slide)
    kilobytes = sum(count for _, count in slide.places) / len(slide.places) / 1024
    print(
        f"## {what}\n\n{slide.width} x {slide.height} px, {len(slide.places)} stored JPEG tiles of"
    )
    print(f"{slide.tile_px} px, {kilobytes:.1f} kB each. {slide.rounds} rounds.\n")
    print("| reader | tiles per CPU second, median | lowest to highest | of the bare loop |")
    print("|---|---|---|---|")
    for name, rate in rates.items():
        share = ratio(rates, name, BARE)
        low, high = min(rate), max(rate)
        print(f"| {name} | {statistics.median(rate):.0f} | {low:.0f}-{high:.0f} | {share:.2f} |")
    mean, largest = half_scale_difference(slide)
    print(f"\nSuper-tiles against OpenSlide's: {ratio(rates, SUPER, OPENSLIDE):.1f} times as fast;")
    if CROSSING in rates:
        times = ratio(rates, CROSSING, OPENSLIDE_CROSSING)
        print(f"boxes across the borders of tiles: {times:.1f} times;")
    print(f"against putting bare tiles together: {ratio(rates, SUPER, TOGETHER):.2f}.")
    print(f"Half scale against decode and shrink: {ratio(rates, HALF, SHRUNK):.2f} times as fast;")
    print(f"the pixels differ by {mean:.2f} grey levels in the mean, {largest} at most.\n")


def ratio(rates: dict[str, list[float]], name: str, other: str) -> float:
    """Median over the rounds of one rate over another of the same round."""
    return statistics.median(a / b for a, b in zip(rates[name], rates[other], strict=True))


def main() -> None:
    print("# Reading speed\n")
    print(f"`scripts/bench reading`, Python {platform.python_version()},")
    print(f"OpenSlide {openslide.__library_version__}, tiffslide {tiffslide.__version__},")
    print(
        f"{os.cpu_count()} processor cores ({processor()}). Ratios are medians over the rounds.\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        synthetic = write_synthetic(Path(folder) / "synthetic.tif")
        report(stored(synthetic), "A synthetic slide with the entropy of tissue")
    for path in sys.argv[1:]:
        report(stored(Path(path)), f"{Path(path).name}, a real slide")


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((v.split(":")[1].strip() for v in lines if v.startswith("model name")), "unknown")


if __name__ == "__main__":
    main()
