"""Who owns a nucleus on a seam. The one place where this is decided.

A nucleus belongs to the tile whose core holds its seed, the peak from which it was grown. Cores
do not overlap and cover the tissue, both neighbours see the same pixels around a seam (the halo),
and nothing in the search looks further than the halo; so both find the same seed, and exactly one
of them keeps it. Nothing is merged afterwards.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pathology.records.geometry import Box


def owned(seeds_px: NDArray[np.integer], core: Box) -> NDArray[np.bool_]:
    """Which of the seed pixels (n, 2) column, row on the work grid lie in ``core`` (half-open)."""
    column, row = seeds_px[:, 0], seeds_px[:, 1]
    inside: NDArray[np.bool_] = (
        (column >= core.x) & (column < core.right) & (row >= core.y) & (row < core.bottom)
    )
    return inside
