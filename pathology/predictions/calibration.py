"""Numbers of one slide that are decided once, from samples, before any tile is judged."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from pathology.predictions.measure import pixels_of
from pathology.predictions.nucleus_size import nucleus_diameter_px
from pathology.predictions.positivity import DabThreshold, decide_threshold
from pathology.predictions.segment import credible, nuclear_signal, segment
from pathology.predictions.stain import density_table
from pathology.records.geometry import Mpp, px_area_to_um2
from pathology.records.prediction import Calibration
from pathology.records.settings.predictions import NucleusSettings, PredictionSettings
from pathology.records.stain import Stains


def calibrate(
    samples: Sequence[NDArray[np.uint8]],
    mpp: Mpp,
    stains: Stains,
    settings: PredictionSettings,
) -> Calibration:
    """Thresholds and typical nucleus of one slide.

    Parameters
    ----------
    samples
        Patches (h, w, 3) uint8 RGB of scale ``mpp``, taken evenly from tissue.

    Notes
    -----
    The samples are all there is to know the slide by: a hot spot that no sample touches does not
    move the threshold, so take a dozen patches or more.
    """
    find = settings.nuclei(stains.kind)
    signals = [nuclear_signal(s, stains, mpp, find) for s in samples]
    nuclear_od = nuclear_threshold(signals, find)
    tables = density_table(stains)
    areas: list[NDArray[np.floating]] = [np.empty(0)]
    dabs: list[NDArray[np.floating]] = [np.empty(0)]
    for sample, signal in zip(samples, signals, strict=True):
        found = segment(signal, mpp, nuclear_od, find)
        pixels = pixels_of(found.labels, credible(found, sample, stains, mpp, find))
        areas.append(px_area_to_um2(1.0, mpp) * pixels.size)
        dabs.append(pixels.mean(tables.unmixed(sample, 1)))
    area, dab = np.concatenate(areas), np.concatenate(dabs)
    median = float(np.median(area)) if len(area) else nan
    diameter_px = nucleus_diameter_px(samples, stains, find, settings.nucleus_scale)
    threshold = (
        decide_threshold(dab, settings.positivity)
        if stains.kind == "ihc-dab"
        else DabThreshold(low=nan, threshold=nan, high=nan, evidence="no DAB on this slide")
    )
    return Calibration(
        nuclear_od=nuclear_od,
        dab_low=threshold.low,
        dab_threshold=threshold.threshold,
        dab_high=threshold.high,
        nuclei=len(area),
        median_area_um2=median,
        median_diameter_um=diameter_px * mpp,
        evidence=threshold.evidence,
    )


def nuclear_threshold(signals: Sequence[NDArray[np.float32]], settings: NucleusSettings) -> float:
    """Otsu's threshold of the pooled signal, not below ``least_nuclear_od``.

    Bare glass is left out: a slide that is mostly glass would else be split at its edge.
    """
    pooled = np.concatenate([np.empty(0, np.float32), *(s.ravel() for s in signals)])
    stained = pooled[pooled > settings.glass_od]
    if len(stained) < 2 or float(np.ptp(stained)) == 0:
        return settings.least_nuclear_od
    return max(float(threshold_otsu(stained)), settings.least_nuclear_od)
