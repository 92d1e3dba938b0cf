"""What could not be read, and whether too much of it was tissue."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pathology.exchange.outlines import rasterise
from pathology.records.finding import NotMeasurable
from pathology.records.region import Polygon
from pathology.records.slide import LostTile
from pathology.records.tile import Survey
from pathology.tiles.plan import under


def lost_mask(
    lost: Iterable[LostTile], shape: tuple[int, int], downsample: float
) -> NDArray[np.bool_]:
    """Pixels (rows, columns) of a grid that any lost tile touches, of whatever level."""
    mask = np.zeros(shape, bool)
    for tile in lost:
        under(mask, tile.box_px0, downsample)[...] = True
    return mask


def unreadable_share(
    lost: Iterable[LostTile], survey: Survey, region: tuple[Polygon, ...] | None
) -> float:
    """Share of the tissue that lies under lost tiles, in 0..1; within a person's region if any.

    The survey counts a lost area beside tissue as tissue, so lost tissue is in the whole too.
    """
    shape = survey.tissue.shape[0], survey.tissue.shape[1]
    tissue = survey.tissue
    if region is not None:
        tissue = tissue & rasterise(region, shape, survey.downsample)
    whole = int(tissue.sum())
    return (
        float((tissue & lost_mask(lost, shape, survey.downsample)).sum() / whole) if whole else 0.0
    )


def refusal(share: float, limit: float) -> NotMeasurable | None:
    """The reason to give no number when more than ``limit`` of the tissue is unreadable."""
    if share <= limit:
        return None
    return NotMeasurable(
        code="damaged",
        reason=f"{share:.1%} of the tissue cannot be read, more than the {limit:.0%} tolerated: "
        "copy the file again or scan the slide again",
    )
