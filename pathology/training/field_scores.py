"""What one labelled image contributes to each measure.

What an image's labels cannot judge it contributes nothing to: outlines where only centres are
known, precision and the index where nuclei were left unlabelled, classes nobody stated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pathology.records.geometry import um_to_px
from pathology.records.prediction import CellClass, TissueClass
from pathology.training import metrics, overlap
from pathology.training.bootstrap import Estimate, averaged, pooled
from pathology.training.field import UNKNOWN, LabelledField
from pathology.training.metrics import Counts
from pathology.training.nuclei_seen import NucleiSeen
from pathology.training.tissue_field import BACKGROUND, NORMAL, STROMA, TUMOUR, TissueField
from pathology.training.tissue_seen import TissueSeen

Score: TypeAlias = Callable[[Counts], NDArray[np.float64]]
JUDGED_CLASSES: Final = (CellClass.TUMOUR, CellClass.LYMPHOCYTE, CellClass.STROMA)
"""``other`` has too few and too mixed nuclei in the sets to be scored."""
POSITIVITY: Final[Mapping[str, Score]] = {
    "positivity accuracy": metrics.accuracy,
    "positivity in doubt": metrics.in_doubt,
}
"""The doubtful are left out of the accuracy, so how many they are belongs beside it."""
THRESHOLD: Final = "DAB threshold"
THRESHOLD_SEEN: Final = "DAB threshold, its rule set with these images in sight"
RULE_SET_ON: Final = frozenset({"glioma", "deepliif", "gepnet"})
"""Sets that the rule of the threshold was chosen on, see ``positivity`` in predictions.toml."""
BIT_OF: Final[Mapping[TissueClass, int]] = {
    TissueClass.BACKGROUND: BACKGROUND,
    TissueClass.TUMOUR: TUMOUR,
    TissueClass.STROMA: STROMA,
    TissueClass.NORMAL: NORMAL,
}
"""Bits of ``TissueField.allowed``; what has none here is never right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A named score. Without ``score`` the images' own values are averaged, else counts pooled."""

    name: str
    score: Score | None

    def over(self, contributions: Sequence[Counts]) -> Estimate:
        """The score of all images together, with its interval by image."""
        together = np.stack(contributions)
        return averaged(together[:, 0]) if self.score is None else pooled(together, self.score)


FieldScores: TypeAlias = Mapping[Measure, Counts]


def nucleus_scores(
    field: LabelledField, seen: NucleiSeen, match_um: float, classes: Sequence[CellClass]
) -> FieldScores:
    """Contributions of one image; ``classes`` are those that the eyes can tell."""
    radius_px = um_to_px(match_um, field.mpp)
    pairs = metrics.matched(seen.centre_px, field.centre_px, radius_px)
    within = f"within {match_um:g} µm"
    found = metrics.detection_counts(pairs, len(seen.centre_px), len(field.centre_px))
    scores: dict[Measure, Counts] = {}
    if field.complete:
        scores[Measure(name=f"{metrics.DETECTION} {within}", score=metrics.f1)] = found
        scores[Measure(name=f"precision {within}", score=metrics.precision)] = found
    scores[Measure(name=f"recall {within}", score=metrics.recall)] = found
    if field.complete and (field.cell_class != UNKNOWN).any():
        scores |= _class_scores(field, seen, pairs, classes)
    if field.complete and field.outlined:
        scores |= _outline_scores(field, seen)
    if (field.positive != UNKNOWN).any():
        scores |= _positivity_scores(field, seen, pairs)
    return scores


def _class_scores(
    field: LabelledField,
    seen: NucleiSeen,
    pairs: NDArray[np.int64],
    classes: Sequence[CellClass],
) -> FieldScores:
    scores: dict[Measure, Counts] = {}
    both = seen.cell_class, field.cell_class, pairs
    for kind in JUDGED_CLASSES:
        if kind in classes:
            name = kind.name.lower()
            graham = Measure(name=f"{metrics.CLASS_GRAHAM} {name}", score=metrics.f1_graham)
            plain = Measure(name=f"{metrics.CLASS_PLAIN} {name}", score=metrics.f1)
            scores[graham] = metrics.graham_counts(*both, kind)
            scores[plain] = metrics.class_counts(*both, kind)
    return scores


def _outline_scores(field: LabelledField, seen: NucleiSeen) -> FieldScores:
    shared = overlap.overlaps(field.instances, seen.labels)
    quality = overlap.panoptic_quality(shared)
    told = {
        "AJI": overlap.aji(shared),
        "PQ": quality.both,
        "DQ": quality.detection,
        "SQ": quality.segmentation,
    }
    scores = {
        Measure(name=f"{name}, mean of images", score=None): np.array([value])
        for name, value in told.items()
    }
    covered = overlap.area_counts(field.instances > 0, seen.labels > 0)
    return scores | {Measure(name="Dice of nuclear area", score=overlap.dice): covered}


def _positivity_scores(
    field: LabelledField, seen: NucleiSeen, pairs: NDArray[np.int64]
) -> FieldScores:
    scores: dict[Measure, Counts] = {}
    threshold = THRESHOLD_SEEN if field.dataset in RULE_SET_ON else THRESHOLD
    for how, called in ((threshold, seen.positive), ("learned map", seen.learned)):
        if how == "learned map" and len(called) and (called == UNKNOWN).all():
            continue
        counts = metrics.positivity_counts(called, field.positive, pairs)
        for name, score in POSITIVITY.items():
            scores[Measure(name=f"{name} ({how})", score=score)] = counts
        if field.complete:
            error = metrics.index_error_points(called, field.positive)
            off = Measure(name=f"index error in points ({how}), mean of images", score=None)
            scores[off] = np.array([error])
    return scores


def tissue_scores(field: TissueField, seen: TissueSeen) -> FieldScores:
    """Contributions of one image, as finely as the eyes tell it and on the map as findings use it.

    Pixels that nobody judged count nowhere. IoU needs pixels of one possible class; where the
    labels leave two, all that can be said is whether the answer is among them.
    """
    scores: dict[Measure, Counts] = {}
    for how, answer in (("", seen.finest), (" on the map", seen.as_mapped)):
        called = _bits(answer)
        judged = field.allowed > 0
        if _one_bit(field.allowed[judged]):
            scores |= _iou_scores(field, called, how)
        right = ((called & field.allowed) > 0) & judged
        among = np.array([right.sum(), judged.sum(), judged.sum()], np.float64)
        scores[Measure(name=f"share of area called right{how}", score=metrics.accuracy)] = among
    return scores


def _iou_scores(field: TissueField, called: NDArray[np.uint8], how: str) -> FieldScores:
    judged = field.allowed > 0
    told = {"tumour": TUMOUR, "stroma": STROMA, "normal": NORMAL, "background": BACKGROUND}
    counts = {
        name: overlap.area_counts(field.allowed == bit, called == bit, judged)
        for name, bit in told.items()
    }
    scores = {
        Measure(name=f"IoU {name}{how}", score=overlap.iou): count for name, count in counts.items()
    }
    both = np.concatenate([counts["tumour"], counts["stroma"]])
    return {Measure(name=f"mean IoU tumour, stroma{how}", score=overlap.mean_iou): both} | scores


def _bits(classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """TissueClass -> bits of ``TissueField.allowed``."""
    table = np.zeros(max(TissueClass) + 1, np.uint8)
    for kind, bit in BIT_OF.items():
        table[kind] = bit
    return np.take(table, classes)


def _one_bit(allowed: NDArray[np.uint8]) -> bool:
    return bool((allowed & (allowed - 1) == 0).all())
