"""Intervals by resampling blocks of tissue: what lies together is drawn together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

AT_ONCE = 1 << 22
"""Draws held in memory at a time; the answer does not hang on it."""


def block_bootstrap(
    part: NDArray[np.number], whole: NDArray[np.number], *, resamples: int, seed: int
) -> tuple[float, float]:
    """Percentile 95 % interval of ``sum(part) / sum(whole)`` over blocks (b,) drawn anew.

    Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. Stretched, where it
    must be, to hold the ratio itself.
    """
    rng = np.random.default_rng(seed)
    parts, wholes = part.astype(np.float64), whole.astype(np.float64)
    even = np.full(len(parts), 1 / len(parts))
    at_once = max(1, AT_ONCE // len(parts))
    sums = [
        rng.multinomial(len(parts), even, size=min(at_once, resamples - done))
        @ np.stack([parts, wholes], axis=1)
        for done in range(0, resamples, at_once)
    ]
    above, below = np.concatenate(sums).T
    ratio = above[below > 0] / below[below > 0]
    own = parts.sum() / wholes.sum()
    low, high = np.quantile(ratio, [0.025, 0.975]) if len(ratio) else (own, own)
    return min(float(low), float(own)), max(float(high), float(own))
