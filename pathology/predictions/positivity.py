"""Which nuclei take the marker: mean DAB density in the nucleus against the slide's threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from pathology.records.prediction import Positivity
from pathology.records.settings.predictions import PositivitySettings

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation of a normal distribution to its standard deviation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DabThreshold:
    """Positive from ``high``, negative below ``low``."""

    low: float
    threshold: float
    high: float
    evidence: str


def decide_threshold(dab_od: NDArray[np.floating], settings: PositivitySettings) -> DabThreshold:
    """The threshold of a slide from the mean DAB densities (n,) of its sampled nuclei.

    Otsu's between the two populations where there are two. Without a positive population Otsu
    would split the negatives in half, so then the threshold is the default, and never below the
    noise of the negative nuclei.
    """
    if len(dab_od) < settings.least_nuclei or float(np.ptp(dab_od)) == 0:
        return _banded(
            settings.default_od, f"default: {len(dab_od)} nuclei in the samples", settings
        )
    # Densities of positive nuclei spread over a decade, those of negatives lie close together: in
    # the logarithm both are compact and Otsu's cut comes to lie between them.
    logs = np.log(np.maximum(dab_od, 0) + settings.log_offset_od)
    split = float(np.exp(threshold_otsu(logs, nbins=128))) - settings.log_offset_od
    lower, upper = dab_od[dab_od < split], dab_od[dab_od >= split]
    sigma = MAD_TO_SIGMA * float(np.median(np.abs(lower - np.median(lower))))
    gap = float(np.median(upper) - np.median(lower))
    noise = float(np.median(lower)) + settings.noise_sigmas * sigma
    two = len(upper) >= settings.least_positive and gap > settings.least_separation * max(
        sigma, settings.least_band_od
    )
    chosen = split if two else settings.default_od
    threshold = float(np.clip(max(chosen, noise), settings.lowest_od, settings.highest_od))
    how = "two populations (Otsu)" if two else "default: no separate positive population"
    return _banded(threshold, f"{how}, {len(dab_od)} nuclei in the samples", settings)


def positivity(dab_od: NDArray[np.floating], low: float, high: float) -> NDArray[np.int8]:
    """Positive, negative or unknown (n,) for mean DAB densities (n,); NaN is unknown."""
    answer = np.full(len(dab_od), Positivity.UNKNOWN, np.int8)
    answer[dab_od < low] = Positivity.NEGATIVE
    answer[dab_od >= high] = Positivity.POSITIVE
    return answer


def _banded(threshold: float, evidence: str, settings: PositivitySettings) -> DabThreshold:
    half = max(settings.least_band_od, settings.band_share * threshold)
    return DabThreshold(
        low=threshold - half, threshold=threshold, high=threshold + half, evidence=evidence
    )
