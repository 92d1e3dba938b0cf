"""Networks on labelled images: one row for each set and measure, the classical analysis beside it.

One network is judged on what it has and has not seen, in rows apart. Several networks of one
training, each with its own part held out, are judged together, each on its part: that is about the
recipe, and the rows say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TypeAlias

from pathology.errors import UsageError
from pathology.models.catalogue import Installed
from pathology.predictions.devices import device_for
from pathology.predictions.forward import Network, network_at_hand
from pathology.records.model import Evidence, MeasuredResult, ModelTask
from pathology.records.order import DeviceChoice
from pathology.records.prediction import CellClass
from pathology.records.progress import Progress, Tell
from pathology.records.settings.predictions import PredictionSettings
from pathology.training.bootstrap import Estimate
from pathology.training.evidence import parted
from pathology.training.field import LabelledField
from pathology.training.field_scores import (
    JUDGED_CLASSES,
    FieldScores,
    Measure,
    nucleus_scores,
    tissue_scores,
)
from pathology.training.judged_sets import (
    MATCH_UM,
    SETS,
    TITLES,
    USUAL_MATCH_UM,
    AnyField,
    Wanted,
    images_of,
)
from pathology.training.nuclei_seen import nuclei_by_baseline, nuclei_by_network
from pathology.training.public_sets import READERS
from pathology.training.tissue_field import TISSUE_READERS
from pathology.training.tissue_seen import tissue_by_baseline, tissue_by_network


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationOrder:
    """Which models are to be judged on what."""

    models: tuple[Installed, ...]  # several: parts of one cross-validation
    data: Path | None  # folder of the public sets
    annotations: Path | None  # a site's own
    sets: tuple[str, ...]  # public ones; () for those usual for the task
    settings: PredictionSettings  # of the classical analysis, and of positivity
    command: str  # as rows tell it, without paths of this machine
    device: DeviceChoice = "auto"
    allowed_torchscript: tuple[str, ...] = ()
    recipe: bool = False  # one model, but judged for the way it was made: a cross-validation's part
    as_there: bool = False  # sets that do not lie whole in the folder are passed over

    def __post_init__(self) -> None:
        if self.data is None and self.annotations is None:
            raise UsageError("name --data (public sets), --annotations (your own), or both")
        if self.sets and self.data is None:
            raise UsageError("--sets are of --data: name its folder")
        if len({model.card.task for model in self.models}) != 1:
            raise UsageError("models evaluated together must do the same task")
        known = READERS if self.task == "nuclei" else TISSUE_READERS
        if strangers := sorted(set(self.sets) - known.keys()):
            raise UsageError(f"--sets {', '.join(strangers)}: there are {', '.join(known)}")

    @property
    def of_recipe(self) -> bool:
        """Whether what is found is about a way of training, not about one model."""
        return self.recipe or len(self.models) > 1

    @property
    def task(self) -> ModelTask:
        """What the models do."""
        return self.models[0].card.task


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A measured result, and the classical analysis on the same images."""

    result: MeasuredResult
    baseline: Estimate | None  # None where it has no such measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All rows, and images that could not be judged, each with the reason."""

    rows: tuple[Row, ...]
    left_out: tuple[str, ...]
    sets: tuple[str, ...] = ()  # public sets that were there to be judged on


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """Images of one set that are judged together, each by the model beside it."""

    dataset: str
    evidence: Evidence
    images: Sequence[tuple[Installed, AnyField]]


_Classical: TypeAlias = dict[int, FieldScores | None]
"""What the classical analysis contributes, by identity of an image of the set at hand."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Tally:
    """What the images of a part contribute to each measure."""

    network: dict[Measure, list[FieldScores]] = field(default_factory=dict)
    baseline: dict[Measure, list[FieldScores]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def evaluate(order: EvaluationOrder, tell: Tell) -> Evaluation:
    """Judge the models; every image is seen whole, once by its model and once classically.

    Raises
    ------
    UsageError
        A set is missing or damaged, or nothing is there to be judged.
    ModelRefused
        The weights of a model cannot be trusted.
    SlideError
        The device is not to be had or failed, or a network's answer is not finite.
    """
    (told,) = evaluate_together((order,), tell)
    return told


def evaluate_together(orders: Sequence[EvaluationOrder], tell: Tell) -> tuple[Evaluation, ...]:
    """Several orders on the data of the first: images are read, and seen classically, once.

    Raises as ``evaluate`` does.
    """
    rows: tuple[list[Row], ...] = tuple([] for _ in orders)
    left_out: tuple[list[str], ...] = tuple([] for _ in orders)
    first = orders[0]
    sets: list[str] = []
    for name, images in images_of(first.task, first.data, first.annotations, _wanted(first)):
        sets += [name] if name else []
        classical: _Classical = {}
        for order, own_rows, own_left_out in zip(orders, rows, left_out, strict=True):
            for part in _parts(order, images):
                tally = _judged(order, part, classical, tell)
                own_rows += _rows(order, part, tally)
                own_left_out += tally.left_out
    if not first.as_there and not (any(rows) or any(left_out)):
        raise UsageError("nothing to judge: no image was held out of one of these models alone")
    return tuple(
        Evaluation(rows=tuple(own), left_out=tuple(passed), sets=tuple(sets))
        for own, passed in zip(rows, left_out, strict=True)
    )


def _wanted(order: EvaluationOrder) -> Wanted:
    return Wanted(sets=order.sets or SETS[order.task], as_there=order.as_there)


def _parts(order: EvaluationOrder, images: list[AnyField]) -> Iterator[_Part]:
    dataset = images[0].dataset
    split = [(model, parted(model.card, images)) for model in order.models]
    if not order.of_recipe:
        model, by_evidence = split[0]
        for evidence, some in by_evidence.items():
            if some:
                yield _Part(
                    dataset=dataset, evidence=evidence, images=[(model, one) for one in some]
                )
        return
    if not any(kinds["seen"] for _, kinds in split):
        return  # no part of this training: one model alone is judged on it
    away = [(model, one) for model, kinds in split for one in kinds["held-out"]]
    if len(away) > len({id(one) for _, one in away}):
        raise UsageError(
            f"{dataset}: an image was held out of more than one of the models. Models evaluated "
            "together are the folds of one training"
        )
    if away:
        yield _Part(dataset=dataset, evidence="recipe", images=away)


def _judged(order: EvaluationOrder, part: _Part, classical: _Classical, tell: Tell) -> _Tally:
    tally = _Tally()
    for done, (model, image) in enumerate(part.images, start=1):
        network = network_at_hand(model, device_for(order.device), order.allowed_torchscript)
        ours = _scores(image, network, order.settings)
        if ours is None:
            tally.left_out.append(
                f"{part.dataset} {image.name}: stain {image.stain} at {image.mpp:g} µm/px is not "
                f"for {model.card.name}"
            )
        else:
            for measure in ours:
                tally.network.setdefault(measure, []).append(ours)
            if id(image) not in classical:
                classical[id(image)] = _classical_scores(image, order.settings)
            theirs = classical[id(image)] or {}
            for measure in theirs:
                tally.baseline.setdefault(measure, []).append(theirs)
        tell(
            Progress(
                task=f"{part.dataset} {image.name}",
                stage="evaluation",
                done=done,
                total=len(part.images),
            )
        )
    return tally


def _scores(image: AnyField, network: Network, settings: PredictionSettings) -> FieldScores | None:
    """Contributions of the network; None where it cannot see the image."""
    if image.stain not in network.card.input.stains:
        return None
    if isinstance(image, LabelledField):
        nuclei = nuclei_by_network(image, network, settings)
        told = [CellClass[name.upper()] for name in network.card.classes]
        return None if nuclei is None else nucleus_scores(image, nuclei, _match_um(image), told)
    seen = tissue_by_network(image, network, settings)
    return None if seen is None else tissue_scores(image, seen)


def _classical_scores(image: AnyField, settings: PredictionSettings) -> FieldScores | None:
    """Contributions of the classical analysis; None where the image is too coarse for it."""
    if isinstance(image, LabelledField):
        nuclei = nuclei_by_baseline(image, settings)
        if nuclei is None:
            return None
        return nucleus_scores(image, nuclei, _match_um(image), JUDGED_CLASSES)
    return tissue_scores(image, tissue_by_baseline(image, settings))


def _match_um(image: LabelledField) -> float:
    return MATCH_UM.get(image.dataset, USUAL_MATCH_UM)


def _rows(order: EvaluationOrder, part: _Part, tally: _Tally) -> Iterator[Row]:
    for measure, scores in tally.network.items():
        ours = measure.over([one[measure] for one in scores])
        if not isfinite(ours.value):
            continue
        theirs = tally.baseline.get(measure)
        beside = measure.over([one[measure] for one in theirs]) if theirs else None
        yield Row(
            result=MeasuredResult(
                data=TITLES.get(part.dataset, part.dataset),
                measure=measure.name,
                value=ours.value,
                low=ours.low,
                high=ours.high,
                images=ours.images,
                evidence=part.evidence,
                command=order.command,
            ),
            baseline=beside if beside and isfinite(beside.value) else None,
        )
