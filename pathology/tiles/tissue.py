"""Tissue apart from glass, on H&E and on pale IHC.

No threshold is learned from the histogram's shape alone: Otsu finds two classes on an empty slide
as well. Instead the light through bare glass is read off the slide, and tissue is what absorbs:
clearly (``strong_od``), or a little and joined to what absorbs clearly (hysteresis, Canny 1986).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pathology.records.geometry import Mpp, mm2_to_px_area, um_to_px
from pathology.records.settings.tiles import GlassSettings, TissueSettings

LEAST_SIGMA_PX = 0.3
"""A Gaussian narrower than this leaves the pixel grid as it is."""


def glass_colour(
    pixels: NDArray[np.uint8], mpp: Mpp, settings: GlassSettings
) -> NDArray[np.float64]:
    """The light through bare glass, (3,) in 0..255, from an overview (rows, columns, 3).

    Glass is bright, nearly grey and smooth. A field that shows too little of that (all tissue) gets
    the assumed glass: a microscope's grey field must not make its palest tissue the measure.
    White written by the scanner beside the scanned area is taken only where there is no other.
    """
    grey = pixels.mean(axis=2, dtype=np.float32)
    tint = pixels.max(axis=2) - pixels.min(axis=2)
    side = max(3, round(um_to_px(settings.smooth_um, mpp)))
    mean = ndimage.uniform_filter(grey, side)
    variance = ndimage.uniform_filter(grey * grey, side) - mean * mean
    like = (mean >= settings.darkest) & (tint <= settings.tint)
    like &= variance <= settings.roughness**2
    seen = like & (mean < settings.padding)
    least = settings.least_share * grey.size
    if seen.sum() < least:
        seen = like
    if seen.sum() < least:
        return np.full(3, settings.assumed)
    bright = mean >= np.quantile(mean[seen], settings.quantile)
    return np.asarray(np.median(pixels[seen & bright], axis=0), dtype=np.float64)


def find_tissue(
    density: NDArray[np.float32], mpp: Mpp, settings: TissueSettings
) -> NDArray[np.bool_]:
    """Tissue (rows, columns) from density (rows, columns, 3) over the slide's glass, at ``mpp``.

    Small holes (lumina, cracks, single fat cells) count as tissue; large ones are glass.
    """
    densest = _densest_channel(density, um_to_px(settings.smoothing_um, mpp))
    strong = densest >= settings.strong_od
    pieces = _rooted(densest >= settings.weak_od, strong, settings.least_strong_share)
    radius = max(1, round(um_to_px(settings.closing_um, mpp)))
    joined = closed(pieces, radius)
    whole = without_small(~joined, mm2_to_px_area(settings.smallest_hole_mm2, mpp))
    return without_small(~whole, mm2_to_px_area(settings.smallest_piece_mm2, mpp))


def closed(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """``mask`` with gaps up to ``2 * radius`` px filled; distances, so that any radius is cheap.

    Past the edge lies more of what is at the edge, not glass.
    """
    padded = np.pad(mask, radius + 1, mode="edge")
    if not padded.any():
        return mask.copy()
    near = ndimage.distance_transform_edt(~padded) <= radius
    if near.all():
        return np.ones_like(mask)
    kept: NDArray[np.bool_] = ndimage.distance_transform_edt(near) > radius
    inside = slice(radius + 1, -radius - 1)
    return kept[inside, inside] | mask


def without_small(mask: NDArray[np.bool_], least_px: float) -> NDArray[np.bool_]:
    """``mask`` without connected pieces (4-connected) below ``least_px`` pixels.

    A piece that the picture's edge cuts is larger than it looks: a quarter is enough.
    """
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    needed = np.full(count + 1, least_px)
    needed[np.unique(rim)] = least_px / 4
    keep = sizes >= needed
    keep[0] = False
    return np.asarray(keep[labels])


def _densest_channel(density: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Optical density of the densest channel after a blur; one channel at a time, for memory.

    Eosin absorbs green, haematoxylin red, DAB blue: their mean would hide a pale stain.
    """
    densest = np.zeros(density.shape[:2], np.float32)
    for channel in range(3):
        one = density[..., channel]
        if sigma_px >= LEAST_SIGMA_PX:
            one = ndimage.gaussian_filter(one, sigma_px)
        np.maximum(densest, one, out=densest)
    return densest


def _rooted(
    weak: NDArray[np.bool_], strong: NDArray[np.bool_], least_share: float
) -> NDArray[np.bool_]:
    """Connected pieces (8-connected) of ``weak`` with at least ``least_share`` of strong pixels."""
    labels, count = ndimage.label(weak, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    roots = np.bincount(labels[strong], minlength=count + 1)
    keep = (roots > 0) & (roots >= least_share * sizes)
    keep[0] = False
    return np.asarray(keep[labels])
