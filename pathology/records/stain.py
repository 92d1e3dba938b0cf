"""Stains as optical density: absorbances add where colours do not.

    OD = -log10((I + 1) / (I0 + 1))        Beer-Lambert; I0 is the light through bare glass

A stain is a unit vector in (R, G, B) optical density. Ruifrok & Johnston, Anal Quant Cytol Histol
2001; estimated per slide after Macenko et al., ISBI 2009.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

StainKind = Literal["he", "ihc-dab", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stains:
    """Two stains of a slide and the light through its bare glass.

    ``vectors`` is (2, 3) float64, unit rows in (R, G, B) optical density: haematoxylin first, then
    eosin ("he") or DAB ("ihc-dab"). ``white`` is (3,) float64 in 0..255.
    """

    kind: StainKind
    vectors: NDArray[np.float64]
    white: NDArray[np.float64]
    evidence: str  # one plain sentence on why ``kind`` was chosen
    estimated: bool  # False: too few coloured pixels, the textbook vectors are used

    def __post_init__(self) -> None:
        if self.vectors.shape != (2, 3) or self.white.shape != (3,):
            raise ValueError("stains are two vectors of (R, G, B) and one white point")
        if not np.allclose(np.linalg.norm(self.vectors, axis=1), 1, atol=1e-6):
            raise ValueError("stain vectors have length 1")


def optical_density(
    rgb: NDArray[np.uint8], white: NDArray[np.float64] | None = None
) -> NDArray[np.float32]:
    """Optical density per channel, same shape as ``rgb`` (..., 3), float32, >= 0.

    ``white`` is the light through bare glass, (3,) in 0..255; 255 where not given. Pixels lighter
    than the glass have density 0. One table look-up per pixel: 256 values have 256 logarithms.
    """
    glass = np.full(3, 255.0) if white is None else np.asarray(white, dtype=np.float64)
    levels = np.arange(256.0)[:, None]
    table = np.maximum(0.0, -np.log10((levels + 1.0) / (glass + 1.0))).astype(np.float32)
    channels = [np.take(table[:, c], rgb[..., c]) for c in range(3)]
    return np.stack(channels, axis=-1)
