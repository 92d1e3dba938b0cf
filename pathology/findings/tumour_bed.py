"""The tumour bed: pieces of tumour joined over short gaps, and the nests that it is made of.

Distances are Euclidean, on masks (rows, columns) of ``mpp`` µm per pixel; a disc of diameter d
closes gaps narrower than d. Specks are dropped after the closing: tumour that grows in single
strands is all specks before it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pathology.findings.strips import within_reach
from pathology.records.settings.infiltration import BedRule

Mask = NDArray[np.bool_]
TOUCHING = np.ones((3, 3), bool)
"""Pixels that touch at a corner belong together: a strand one pixel wide may run aslant."""


def tumour_bed(tumour: Mask, tissue: Mask, mpp: float, rule: BedRule) -> Mask:
    """The bed of ``tumour``, within ``tissue``: closed, without specks, small holes filled."""
    bed = np.zeros(tumour.shape, bool)
    if not tumour.any():
        return bed
    box = box_of(tumour)  # a closing never leaves it
    part = closed(tumour[box], rule.closing_um / 2 / mpp) & tissue[box]
    part = without_small(part, _pixels(rule.least_piece_mm2, mpp))
    bed[box] = filled(part, _pixels(rule.least_hole_mm2, mpp)) & tissue[box]
    return bed


def box_of(mask: Mask) -> tuple[slice, slice]:
    """The smallest box (rows, columns) around a mask that is not empty."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def closed(mask: Mask, radius_px: float) -> Mask:
    """Closing by a disc: everything that no disc of that radius outside the mask can reach."""
    if not mask.any():
        return mask.copy()
    margin = math.ceil(radius_px) + 2
    free = ~within_reach(np.pad(mask, margin), radius_px)
    kept = ~within_reach(free, radius_px)
    return np.asarray(mask | kept[margin:-margin, margin:-margin])


def without_small(mask: Mask, least_px: float) -> Mask:
    """``mask`` without the pieces of fewer than ``least_px`` pixels."""
    labels, _ = ndimage.label(mask, TOUCHING)
    keep = np.bincount(labels.ravel()) >= least_px
    keep[0] = False
    return np.asarray(keep[labels])


def filled(mask: Mask, least_px: float) -> Mask:
    """``mask`` and its holes of fewer than ``least_px`` pixels.

    A hole is shut in by the mask on all sides. What lies around the mask is none, however small:
    the rim of a biopsy beside its tumour, or another piece of tissue.
    """
    labels, _ = ndimage.label(np.pad(~mask, 1, constant_values=True))  # not over corners
    fill = np.bincount(labels.ravel()) < least_px
    fill[[0, labels[0, 0]]] = False
    return np.asarray(mask | fill[labels[1:-1, 1:-1]])


def nest_areas_mm2(tumour: Mask, bed: Mask, mpp: float) -> NDArray[np.float64]:
    """Areas (n,) of the pieces of tumour in the bed, largest first."""
    labels, _ = ndimage.label(tumour & bed, TOUCHING)
    sizes = np.bincount(labels.ravel())[1:]
    return np.sort(sizes * (mpp**2 / 1e6))[::-1]


def _pixels(area_mm2: float, mpp: float) -> float:
    return area_mm2 * 1e6 / mpp**2
