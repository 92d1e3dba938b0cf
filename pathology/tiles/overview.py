"""The whole slide from afar, read in blocks so that memory stays bounded."""

from __future__ import annotations

import math

import numpy as np

from pathology.records.geometry import Box
from pathology.records.settings.tiles import OverviewSettings, TilesSettings
from pathology.records.slide import LostTile, Region, Slide, SlideInfo


def read_overview(slide: Slide, settings: TilesSettings) -> Region:
    """The whole slide at about ``settings.overview.mpp``, finer for a small scan.

    Memory: the overview itself (3 bytes a pixel) and one block of the scan.
    """
    facts = slide.info.facts
    downsample = overview_downsample(slide.info, settings.overview)
    width = math.ceil(facts.width_px0 / downsample)
    height = math.ceil(facts.height_px0 / downsample)
    return read_in_blocks(slide, Box(0, 0, width, height), downsample, settings.overview)


def read_in_blocks(slide: Slide, box: Box, downsample: float, settings: OverviewSettings) -> Region:
    """The pixels of ``box``, on the grid of ``downsample``, like ``slide.read``.

    Memory: the pixels (3 bytes each) and one block of the scan.
    """
    levels = [v.downsample for v in slide.info.facts.levels if v.downsample <= downsample]
    side = max(1, round(settings.block_px * max(levels, default=1.0) / downsample))
    boxes = [
        Box(x, y, min(side, box.right - x), min(side, box.bottom - y))
        for y in range(box.y, box.bottom, side)
        for x in range(box.x, box.right, side)
    ]
    pixels = np.empty((box.height, box.width, 3), np.uint8)
    lost: set[LostTile] = set()
    for region in slide.sweep(boxes, downsample=downsample):
        at = Box(region.box.x - box.x, region.box.y - box.y, region.box.width, region.box.height)
        pixels[at.slices] = region.pixels
        lost.update(region.lost)
    return Region(box=box, downsample=downsample, pixels=pixels, lost=tuple(sorted(lost)))


def overview_downsample(info: SlideInfo, settings: OverviewSettings) -> float:
    """Level-0 px per overview px, a power of two, never below 1.

    The largest that stays at or below ``mpp`` and leaves the long side ``least_px`` pixels.
    A field of one millimetre at 8 µm/px would be 125 px wide: too coarse for a mask worth the name.
    """
    long_side = max(info.facts.width_px0, info.facts.height_px0)
    # Scanners state 0.2525 or 0.2431 for a nominal 0.25: do not fall to half for one percent.
    by_scale = settings.mpp * settings.slack / info.mpp
    by_size = long_side / settings.least_px
    return float(2 ** max(0, math.floor(math.log2(min(by_scale, by_size)))))
