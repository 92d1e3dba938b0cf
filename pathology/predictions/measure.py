"""Labels of nuclei -> what is measured in each, all nuclei at once.

Sums per label are bin counts; no loop runs over nuclei.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NucleusPixels:
    """The pixels of ``count`` nuclei in a row: pixel k belongs to nucleus ``nucleus[k]``."""

    count: int
    nucleus: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]

    def total(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Sum of one value per pixel over each nucleus, (count,)."""
        return np.bincount(self.nucleus, values, minlength=self.count).astype(np.float64)

    def mean(self, image: NDArray[np.floating]) -> NDArray[np.float64]:
        """Mean of an image (h, w) over each nucleus, (count,); 0 for a nucleus without pixels."""
        return self.mean_of(image[self.row, self.column])

    def mean_of(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Mean of one value per pixel over each nucleus, (count,); 0 for one without pixels."""
        return self.total(values) / np.maximum(self.size, 1)

    @property
    def size(self) -> NDArray[np.int64]:
        """Number of pixels of each nucleus."""
        return np.bincount(self.nucleus, minlength=self.count)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shapes:
    """Shape of each nucleus, (n,) each; centres (n, 2) x, y in px of the labelled picture."""

    centre_px: NDArray[np.float64]
    area_px: NDArray[np.float64]
    elongation: NDArray[np.float64]  # long over short axis of the ellipse of equal moments, >= 1


def pixels_of(labels: NDArray[np.int32], wanted: NDArray[np.bool_]) -> NucleusPixels:
    """Pixels of the wanted nuclei; ``wanted[i]`` is about label i + 1. Order is kept."""
    number = np.full(len(wanted) + 1, -1, np.int64)
    number[1:][wanted] = np.arange(int(wanted.sum()))
    here = np.flatnonzero(labels)
    of = number[labels.ravel()[here]]
    chosen = of >= 0
    row, column = np.divmod(here[chosen], labels.shape[1])
    return NucleusPixels(count=int(wanted.sum()), nucleus=of[chosen], row=row, column=column)


def shapes_of(pixels: NucleusPixels) -> Shapes:
    """Centre, area and elongation from the moments of the pixels.

    Second moments get 1/12 for the extent of a pixel, so that a line of pixels is finite.
    """
    area = np.maximum(pixels.size, 1).astype(np.float64)
    x = pixels.total(pixels.column + 0.5) / area
    y = pixels.total(pixels.row + 0.5) / area
    dx = pixels.column + 0.5 - x[pixels.nucleus]
    dy = pixels.row + 0.5 - y[pixels.nucleus]
    xx = pixels.total(dx * dx) / area + 1 / 12
    yy = pixels.total(dy * dy) / area + 1 / 12
    xy = pixels.total(dx * dy) / area
    root = np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    middle = (xx + yy) / 2
    return Shapes(
        centre_px=np.stack([x, y], axis=1),
        area_px=area,
        elongation=np.sqrt((middle + root) / np.maximum(middle - root, 1 / 12)),
    )


def rims_of(labels: NDArray[np.int32], wanted: NDArray[np.bool_], width_px: float) -> NucleusPixels:
    """Pixels outside all nuclei that lie within ``width_px`` of a wanted one.

    Between two nuclei the later label takes the pixel; labels count seeds row by row, so this is
    the same nucleus in every tile.
    """
    rim = ndimage.maximum_filter(labels, size=2 * round(width_px) + 1, mode="constant")
    rim[labels > 0] = 0
    return pixels_of(rim, wanted)
