"""Scores of nuclei as points: found or not, of the right class, rightly called positive.

Every score is computed from counts of one image, (k,), and from sums of such counts alike: the
pooled score of many images is the score of the sum. Where a score has nothing to divide by it is
NaN, which says "not measurable here" and never counts as 0.

Matching is one to one, the closest pair first. That differs from the optimal assignment of
Graham et al. only where nuclei compete for one another, and prefers the nearer one there.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pathology.records.prediction import Positivity
from pathology.training.field import UNKNOWN

Counts = NDArray[np.float64]
"""Of one image, (k,), or of many, (..., k)."""
DETECTION: Final = "F1-detection"
"""``f1`` of ``detection_counts``."""
CLASS_GRAHAM: Final = "F1-class/Graham2019"
"""``f1_graham`` of ``graham_counts``."""
CLASS_PLAIN: Final = "F1-class/plain"
"""``f1`` of ``class_counts``."""
GRAHAM_WEIGHTS: Final = (2.0, 2.0, 1.0, 1.0)
"""Of FP_c, FN_c, FP_d, FN_d: a wrong class weighs twice a missed or an invented nucleus."""


def matched(
    found: NDArray[np.floating], truth: NDArray[np.floating], radius: float
) -> NDArray[np.int64]:
    """One-to-one pairs (m, 2) of rows of ``found`` (n, 2) and ``truth`` (k, 2), closest first.

    Centres and ``radius`` (inclusive) are in one unit. Of equally close pairs the one with the
    lower rows comes first.
    """
    if not len(found) or not len(truth):
        return np.empty((0, 2), np.int64)
    near = cKDTree(found).sparse_distance_matrix(cKDTree(truth), radius, output_type="ndarray")
    near = near[np.lexsort((near["j"], near["i"], near["v"]))]
    pairs = np.stack([near["i"], near["j"]], axis=1).astype(np.int64)
    taken = [np.empty((0, 2), np.int64)]
    while len(pairs):
        # Closest first is what is left when each pair that is the first of both its nuclei is
        # taken, again and again: nothing that comes later can part them.
        ours, theirs = _first_of_each(pairs[:, 0]), _first_of_each(pairs[:, 1])
        chosen = pairs[ours & theirs]
        taken.append(chosen)
        gone = np.isin(pairs[:, 0], chosen[:, 0]) | np.isin(pairs[:, 1], chosen[:, 1])
        pairs = pairs[~gone]
    together = np.concatenate(taken)
    return together[np.argsort(together[:, 0])]


def _first_of_each(numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each (n,) is the first with its number."""
    first = np.zeros(len(numbers), np.bool_)
    first[np.unique(numbers, return_index=True)[1]] = True
    return first


def detection_counts(pairs: NDArray[np.int64], found: int, truth: int) -> Counts:
    """(hits, found, truth) of one image."""
    return np.array([len(pairs), found, truth], np.float64)


def f1(counts: Counts) -> NDArray[np.float64]:
    """Harmonic mean of precision and recall of counts (..., 3): hits, found, truth.

    F1 = 2 TP / (2 TP + FP + FN) = 2 hits / (found + truth)      van Rijsbergen 1979; 1 is best
    """
    hits, found, truth = np.moveaxis(counts, -1, 0)
    return ratio(2 * hits, found + truth)


def precision(counts: Counts) -> NDArray[np.float64]:
    """Hits / found of counts (..., 3): hits, found, truth."""
    return ratio(counts[..., 0], counts[..., 1])


def recall(counts: Counts) -> NDArray[np.float64]:
    """Hits / truth of counts (..., 3): hits, found, truth."""
    return ratio(counts[..., 0], counts[..., 2])


def class_counts(
    found: NDArray[np.integer], truth: NDArray[np.integer], pairs: NDArray[np.int64], kind: int
) -> Counts:
    """(hits, found, truth) of one class, for ``f1``.

    A nucleus of the class that is missed counts as missed, and one that is invented as invented.
    Truth without a class (-1) is left out, together with what was matched to it.
    """
    ours, theirs = pairs.T
    called, meant = found == kind, truth == kind
    untyped = np.zeros(len(found), np.bool_)
    untyped[ours[truth[theirs] == UNKNOWN]] = True
    hits = called[ours] & meant[theirs]
    return np.array([hits.sum(), (called & ~untyped).sum(), meant.sum()], np.float64)


def graham_counts(
    found: NDArray[np.integer], truth: NDArray[np.integer], pairs: NDArray[np.int64], kind: int
) -> Counts:
    """(TP_c, FP_c, FN_c, FP_d, FN_d) of one class, for ``f1_graham``.

    ``_c`` are matched nuclei: rightly of the class, wrongly called it, wrongly called another.
    ``_d`` are nuclei called or being of the class without a partner. Matches to truth without a
    class (-1) count nowhere.
    """
    ours, theirs = pairs.T
    called, meant = found == kind, truth == kind
    typed = truth[theirs] != UNKNOWN
    alone, missed = np.ones(len(found), np.bool_), np.ones(len(truth), np.bool_)
    alone[ours] = False
    missed[theirs] = False
    right = called[ours] & meant[theirs]
    wrong = called[ours] & ~meant[theirs] & typed
    other = ~called[ours] & meant[theirs]
    invented, unseen = called & alone, meant & missed
    parts = [part.sum() for part in (right, wrong, other, invented, unseen)]
    return np.array(parts, np.float64)


def f1_graham(counts: Counts) -> NDArray[np.float64]:
    """F1 of a class after Graham et al., Medical Image Analysis 2019, of counts (..., 5).

    F_c = 2 (TP_c + TN_c) / (2 (TP_c + TN_c) + 2 FP_c + 2 FN_c + FP_d + FN_d)

    TN_c is 0: the authors' published evaluation looks at matched pairs in which either side is of
    the class, and their published figures are of that. 1 is best.
    """
    right, *wrong = np.moveaxis(counts, -1, 0)
    weighed = sum(
        (weight * part for weight, part in zip(GRAHAM_WEIGHTS, wrong, strict=True)),
        start=np.zeros_like(right),
    )
    return ratio(2 * right, 2 * right + weighed)


def positivity_counts(
    found: NDArray[np.integer], truth: NDArray[np.integer], pairs: NDArray[np.int64]
) -> Counts:
    """(rightly judged, judged, matched) among matched nuclei whose truth is known.

    A nucleus in doubt (-1) is matched and not judged. ``found`` (n,) and ``truth`` (k,) are
    ``Positivity``.
    """
    ours, theirs = pairs.T
    known = truth[theirs] != Positivity.UNKNOWN
    judged = known & (found[ours] != Positivity.UNKNOWN)
    right = judged & (found[ours] == truth[theirs])
    return np.array([right.sum(), judged.sum(), known.sum()], np.float64)


def accuracy(counts: Counts) -> NDArray[np.float64]:
    """Rightly judged over judged, of ``positivity_counts`` (..., 3)."""
    return ratio(counts[..., 0], counts[..., 1])


def in_doubt(counts: Counts) -> NDArray[np.float64]:
    """Share of the matched that was not judged, of ``positivity_counts`` (..., 3)."""
    return ratio(counts[..., 2] - counts[..., 1], counts[..., 2])


def positive_index(positive: NDArray[np.integer]) -> float:
    """Positive / (positive + negative) of ``Positivity`` (n,); the doubtful count as neither."""
    yes = int((positive == Positivity.POSITIVE).sum())
    no = int((positive == Positivity.NEGATIVE).sum())
    return yes / (yes + no) if yes + no else float("nan")


def index_error_points(found: NDArray[np.integer], truth: NDArray[np.integer]) -> float:
    """Difference of two indices of one image in percentage points, without its sign."""
    return 100 * abs(positive_index(found) - positive_index(truth))


def ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Part / whole, NaN where there is no whole."""
    undefined = np.full(np.shape(part), np.nan)
    divided: NDArray[np.float64] = np.divide(part, whole, out=undefined, where=whole > 0)
    return divided
