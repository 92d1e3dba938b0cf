"""Which tiles to read: a grid of cores that covers all scored tissue, row by row."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pathology.records.geometry import Box, Mpp, um_to_px
from pathology.records.settings.tiles import TilesSettings
from pathology.records.tile import Survey, TilePlan

WORK_SLACK = 1.1
"""How much coarser than asked the work scale may be: a scan at 0.2525 µm/px still halves to 0.5."""


def work_downsample(mpp: Mpp, target_mpp: float) -> float:
    """Level-0 px per work px: the largest power of two that fits ``target_mpp``.

    The work scale may come out a tenth coarser than the target. A power of two is cheap, since
    scanners store their levels so and the reader reduces by whole blocks. A scan that is coarser
    than the target stays as it is: 1.
    """
    return float(2 ** max(0, math.floor(math.log2(target_mpp * WORK_SLACK / mpp))))


def plan_tiles(
    survey: Survey,
    slide_size_px0: tuple[int, int],
    downsample: float,
    mpp: Mpp,
    settings: TilesSettings,
) -> TilePlan:
    """Cores over all scored tissue of ``survey``; a core without any is left out.

    ``slide_size_px0`` is (width, height) of the scan, ``downsample`` level-0 px per work px,
    ``mpp`` the scale of a work pixel. Cores lie on the absolute grid of ``core_px``, in the order
    of the file (row by row); at the right and bottom edge of the slide they are cut.
    """
    width, height = (math.ceil(side / downsample) for side in slide_size_px0)
    side = settings.tiling.core_px
    scored = survey.scored
    grid = (
        Box(x, y, min(side, width - x), min(side, height - y))
        for y in range(0, height, side)
        for x in range(0, width, side)
    )
    return TilePlan(
        slide_id=survey.slide_id,
        downsample=downsample,
        mpp=mpp,
        core_px=side,
        halo_px=math.ceil(um_to_px(settings.tiling.halo_um, mpp)),
        cores=tuple(b for b in grid if under(scored, b, survey.downsample / downsample).any()),
    )


def under(mask: NDArray[np.bool_], box: Box, box_px_per_mask_px: float) -> NDArray[np.bool_]:
    """The pixels of ``mask`` that a box of another grid touches, as a view; may be empty."""
    left, top = (math.floor(v / box_px_per_mask_px) for v in (box.x, box.y))
    right, bottom = (math.ceil(v / box_px_per_mask_px) for v in (box.right, box.bottom))
    return mask[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]


def cover_fraction(mask: NDArray[np.bool_], box: Box, box_px_per_mask_px: float) -> float:
    """Share of a box of another grid that ``mask`` covers, in [0, 1], to one mask pixel."""
    seen = under(mask, box, box_px_per_mask_px)
    return float(np.mean(seen)) if seen.size else 0.0
