"""The slide seen from afar: tissue, and what of it is unfit to score."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pathology.records.geometry import Mpp, um_to_px
from pathology.records.settings.tiles import TilesSettings
from pathology.records.slide import Region
from pathology.records.stain import optical_density
from pathology.records.tile import ExcludedArea, Exclusion, Survey
from pathology.tiles.damage import find_bubbles, find_folds, find_pen
from pathology.tiles.plan import under
from pathology.tiles.tissue import find_tissue, glass_colour

BLUR_SIGMAS = 3
"""A Gaussian has ended after so many sigmas."""

LEAST_RIM_SHARE = 0.1
"""Of the rim of a lost area: less is dust or a corner of the next piece."""


def survey(overview: Region, slide_id: str, mpp: Mpp, settings: TilesSettings) -> Survey:
    """Tissue and its visible damage on the overview's grid; ``mpp`` is the scale of level 0.

    A piece that is mostly pen or bubble is no tissue. Where a stored tile was lost nobody knows
    what lay there: beside tissue it counts as tissue, excluded as unreadable.
    """
    scale = Mpp(mpp * overview.downsample)
    glass = glass_colour(overview.pixels, scale, settings.glass)
    density = optical_density(overview.pixels, glass)
    quality = settings.quality
    pen = find_pen(density, scale, quality.pen)
    bubble = find_bubbles(density, scale, quality.bubble)
    lost = lost_mask(overview)
    tissue = find_tissue(density, scale, settings.tissue)
    tissue = without_foreign(tissue, pen | bubble, quality.least_piece_share)
    fold = find_folds(density, tissue & ~pen & ~bubble, scale, quality.fold)
    masks: dict[Exclusion, NDArray[np.bool_]] = {
        "pen": pen,
        "bubble": bubble,
        "fold": fold,
        "unreadable": lost,
    }
    return Survey(
        slide_id=slide_id,
        downsample=overview.downsample,
        mpp=scale,
        tissue=with_lost(tissue, lost, blur_reach_px(scale, settings)),
        excluded=tuple(ExcludedArea(name=n, mask=m) for n, m in masks.items() if m.any()),
    )


def without_foreign(
    tissue: NDArray[np.bool_], foreign: NDArray[np.bool_], least_share: float
) -> NDArray[np.bool_]:
    """``tissue`` without the pieces of which at least ``least_share`` is foreign (pen, bubble)."""
    if not foreign.any():
        return tissue
    labels, count = ndimage.label(tissue, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    strange = np.bincount(labels[foreign], minlength=count + 1)
    keep = strange < least_share * sizes
    keep[0] = False
    return np.asarray(keep[labels])


def lost_mask(overview: Region) -> NDArray[np.bool_]:
    """Overview pixels (rows, columns) under stored tiles that could not be decoded."""
    mask = np.zeros(overview.pixels.shape[:2], bool)
    for tile in overview.lost:
        under(mask, tile.box_px0, overview.downsample)[...] = True
    return mask


def blur_reach_px(scale: Mpp, settings: TilesSettings) -> int:
    """How far the white of a lost tile spreads into the tissue mask around it, overview px."""
    return math.ceil(um_to_px(BLUR_SIGMAS * settings.tissue.smoothing_um, scale)) + 2


def with_lost(
    tissue: NDArray[np.bool_], lost: NDArray[np.bool_], reach_px: int
) -> NDArray[np.bool_]:
    """``tissue`` and those lost areas that have tissue in the ``reach_px`` around them.

    To take lost glass for tissue withholds a number that could have been given; the other mistake
    gives a number for tissue that nobody saw.
    """
    if not lost.any():
        return tissue
    around = ndimage.binary_dilation(lost, np.ones((3, 3)), iterations=reach_px)
    labels, count = ndimage.label(around)
    rim = around & ~lost
    size = np.bincount(labels[rim], minlength=count + 1)
    covered = np.bincount(labels[rim], weights=tissue[rim], minlength=count + 1)
    beside = covered >= LEAST_RIM_SHARE * np.maximum(size, 1)
    beside[0] = False
    whole: NDArray[np.bool_] = tissue | (lost & beside[labels])
    return whole
