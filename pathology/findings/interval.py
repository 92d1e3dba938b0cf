"""Intervals for counted shares and counted densities."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

Z_95 = 1.959963984540054
COUNTING_ONLY = "the interval is counting uncertainty only"
"""Said of every interval of a count; what seeing and choosing add is not in it."""


def wilson_interval(part: float, whole: float, z: float = Z_95) -> tuple[float, float]:
    """Wilson score interval of ``part`` of ``whole`` (> 0): inside [0, 1], honest at 0 and 1.

    Wilson, J Am Stat Assoc 22:209 (1927). Counting uncertainty only: segmentation, staining and
    the choice of region are not in it. Numbers that are not whole are effective ones.
    """
    share, shrink = part / whole, z**2 / whole
    centre = (share + shrink / 2) / (1 + shrink)
    half = z * sqrt(share * (1 - share) / whole + shrink / (4 * whole)) / (1 + shrink)
    # Rounding can carry a bound past the share itself when the share is 0 or 1.
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def wilson_lows(part: NDArray[np.int64], whole: int, z: float = Z_95) -> NDArray[np.float64]:
    """Lower bounds of Wilson's interval for many counts (n,) of the same ``whole``."""
    share, shrink = part / whole, z**2 / whole
    half = z * np.sqrt(share * (1 - share) / whole + shrink / (4 * whole))
    return np.asarray((share + shrink / 2 - half) / (1 + shrink))


def poisson_interval(count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact Poisson interval of a count >= 0, by quantiles of the gamma distribution.

    Garwood, Biometrika 28:437 (1936). Divide by the area for the interval of a density.
    """
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else float(gammaincinv(count, tail))
    return low, float(gammaincinv(count + 1, 1 - tail))
