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
from pathology.records.eyes import SampledNuclei
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
    """Thresholds and typical nucleus of one slide, as classical eyes see it.

    Parameters
    ----------
    samples
        Patches (h, w, 3) uint8 RGB of scale ``mpp``, taken evenly from tissue.
    """
    sampled = sampled_nuclei(samples, mpp, stains, settings)
    return calibration_of(sampled, diameter_um(samples, mpp, stains, settings), stains, settings)


def calibration_of(
    sampled: SampledNuclei, diameter_um: float, stains: Stains, settings: PredictionSettings
) -> Calibration:
    """Thresholds and typical nucleus of one slide, from nuclei that its own eyes saw in samples.

    Notes
    -----
    The samples are all there is to know the slide by: a hot spot that no sample touches does not
    move the threshold, so take a dozen patches or more.
    """
    threshold = (
        decide_threshold(sampled.dab_od, settings.positivity)
        if stains.kind == "ihc-dab"
        else DabThreshold(low=nan, threshold=nan, high=nan, evidence="no DAB on this slide")
    )
    area = sampled.area_um2
    return Calibration(
        nuclear_od=sampled.nuclear_od,
        dab_low=threshold.low,
        dab_threshold=threshold.threshold,
        dab_high=threshold.high,
        nuclei=len(area),
        median_area_um2=float(np.median(area)) if len(area) else nan,
        median_diameter_um=diameter_um,
        evidence=threshold.evidence,
    )


def diameter_um(
    samples: Sequence[NDArray[np.uint8]], mpp: Mpp, stains: Stains, settings: PredictionSettings
) -> float:
    """Diameter of the typical nucleus, blind to the stated scale; see ``nucleus_size``."""
    find = settings.nuclei(stains.kind)
    return nucleus_diameter_px(samples, stains, find, settings.nucleus_scale) * mpp


def sampled_nuclei(
    samples: Sequence[NDArray[np.uint8]], mpp: Mpp, stains: Stains, settings: PredictionSettings
) -> SampledNuclei:
    """Nuclei of the samples, found by classical means, and the threshold they were found with."""
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
    return SampledNuclei(
        area_um2=np.concatenate(areas), dab_od=np.concatenate(dabs), nuclear_od=nuclear_od
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
