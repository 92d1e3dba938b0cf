"""The IHC photograph that scikit-image ships: FHL2 in colon, DAB with haematoxylin, no scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.data import immunohistochemistry


def ihc_photograph() -> NDArray[np.uint8]:
    """(512, 512, 3) uint8 RGB. Free of restrictions, see scikit-image's documentation."""
    return np.asarray(immunohistochemistry(), dtype=np.uint8)
