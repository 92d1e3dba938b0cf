"""A slide in memory that counts what is asked of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pathology.config import load_record, shipped_configs
from pathology.records.geometry import Box, Mpp
from pathology.records.settings.tiles import TilesSettings
from pathology.records.slide import Level, Region, Scale, SlideFacts, SlideInfo
from pathology.records.tile import Survey
from pathology.tiles.overview import read_overview
from pathology.tiles.survey import survey

SETTINGS = load_record(shipped_configs() / "tiles.toml", TilesSettings)


class ArraySlide:
    """Pixels of an array as a slide; integer downsamples only."""

    def __init__(self, pixels: NDArray[np.uint8], mpp: float, *, fail_at: int | None = None):
        self.pixels, self.fail_at = pixels, fail_at
        self.swept: list[Box] = []
        self.threads: set[str] = set()
        height, width = pixels.shape[:2]
        level = Level(width=width, height=height, downsample=1.0, tile_width=256, tile_height=256)
        facts = SlideFacts(
            format="painted",
            backend="array",
            codec="raw",
            levels=(level,),
            stated_mpp=(mpp, mpp),
            magnification=None,
            scanner=None,
            files=(Path("painted"),),
        )
        self.info = SlideInfo(
            slide_id="painted",
            facts=facts,
            scale=Scale(mpp_x=mpp, mpp_y=mpp, source="file"),
        )

    def read(self, box: Box, *, downsample: float = 1.0) -> Region:
        step = int(downsample)
        whole = Box(box.x * step, box.y * step, box.width * step, box.height * step)
        out = np.full((whole.height, whole.width, 3), 255, np.uint8)
        height, width = self.pixels.shape[:2]
        if shared := whole.overlap(Box(0, 0, width, height)):
            there = Box(shared.x - whole.x, shared.y - whole.y, shared.width, shared.height)
            out[there.slices] = self.pixels[shared.slices]
        blocks = out.reshape(box.height, step, box.width, step, 3).mean(axis=(1, 3))
        return Region(box=box, downsample=downsample, pixels=blocks.round().astype(np.uint8))

    def sweep(self, boxes: Sequence[Box], *, downsample: float) -> Iterator[Region]:
        for number, box in enumerate(boxes):
            if number == self.fail_at:
                raise OSError("the disk is gone")
            self.swept.append(box)
            self.threads.add(threading.current_thread().name)
            yield self.read(box, downsample=downsample)

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def survey_of(pixels: NDArray[np.uint8], mpp: float) -> Survey:
    """Survey of a painted slide with the shipped settings."""
    overview = read_overview(ArraySlide(pixels, mpp), SETTINGS)
    return survey(overview, "painted", Mpp(mpp), SETTINGS)


def survey_with(tissue: NDArray[np.bool_], mpp: float, downsample: float = 1.0) -> Survey:
    """A survey that is nothing but a tissue mask; ``mpp`` is that of a mask pixel."""
    return Survey(slide_id="painted", downsample=downsample, mpp=Mpp(mpp), tissue=tissue)
