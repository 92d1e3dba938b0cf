"""Windows of a labelling index: discs that hold a given number of scored nuclei.

A window is its centre: it holds the ``n`` scored nuclei nearest to it, and is as wide as the
furthest of them. So a person who moves one moves its centre, and the score follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

CHUNK: Final = 2048
"""Windows asked of the tree at once: bounds memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredNuclei:
    """Eligible tumour nuclei: those with a clear call, and those without one. Places in µm.

    Lymphocytes are never counted; they tell where a lymphoid aggregate lies.
    """

    centre_um: NDArray[np.float64]  # (n, 2) x, y
    positive: NDArray[np.bool_]  # (n,)
    ambiguous_um: NDArray[np.float64]  # (m, 2) x, y
    lymphocyte_um: NDArray[np.float64]  # (k, 2) x, y

    def __len__(self) -> int:
        return len(self.positive)

    @property
    def share(self) -> float:
        """Positive nuclei over all with a clear call; 0 for none."""
        return float(self.positive.mean()) if len(self.positive) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """Where tissue was analysed: a mask (rows, columns), ``mpp`` µm per pixel, from the corner."""

    analysed: NDArray[np.bool_]
    mpp: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window and what was counted in it."""

    region: str  # id
    centre_um: tuple[float, float]
    radius_um: float
    positive: int
    counted: int
    ambiguous: int

    @property
    def area_mm2(self) -> float:
        """Area of the disc."""
        return pi * self.radius_um**2 / 1e6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WindowSet:
    """Windows of ``n`` nuclei each, (w) of them."""

    centre_um: NDArray[np.float64]  # (w, 2)
    radius_um: NDArray[np.float64]  # (w,)
    nuclei: NDArray[np.int32]  # (w, n) indices of the nuclei in each

    def __len__(self) -> int:
        return len(self.radius_um)

    def positives(self, positive: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Positive nuclei (w,) of each window, given the call of every nucleus."""
        return np.asarray(positive[self.nuclei].sum(axis=1, dtype=np.int64))


def windows_at(
    centres_um: NDArray[np.float64], nuclei: ScoredNuclei, *, count: int, most_mm2: float
) -> WindowSet:
    """The windows of ``count`` nuclei around ``centres_um`` (k, 2); too wide ones are left out."""
    found = WindowSet(
        centre_um=np.empty((0, 2)),
        radius_um=np.empty(0),
        nuclei=np.empty((0, count), np.int32),
    )
    if len(nuclei) < count or not len(centres_um):
        return found
    tree, widest_um = KDTree(nuclei.centre_um), sqrt(most_mm2 * 1e6 / pi)
    parts = []
    for start in range(0, len(centres_um), CHUNK):
        asked = centres_um[start : start + CHUNK]
        distance, index = tree.query(asked, k=np.arange(1, count + 1))
        near = distance[:, -1] <= widest_um
        parts.append((asked[near], distance[near, -1], index[near].astype(np.int32)))
    centre, radius, index = (np.concatenate(column) for column in zip(*parts, strict=True))
    return WindowSet(centre_um=centre, radius_um=radius, nuclei=index)


def window_of(region: str, windows: WindowSet, which: int, nuclei: ScoredNuclei) -> Window:
    """One of the windows, with what lies in it."""
    x, y = windows.centre_um[which].tolist()
    radius = float(windows.radius_um[which])
    unclear = np.hypot(*(nuclei.ambiguous_um - (x, y)).T) <= radius
    return Window(
        region=region,
        centre_um=(x, y),
        radius_um=radius,
        positive=int(nuclei.positive[windows.nuclei[which]].sum()),
        counted=windows.nuclei.shape[1],
        ambiguous=int(unclear.sum()),
    )


def unseen_share(windows: WindowSet, ground: Ground) -> NDArray[np.float64]:
    """Share (w,) of each window that is no analysed tissue, beyond the slide included.

    Measured on the square of the disc's area: from sums along the mask, whatever its size.
    """
    half = np.sqrt(pi) / 2 * windows.radius_um[:, None]
    low = np.rint((windows.centre_um - half) / ground.mpp).astype(np.int64)
    high = np.rint((windows.centre_um + half) / ground.mpp).astype(np.int64)
    asked = np.maximum((high - low).prod(axis=1), 1)
    rows, columns = ground.analysed.shape
    sums = np.zeros((rows + 1, columns + 1), np.int64)
    sums[1:, 1:] = ground.analysed.cumsum(axis=0, dtype=np.int64).cumsum(axis=1)
    (x0, y0), (x1, y1) = (np.clip(ends, 0, (columns, rows)).T for ends in (low, high))
    seen = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
    return np.asarray(1 - seen / asked)


def lymphocyte_share(windows: WindowSet, nuclei: ScoredNuclei) -> NDArray[np.float64]:
    """Lymphocytes in each window (w,) over lymphocytes and scored nuclei together."""
    counted = windows.nuclei.shape[1]
    if not len(windows) or not len(nuclei.lymphocyte_um):
        return np.zeros(len(windows))
    tree = KDTree(nuclei.lymphocyte_um)
    found = tree.query_ball_point(windows.centre_um, windows.radius_um, return_length=True)
    return np.asarray(found / (found + counted), np.float64)


def grid_of_centres(nuclei: ScoredNuclei, step_um: float) -> NDArray[np.float64]:
    """Places (k, 2) every ``step_um`` whose own square of that side holds a scored nucleus."""
    cells = np.unique(np.floor(nuclei.centre_um / step_um).astype(np.int64), axis=0)
    return np.asarray((cells + 0.5) * step_um, np.float64)
