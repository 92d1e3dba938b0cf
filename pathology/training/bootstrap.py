"""How sure a score is: images drawn again with replacement (Efron, Annals of Statistics 1979).

The image is what is drawn, never the nucleus: nuclei of one image share its stain, its tissue and
its annotator. With few images the interval is itself unsure, and for one it says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pathology.training.metrics import Counts

DRAWS: Final = 1000
SEED: Final = 0
PERCENTILES: Final = (2.5, 97.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A score with its 95 % interval (percentile method) and the images it rests on."""

    value: float
    low: float
    high: float
    images: int


def pooled(counts: Counts, score: Callable[[Counts], NDArray[np.float64]]) -> Estimate:
    """Score of the summed counts (images, k): large images weigh more, as their nuclei do.

    ``score`` takes counts (..., k). Used for F1, accuracy, Dice and IoU. NaN throughout where the
    whole has no score; draws without one are left out of the interval.
    """
    value = float(score(counts.sum(axis=0)))
    draws = np.random.default_rng(SEED).integers(0, len(counts), (DRAWS, len(counts)))
    return _estimate(value, score(counts[draws].sum(axis=1)), len(counts))


def averaged(values: NDArray[np.float64]) -> Estimate:
    """Mean of the images' own scores (images,), each weighing the same; used for AJI and PQ.

    Images without a score (NaN) are left out and not counted.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return Estimate(value=np.nan, low=np.nan, high=np.nan, images=0)
    draws = np.random.default_rng(SEED).integers(0, len(known), (DRAWS, len(known)))
    return _estimate(float(known.mean()), known[draws].mean(axis=1), len(known))


def _estimate(value: float, drawn: NDArray[np.float64], images: int) -> Estimate:
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(known):
        return Estimate(value=np.nan, low=np.nan, high=np.nan, images=images)
    low, high = np.percentile(known, PERCENTILES)
    return Estimate(value=value, low=float(low), high=float(high), images=images)
