"""What a student keeps of its teacher's score, on images held out of both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from pathology.errors import UsageError
from pathology.models.catalogue import Installed
from pathology.records.model import MeasuredResult, ModelCard
from pathology.training.evaluate import Evaluation
from pathology.training.metrics import CLASS_PLAIN, DETECTION

SCORED: Final = (DETECTION, CLASS_PLAIN, "PQ,", "mean IoU tumour, stroma")
"""Beginnings of the measures that make the score: found, outlined and classed, each once."""
SCORE: Final = "mean of F1-detection, PQ and F1-class/plain, or mean IoU"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The student's score over the teacher's."""

    ratio: float
    data: str


def check_taught_by(student: ModelCard, teacher: Installed) -> None:
    """Refuse a teacher that is not the one of the student's card."""
    told = student.distilled
    if told is None or told.teacher_sha256 != teacher.card.weights.sha256:
        raise UsageError(
            f"--teacher {teacher.card.name}: {student.name} did not learn from these weights"
        )


def kept_of_teacher(student: Evaluation, teacher: Evaluation) -> Kept:
    """Ratio of the mean scores over all rows that both have on the same held-out images.

    Raises
    ------
    UsageError
        There is no image that both were kept away from.
    """
    theirs = {_key(row.result): row.result.value for row in teacher.rows}
    both = [
        (row.result.data, row.result.value, theirs[_key(row.result)])
        for row in student.rows
        if _counts(row.result) and _key(row.result) in theirs
    ]
    if not both or not min(sum(row[1] for row in both), sum(row[2] for row in both)) > 0:
        raise UsageError("--teacher: there are no images that were held out of both models")
    ours, others = (np.array([row[place] for row in both]) for place in (1, 2))
    data = "; ".join(dict.fromkeys(name for name, _, _ in both))
    return Kept(ratio=float(ours.mean() / others.mean()), data=data)


def with_score(card: ModelCard, kept: Kept) -> ModelCard:
    """The card of a student that says what it keeps."""
    if card.distilled is None:
        return card
    told = replace(card.distilled, score_ratio=round(kept.ratio, 4), measure=SCORE, data=kept.data)
    return replace(card, distilled=told)


def _key(result: MeasuredResult) -> tuple[str, str, str, int]:
    return result.data, result.measure, result.evidence, result.images


def _counts(result: MeasuredResult) -> bool:
    on_map = result.measure.endswith("on the map")
    return result.evidence == "held-out" and result.measure.startswith(SCORED) and not on_map
