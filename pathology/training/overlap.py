"""Scores of areas: nuclei outlined one by one, and classes of pixels.

The overlaps of two label images are counted once, as a sparse table; no loop runs over nuclei.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pathology.training.metrics import Counts, ratio

LEAST_IOU = 0.5
"""Above this a pair is unique, so that no assignment is needed (Kirillov et al.)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overlaps:
    """Pairs (m,) of a true and a found nucleus that share pixels, and the sizes of all nuclei.

    Nuclei are numbered from 0, without those that have no pixel.
    """

    truth: NDArray[np.int64]
    found: NDArray[np.int64]
    shared_px: NDArray[np.int64]
    truth_px: NDArray[np.int64]  # (nuclei of the truth,)
    found_px: NDArray[np.int64]  # (nuclei found,)

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each pair, (m,) in (0, 1]."""
        union = self.truth_px[self.truth] + self.found_px[self.found] - self.shared_px
        return self.shared_px / union


def overlaps(truth: NDArray[np.integer], found: NDArray[np.integer]) -> Overlaps:
    """Which nuclei of two label images (h, w) meet; 0 is outside, other labels are any numbers.

    Raises
    ------
    ValueError
        The images have different shapes.
    """
    if truth.shape != found.shape:
        raise ValueError(f"labels of {truth.shape} and {found.shape} are not on one grid")
    truth_names, truth_number, truth_px = np.unique(truth, return_inverse=True, return_counts=True)
    found_names, found_number, found_px = np.unique(found, return_inverse=True, return_counts=True)
    meeting = truth_number.ravel() * len(found_names) + found_number.ravel()
    pair, shared_px = np.unique(meeting, return_counts=True)
    ours, theirs = np.divmod(pair, len(found_names))
    inside = (truth_names[ours] != 0) & (found_names[theirs] != 0)
    first_truth, first_found = int(truth_names[0] == 0), int(found_names[0] == 0)
    return Overlaps(
        truth=ours[inside] - first_truth,
        found=theirs[inside] - first_found,
        shared_px=shared_px[inside],
        truth_px=truth_px[first_truth:],
        found_px=found_px[first_found:],
    )


def aji(seen: Overlaps) -> float:
    """Aggregated Jaccard index of an image, in [0, 1]; 1 is best. NaN without any nucleus.

    AJI = sum |G_i ∩ S_j| / (sum |G_i ∪ S_j| + sum |S_u|)

    S_j is the found nucleus of highest IoU with the true nucleus G_i, where there is one; one found
    nucleus may serve several true ones. S_u are those that serve none. Kumar et al., IEEE TMI 2017.
    Of equal IoU the found nucleus of the lower label counts.
    """
    order = np.lexsort((seen.found, -seen.iou, seen.truth))
    best = order[np.unique(seen.truth[order], return_index=True)[1]]
    shared = int(seen.shared_px[best].sum())
    serving = seen.found[best]
    unused = np.ones(len(seen.found_px), np.bool_)
    unused[serving] = False
    union = int(seen.truth_px.sum()) + int(seen.found_px[serving].sum()) - shared
    whole = union + int(seen.found_px[unused].sum())
    return shared / whole if whole else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class PanopticQuality:
    """How well nuclei were found, outlined, and both, in [0, 1]; NaN without any nucleus."""

    detection: float
    segmentation: float  # mean IoU of the matched; 0 where none is
    both: float


def panoptic_quality(seen: Overlaps) -> PanopticQuality:
    """Panoptic quality of an image (Kirillov et al., CVPR 2019).

    PQ = DQ SQ;  DQ = TP / (TP + FP / 2 + FN / 2);  SQ = mean IoU of the TP

    TP are pairs of an IoU above 0.5, FP and FN the nuclei found and of the truth without such a
    partner. Classes play no part here.
    """
    iou = seen.iou
    good = iou[iou > LEAST_IOU]
    nuclei = len(seen.truth_px) + len(seen.found_px)
    detection = 2 * len(good) / nuclei if nuclei else float("nan")
    segmentation = float(good.mean()) if len(good) else 0.0 * detection
    return PanopticQuality(
        detection=detection, segmentation=segmentation, both=detection * segmentation
    )


def area_counts(
    truth: NDArray[np.bool_], found: NDArray[np.bool_], judged: NDArray[np.bool_] | None = None
) -> Counts:
    """(shared, found, truth) in px of two masks, where ``judged``; for ``dice`` and ``iou``."""
    if judged is not None:
        truth, found = truth & judged, found & judged
    return np.array([(truth & found).sum(), found.sum(), truth.sum()], np.float64)


def dice(counts: Counts) -> NDArray[np.float64]:
    """2 |A ∩ B| / (|A| + |B|) of counts (..., 3): shared, found, truth. Dice, Ecology 1945."""
    return ratio(2 * counts[..., 0], counts[..., 1] + counts[..., 2])


def iou(counts: Counts) -> NDArray[np.float64]:
    """|A ∩ B| / |A ∪ B| of counts (..., 3): shared, found, truth. Jaccard 1912."""
    return ratio(counts[..., 0], counts[..., 1] + counts[..., 2] - counts[..., 0])


def mean_iou(counts: Counts) -> NDArray[np.float64]:
    """Mean over classes of ``iou``, of counts (..., 3 classes) side by side; NaN if one is."""
    classes = counts.reshape(*counts.shape[:-1], -1, 3)
    mean: NDArray[np.float64] = iou(classes).mean(axis=-1)
    return mean
