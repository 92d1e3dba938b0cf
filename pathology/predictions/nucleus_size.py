"""How large the nuclei of a slide are in pixels, by pixels alone: a witness against a wrong scale.

The detector of nuclei looks for blobs of a size in µm, so that what it finds is about that size
whatever scale the slide claims. Here nothing knows the scale. The nuclear signal is passed through
a bank of differences of Gaussians, octaves wide; structure of one size answers most to one width
(scale selection, Lindeberg, IJCV 1998). The square of the answer is averaged over all samples, and
the width at which it peaks tells the diameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import nan

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pathology.predictions.stain import density_table
from pathology.records.settings.predictions import NucleusScaleSettings, NucleusSettings
from pathology.records.stain import Stains


def nucleus_diameter_px(
    samples: Sequence[NDArray[np.uint8]],
    stains: Stains,
    find: NucleusSettings,
    settings: NucleusScaleSettings,
) -> float:
    """Diameter of the typical nucleus in px of the samples (h, w, 3).

    NaN where no size stands out: no stain, or the answer only grows towards an end of the bank
    (noise at the fine end, whole tissue structures at the coarse end).
    """
    energies = [list(_energies(_signal(s, stains, find), settings)) for s in samples]
    widths = max((len(e) for e in energies), default=0)
    if not widths:
        return nan
    # A sample cut narrow at the slide's edge cannot answer to the coarse end: it is left out.
    whole = [i for i, e in enumerate(energies) if len(e) == widths]
    pixels = [samples[i].shape[0] * samples[i].shape[1] for i in whole]
    peak = _peak(np.average([energies[i] for i in whole], axis=0, weights=pixels))
    steps = settings.steps_per_octave
    return float(settings.diameter_per_sigma * settings.least_sigma_px * 2.0 ** (peak / steps))


def _signal(rgb: NDArray[np.uint8], stains: Stains, find: NucleusSettings) -> NDArray[np.float32]:
    """Nuclear stain per pixel, as ``segment.nuclear_signal`` without its smoothing in µm."""
    tables = density_table(stains)
    if stains.kind == "he":
        return tables.unmixed(rgb, 0)
    red = tables.density(rgb, 0)
    saturating: NDArray[np.float32] = red / (1 + red / np.float32(find.saturation_od))
    return saturating


def _energies(signal: NDArray[np.float32], settings: NucleusScaleSettings) -> Iterator[float]:
    """Mean squared answer of dark blobs for each sigma, finest first.

    Once a sigma is wide enough for it the picture is halved: the same answer for less work.
    """
    ratio = 2.0 ** (1 / settings.steps_per_octave)
    sigma, shrunk = settings.least_sigma_px, 1
    while sigma <= settings.most_sigma_px and min(signal.shape) >= settings.least_sigmas * (
        sigma / shrunk
    ):
        finer, coarser = (
            ndimage.gaussian_filter(signal, s / shrunk, truncate=settings.truncate, mode="reflect")
            for s in (sigma, settings.dog_ratio * sigma)
        )
        yield float(np.square(np.maximum(finer - coarser, 0)).mean())
        sigma *= ratio
        if sigma / shrunk >= settings.halve_from_sigma_px:
            signal, shrunk = _halved(signal), 2 * shrunk


def _halved(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of 2 x 2 px; an odd last row or column is left out."""
    height, width = signal.shape[0] // 2, signal.shape[1] // 2
    blocks = signal[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    mean: NDArray[np.float32] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return mean


def _peak(energy: NDArray[np.float64]) -> float:
    """Index of the maximum, between the steps by a parabola; NaN at an end or without any."""
    top = int(np.argmax(energy))
    if not 0 < top < len(energy) - 1:
        return nan
    before, here, after = energy[top - 1 : top + 2]
    bend = before - 2 * here + after
    return top + 0.5 * float((before - after) / bend) if bend < 0 else nan
