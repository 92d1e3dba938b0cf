"""Pen, folds and bubbles, as far as they are seen from afar. Made to miss rather than to invent.

All three look at optical density relative to the slide's own glass, since absorbances add: pen ink
absorbs in channels where no stain does, a fold absorbs twice, a bubble's rim scatters all colours
alike. After the ideas of HistoQC (Janowczyk et al., JCO Clin Cancer Inform 2019; pen by colour) and
Kothari et al., IEEE J Biomed Health Inform 2014 (folds: dark and coloured beyond the slide's own).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import regionprops

from pathology.records.geometry import Mpp, mm2_to_px_area, um_to_px
from pathology.records.settings.tiles import BubbleSettings, FoldSettings, PenSettings
from pathology.tiles.tissue import closed, without_small

RED, GREEN, BLUE = 0, 1, 2


def find_pen(density: NDArray[np.float32], mpp: Mpp, settings: PenSettings) -> NDArray[np.bool_]:
    """Ink of markers and of margin paint, (rows, columns), from density (rows, columns, 3).

    Every stain in use absorbs green light: haematoxylin, eosin and DAB at least half as much as
    the colour they absorb most. Green ink lets it through. Blue ink passes blue light far better
    than haematoxylin does, red ink passes red as eosin does but stops blue; black stops everything.
    """
    seen = blurred(density, um_to_px(settings.smoothing_um, mpp))
    red, green, blue = seen[..., RED], seen[..., GREEN], seen[..., BLUE]
    is_green = (red >= settings.green_least_od) & (green <= settings.green_share * red)
    is_blue = (red >= settings.blue_least_od) & (blue <= settings.blue_share * red)
    is_red = (green >= settings.red_least_od) & (red <= settings.red_share * green)
    is_red &= blue >= settings.red_least_blue * green
    is_black = seen.min(axis=2) >= settings.black_least_od
    ink = is_green | is_blue | is_red | is_black
    ink = without_small(ink, mm2_to_px_area(settings.smallest_mm2, mpp))
    return dilated(ink, round(um_to_px(settings.margin_um, mpp)))


def find_folds(
    density: NDArray[np.float32], tissue: NDArray[np.bool_], mpp: Mpp, settings: FoldSettings
) -> NDArray[np.bool_]:
    """Tissue that lies double, (rows, columns): at least twice as dense as the slide's median.

    A lymphoid follicle is as dense but blue, a Ki-67 hot spot is dense but brown; neither may be
    taken for a fold, so a fold must be eosin-red, or denser than one layer of cells can be.
    """
    if not tissue.any():
        return np.zeros_like(tissue)
    seen = blurred(density, um_to_px(settings.smoothing_um, mpp))
    mean = seen.mean(axis=2)
    median = float(np.median(mean[tissue]))
    dark = tissue & (mean >= max(settings.least_od, settings.times_median * median))
    red, green, blue = seen[..., RED], seen[..., GREEN], seen[..., BLUE]
    brown = blue > green
    eosin = red <= settings.eosin_red_share * green
    folds = dark & ~brown & (eosin | (mean >= settings.double_layer_od))
    return without_small(folds, mm2_to_px_area(settings.smallest_mm2, mpp))


def find_bubbles(
    density: NDArray[np.float32], mpp: Mpp, settings: BubbleSettings
) -> NDArray[np.bool_]:
    """Air under the coverslip, rim and inside, (rows, columns).

    A rim is a thin line that is darker than both sides in all three channels alike, which no
    stained membrane is; it must close around a round, simple area. Open arcs are not found.
    """
    width = max(1, math.ceil(um_to_px(settings.rim_um, mpp)))
    line = np.empty_like(density)
    for channel in range(3):
        one = density[..., channel]
        line[..., channel] = one - ndimage.grey_opening(one, size=2 * width + 1)
    weakest, strongest = line.min(axis=2), line.max(axis=2)
    rim = (weakest >= settings.least_od) & (weakest >= settings.least_neutral * strongest)
    joined = closed(without_small(rim, width), max(1, round(um_to_px(settings.gap_um, mpp))))
    inside, _ = ndimage.label(ndimage.binary_fill_holes(joined) & ~joined)
    found = np.zeros(rim.shape, bool)
    for region in regionprops(inside):
        if _is_bubble(region.area, region.perimeter, region.solidity, mpp, settings):
            found[region.slice] |= region.image
    return dilated(found, 2 * width) & (found | joined) if found.any() else found


def _is_bubble(
    area_px: float, perimeter_px: float, solidity: float, mpp: Mpp, settings: BubbleSettings
) -> bool:
    if area_px < mm2_to_px_area(settings.smallest_mm2, mpp) or perimeter_px == 0:
        return False
    roundness = 4 * math.pi * area_px / perimeter_px**2
    return roundness >= settings.least_roundness and solidity >= settings.least_solidity


def blurred(density: NDArray[np.float32], sigma_px: float) -> NDArray[np.float32]:
    """Density (rows, columns, 3) under a Gaussian, each channel for itself."""
    seen: NDArray[np.float32] = ndimage.gaussian_filter(density, (sigma_px, sigma_px, 0))
    return seen


def dilated(mask: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """``mask`` grown by ``radius`` px all around; cost does not depend on the radius."""
    if not mask.any():
        return mask.copy()
    return np.asarray(ndimage.distance_transform_edt(~mask) <= radius)
