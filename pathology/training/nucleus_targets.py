"""What the nucleus network should say about a crop, and where it is not judged.

The centre's peak is a Gaussian as wide as its nucleus allows (Zhou et al., *Objects as Points*,
2019); the offset to the centre is asked inside the nucleus only, as in Panoptic-DeepLab (Cheng et
al., CVPR 2020). What nobody labelled is not judged at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pathology.training.field import UNKNOWN

NOT_JUDGED: Final = -1
CENTRE_WIDTH: Final = 0.16
"""Sigma of a centre's peak, of the nucleus's diameter."""
LEAST_SIGMA_UM, MOST_SIGMA_UM = 0.6, 1.5
"""In micrometres: finer pixels must not ask for the very pixel of a large nucleus's centre."""
POINT_SIGMA_UM: Final = 1.0
CLEAR_OF_POINTS_UM: Final = 6.5
"""Further than this from every known centre nothing is a nucleus."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CropTruth:
    """The nuclei of a crop at the work scale; label i + 1 is row i of the columns."""

    instances: NDArray[np.int32]  # (h, w)
    centre_px: NDArray[np.float32]  # (n, 2) x, y; may lie outside the crop
    cell_class: NDArray[np.int8]
    positive: NDArray[np.int8]
    outlined: bool
    complete: bool
    mpp: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NucleusTargets:
    """Per pixel; ``NOT_JUDGED`` where nothing is asked."""

    nucleus: NDArray[np.int8]  # 0, 1
    centre: NDArray[np.float32]  # 0..1
    offset_px: NDArray[np.float32]  # (2, h, w) to the centre; judged where ``inside``
    inside: NDArray[np.bool_]
    cell_class: NDArray[np.int8]
    positive: NDArray[np.int8]


def targets_of(truth: CropTruth) -> NucleusTargets:
    """The targets of one crop."""
    labels = truth.instances
    inside = labels > 0
    nucleus = inside.astype(np.int8)
    if not truth.outlined:
        nucleus[_near_points(truth) & ~inside] = NOT_JUDGED
    centre = centre_peaks(truth)
    if not truth.complete:
        nucleus[~inside] = NOT_JUDGED
        centre[~inside] = NOT_JUDGED
    return NucleusTargets(
        nucleus=nucleus,
        centre=centre,
        offset_px=_offsets(truth),
        inside=inside,
        cell_class=_spread(truth.cell_class, labels),
        positive=_spread(truth.positive, labels),
    )


def _near_points(truth: CropTruth) -> NDArray[np.bool_]:
    """Where a nucleus may be of which only the centre is known, beyond the crop's edge as well."""
    reach = int(np.ceil(CLEAR_OF_POINTS_UM / truth.mpp)) + 1
    height, width = truth.instances.shape
    column, row = np.floor(truth.centre_px).astype(np.int64).T + reach
    free = np.ones((height + 2 * reach, width + 2 * reach), np.bool_)
    seen = (column >= 0) & (column < free.shape[1]) & (row >= 0) & (row < free.shape[0])
    free[row[seen], column[seen]] = False
    free[reach:-reach, reach:-reach] &= truth.instances == 0
    if free.all():
        return np.zeros((height, width), np.bool_)
    near: NDArray[np.bool_] = ndimage.distance_transform_edt(free) < CLEAR_OF_POINTS_UM / truth.mpp
    return near[reach:-reach, reach:-reach]


def centre_peaks(truth: CropTruth) -> NDArray[np.float32]:
    """Peaks of height 1 at the pixel of each centre, the higher where two overlap."""
    height, width = truth.instances.shape
    peaks = np.zeros((height, width), np.float32)
    area = np.bincount(truth.instances.ravel(), minlength=len(truth.centre_px) + 1)[1:]
    for (x, y), size in zip(truth.centre_px, area, strict=False):
        column, row = int(x), int(y)
        if not size or not (0 <= column < width and 0 <= row < height):
            continue
        sigma = POINT_SIGMA_UM / truth.mpp
        if truth.outlined:
            wide = CENTRE_WIDTH * 2 * np.sqrt(size / np.pi)
            sigma = float(np.clip(wide, LEAST_SIGMA_UM / truth.mpp, MOST_SIGMA_UM / truth.mpp))
        reach = int(3 * sigma) + 1
        rows = slice(max(0, row - reach), min(height, row + reach + 1))
        columns = slice(max(0, column - reach), min(width, column + reach + 1))
        dy = np.arange(rows.start, rows.stop)[:, None] - row
        dx = np.arange(columns.start, columns.stop)[None] - column
        peak = np.exp(-(dx**2 + dy**2) / (2 * sigma**2)).astype(np.float32)
        np.maximum(peaks[rows, columns], peak, out=peaks[rows, columns])
    return peaks


def _offsets(truth: CropTruth) -> NDArray[np.float32]:
    """From the middle of each nucleus pixel to its centre, (2, h, w) x, y; 0 elsewhere."""
    height, width = truth.instances.shape
    offset = np.zeros((2, height, width), np.float32)
    row, column = np.nonzero(truth.instances)
    centre = truth.centre_px[truth.instances[row, column] - 1]
    offset[0, row, column] = centre[:, 0] - (column + 0.5)
    offset[1, row, column] = centre[:, 1] - (row + 0.5)
    return offset


def _spread(values: NDArray[np.int8], labels: NDArray[np.int32]) -> NDArray[np.int8]:
    """Each nucleus's value on its pixels, ``NOT_JUDGED`` elsewhere and where it is unknown."""
    table = np.concatenate([[NOT_JUDGED], np.where(values == UNKNOWN, NOT_JUDGED, values)])
    return table.astype(np.int8)[labels]
