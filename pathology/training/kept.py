"""How much of its teacher's score a student keeps, on images that the training did not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from pathology.models.catalogue import Installed
from pathology.predictions.devices import device_for
from pathology.predictions.forward import Network, network_at_hand
from pathology.records.order import DeviceChoice
from pathology.records.prediction import CellClass
from pathology.records.progress import Progress, Tell
from pathology.records.settings.predictions import PredictionSettings
from pathology.training.evaluate import MATCH_UM, USUAL_MATCH_UM
from pathology.training.field import LabelledField
from pathology.training.field_scores import FieldScores, Measure, nucleus_scores, tissue_scores
from pathology.training.metrics import CLASS_GRAHAM, DETECTION, Counts
from pathology.training.nuclei_seen import nuclei_by_network
from pathology.training.tissue_field import TissueField
from pathology.training.tissue_seen import tissue_by_network

CHIEF: Final = (DETECTION, "PQ", CLASS_GRAHAM, "mean IoU tumour, stroma")
"""Beginnings of the names of the measures that make up the score."""
SCORE: Final = f"mean of {DETECTION}, PQ and {CLASS_GRAHAM} of each class, as far as labels allow"
TISSUE_SCORE: Final = "mean IoU of tumour and stroma"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The student's score over the teacher's."""

    ratio: float
    measure: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """What both are judged on, and how."""

    fields: Sequence[LabelledField | TissueField]
    settings: PredictionSettings
    device: DeviceChoice


def kept_share(student: Installed, teacher: Installed, judges: Judges, tell: Tell) -> Kept | None:
    """The student's mean score over its teacher's; None where no image can judge.

    Measures count that both have on the same images. A teacher that scores 0 keeps nothing to
    compare with.
    """
    if not judges.fields:
        return None
    ours, theirs = (_scores(model, judges, tell) for model in (student, teacher))
    shared = [m for m in theirs if m in ours and isfinite(ours[m]) and isfinite(theirs[m])]
    whole = sum(theirs[measure] for measure in shared)
    if not whole > 0:
        return None
    images: dict[str, int] = {}
    for field in judges.fields:
        images[field.dataset] = images.get(field.dataset, 0) + 1
    return Kept(
        ratio=sum(ours[measure] for measure in shared) / whole,
        measure=SCORE if student.card.task == "nuclei" else TISSUE_SCORE,
        data="; ".join(f"{name}, {count} images" for name, count in images.items()),
    )


def _scores(model: Installed, judges: Judges, tell: Tell) -> dict[Measure, float]:
    """The chief measures of a model over all images."""
    network = network_at_hand(model, device_for(judges.device), ())
    counts: dict[Measure, list[Counts]] = {}
    for done, field in enumerate(judges.fields, start=1):
        for measure, count in _field_scores(field, network, judges.settings).items():
            if measure.name.startswith(CHIEF) and not measure.name.endswith(" on the map"):
                counts.setdefault(measure, []).append(count)
        total = len(judges.fields)
        tell(Progress(task=model.card.name, stage="evaluation", done=done, total=total))
    return {measure: measure.over(some).value for measure, some in counts.items()}


def _field_scores(
    field: LabelledField | TissueField, network: Network, settings: PredictionSettings
) -> FieldScores:
    if field.stain not in network.card.input.stains:
        return {}
    if isinstance(field, TissueField):
        tissue = tissue_by_network(field, network, settings)
        return {} if tissue is None else tissue_scores(field, tissue)
    nuclei = nuclei_by_network(field, network, settings)
    if nuclei is None:
        return {}
    classes = [CellClass[name.upper()] for name in network.card.classes]
    match_um = MATCH_UM.get(field.dataset, USUAL_MATCH_UM)
    return nucleus_scores(field, nuclei, match_um, classes)
