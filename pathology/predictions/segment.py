"""Pixels -> seeds and labels of nuclei: a scale-aware detector and a watershed.

1. Signal: what absorbs red. Haematoxylin (unmixed from eosin on H&E) or, on IHC, the red density
   itself, which haematoxylin and DAB share about equally, so that brown and blue nuclei weigh the
   same.
2. Foreground: signal above a mean of the slide's threshold and of its own neighbourhood.
3. Seeds: peaks of the response to blobs of several radii (difference of Gaussians, an
   approximation of the scale-normalised Laplacian, Lindeberg, IJCV 1998) plus the capped distance
   to the background.
4. Watershed from the seeds inside the foreground, no pixel further from its seed than
   ``most_radius_um``.

Every step looks a bounded distance around: the result at a pixel does not depend on the tile it
was computed in, as long as the halo is at least ``reach_um``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from pathology.predictions.measure import pixels_of, shapes_of
from pathology.predictions.stain import density_table
from pathology.records.geometry import px_area_to_um2
from pathology.records.settings.predictions import NucleusSettings
from pathology.records.stain import Stains

DOG_RATIO = 1.6
"""Marr & Hildreth 1980: at this ratio a difference of Gaussians comes closest to a Laplacian."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segmented:
    """Seeds and the pixels grown from them, on the grid of one picture."""

    seeds_px: NDArray[np.int64]  # (n, 2) column, row
    labels: NDArray[np.int32]  # (h, w), 0 outside nuclei, i + 1 for seed i
    signal: NDArray[np.float32]  # (h, w) nuclear density, smoothed


def reach_um(settings: NucleusSettings) -> float:
    """How far around a nucleus the search looks: the least halo that gives local results."""
    largest = max(settings.blob_radii_um) / np.sqrt(2) * DOG_RATIO
    smooth = settings.smooth_um * settings.truncate
    filters = max(settings.background_um, largest) * settings.truncate + smooth
    seed = settings.distance_cap_um + settings.peak_smooth_um * settings.truncate
    return float(filters + seed + settings.least_distance_um + settings.most_radius_um)


def nuclear_signal(
    rgb: NDArray[np.uint8], stains: Stains, mpp: float, settings: NucleusSettings
) -> NDArray[np.float32]:
    """Density of nuclear stain per pixel, (h, w) float32 >= 0, lightly smoothed."""
    tables = density_table(stains)
    if stains.kind == "he":
        raw = tables.unmixed(rgb, 0)
    else:
        red = tables.density(rgb, 0)
        raw = red / (1 + red / settings.saturation_od)
    return _blurred(raw, settings.smooth_um / mpp, settings)


def segment(
    signal: NDArray[np.float32], mpp: float, nuclear_od: float, settings: NucleusSettings
) -> Segmented:
    """Seeds and labels in ``signal`` (h, w), whose slide has the threshold ``nuclear_od``."""
    foreground = _foreground(signal, mpp, nuclear_od, settings)
    blobs = _blob_response(signal, mpp, settings) / np.float32(nuclear_od)
    distance = _capped_distance(foreground, mpp, settings.distance_cap_um)
    surface = _blurred(
        blobs + np.float32(settings.distance_weight) * distance,
        settings.peak_smooth_um / mpp,
        settings,
    )
    seeds = _peaks(
        surface,
        foreground & (blobs > settings.least_response),
        settings.least_distance_um / mpp,
    )
    columns, rows = seeds.T
    markers = np.zeros(signal.shape, np.int32)
    markers[rows, columns] = np.arange(1, len(seeds) + 1)
    labels = watershed(-surface, markers, mask=foreground).astype(np.int32)
    return Segmented(
        seeds_px=seeds,
        labels=_near_seed(labels, seeds, settings.most_radius_um / mpp),
        signal=signal,
    )


def credible(
    found: Segmented, rgb: NDArray[np.uint8], stains: Stains, mpp: float, settings: NucleusSettings
) -> NDArray[np.bool_]:
    """Which of the seeds (n,) grew into a nucleus: large enough and, on IHC, no grey fibre.

    Fibres and refracting edges are grey: red and blue light lose the same. So do nuclei between
    blue and brown, which must stay, or the doubtful would vanish from the count; therefore only
    what is also small or long goes, and only where it is not very dark.
    """
    pixels = pixels_of(found.labels, np.ones(len(found.seeds_px), np.bool_))
    area_um2 = px_area_to_um2(1.0, mpp) * pixels.size
    large: NDArray[np.bool_] = area_um2 >= settings.least_area_um2
    if stains.kind == "he" or not pixels.count:
        return large
    tables = density_table(stains)
    red, green, blue = (pixels.mean(tables.density(rgb, c)) for c in range(3))
    grey = np.abs(red - blue) < settings.least_chroma * (red + green + blue)
    fibre = (area_um2 < settings.fibre_most_area_um2) | (
        shapes_of(pixels).elongation > settings.fibre_least_elongation
    )
    return large & ~(grey & fibre & (red < settings.black_od))


def _foreground(
    signal: NDArray[np.float32], mpp: float, nuclear_od: float, settings: NucleusSettings
) -> NDArray[np.bool_]:
    """Signal above the slide's threshold and its neighbourhood's, weighed together."""
    # One black speck must not lift the threshold of all its neighbours.
    capped = np.minimum(signal, np.float32(settings.background_cap * nuclear_od))
    local = _blurred(capped, settings.background_um / mpp, settings)
    weight = settings.local_weight
    threshold = weight * local + np.float32((1 - weight) * settings.global_factor * nuclear_od)
    floor = np.float32(settings.least_factor * nuclear_od)
    above: NDArray[np.bool_] = signal > np.maximum(threshold, floor)
    return above


def _blob_response(
    signal: NDArray[np.float32], mpp: float, settings: NucleusSettings
) -> NDArray[np.float32]:
    """Largest response over the radii, in units of density."""
    best = np.full(signal.shape, -np.inf, np.float32)
    for radius_um in settings.blob_radii_um:
        sigma = radius_um / np.sqrt(2) / mpp
        blob = _blurred(signal, sigma, settings) - _blurred(signal, DOG_RATIO * sigma, settings)
        np.maximum(best, blob, out=best)
    return best


def _capped_distance(
    foreground: NDArray[np.bool_], mpp: float, cap_um: float
) -> NDArray[np.float32]:
    """Distance to the background in µm, at most ``cap_um``."""
    if foreground.all():  # the transform is undefined without background
        return np.full(foreground.shape, cap_um, np.float32)
    distance = ndimage.distance_transform_edt(foreground).astype(np.float32) * np.float32(mpp)
    capped: NDArray[np.float32] = np.minimum(distance, np.float32(cap_um))
    return capped


def _near_seed(
    labels: NDArray[np.int32], seeds: NDArray[np.int64], most_px: float
) -> NDArray[np.int32]:
    rows, columns = np.nonzero(labels)
    seed = seeds[labels[rows, columns] - 1]
    far = (columns - seed[:, 0]) ** 2 + (rows - seed[:, 1]) ** 2 > most_px**2
    labels[rows[far], columns[far]] = 0
    return labels


def _blurred(
    image: NDArray[np.float32], sigma_px: float, settings: NucleusSettings
) -> NDArray[np.float32]:
    """Gaussian of finite support: exactly the same value in every tile that sees the support."""
    blurred: NDArray[np.float32] = ndimage.gaussian_filter(
        image, sigma_px, truncate=settings.truncate, mode="nearest"
    )
    return blurred


def _peaks(
    surface: NDArray[np.float32], allowed: NDArray[np.bool_], radius_px: float
) -> NDArray[np.int64]:
    """Pixels (n, 2) column, row that nothing within ``radius_px`` exceeds, rows first.

    Only what tops its eight neighbours can top the disc, so the disc is looked at around few
    pixels.
    """
    candidate = (surface == ndimage.maximum_filter(surface, size=3, mode="nearest")) & allowed
    rows, columns = np.nonzero(candidate)
    reach = int(radius_px)
    dy, dx = np.nonzero(_disc(radius_px))
    height, width = surface.shape
    around = surface[
        np.clip(rows[:, None] + dy - reach, 0, height - 1),
        np.clip(columns[:, None] + dx - reach, 0, width - 1),
    ]
    top = surface[rows, columns] >= around.max(axis=1)
    return np.stack([columns[top], rows[top]], axis=1)


def _disc(radius_px: float) -> NDArray[np.bool_]:
    reach = int(radius_px)
    row, column = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disc: NDArray[np.bool_] = row**2 + column**2 <= radius_px**2
    return disc
