"""Networks on labelled images: one row for each set and measure, the classical analysis beside it.

One network is judged on what it has and has not seen, in rows apart. Several networks of one
training, each with its own part held out, are judged together, each on its part: that is about the
recipe, and the rows say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Final, TypeAlias

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
from pathology.training.nuclei_seen import nuclei_by_baseline, nuclei_by_network
from pathology.training.own_annotations import own_nuclei, own_tissue
from pathology.training.public_sets import READERS
from pathology.training.tissue_field import TISSUE_READERS, TissueField
from pathology.training.tissue_seen import tissue_by_baseline, tissue_by_network

AnyField: TypeAlias = LabelledField | TissueField
SETS: Final[Mapping[ModelTask, tuple[str, ...]]] = {
    "nuclei": ("consep-test", "crchisto-test", "monuseg", "glioma", "deepliif", "gepnet"),
    "tissue": ("wsss4luad", "glas"),
}
"""Evaluated unless others are asked for."""
MATCH_UM: Final[Mapping[str, float]] = {
    "consep-train": 3.0,  # 12 px at 0.25 µm/px, Graham et al. 2019
    "consep-test": 3.0,
    "crchisto-train": 3.3,  # 6 px at 0.55 µm/px, Sirinukunwattana et al. 2016
    "crchisto-validation": 3.3,
    "crchisto-test": 3.3,
}
USUAL_MATCH_UM: Final = 4.0
"""About the radius of a nucleus, where no protocol of the set states another."""
TITLES: Final[Mapping[str, str]] = {
    "consep-train": "CoNSeP train, stitched tiles at 0.25 µm/px as stated",
    "consep-test": "CoNSeP test, stitched tiles at 0.25 µm/px as stated",
    "monuseg": "MoNuSeg training images",
    "crchisto-train": "CRCHisto train",
    "crchisto-validation": "CRCHisto validation",
    "crchisto-test": "CRCHisto test (its slides may be those of the training part)",
    "glioma": "Ki-67 glioma",
    "deepliif": "Ki-67 DeepLIIF",
    "gepnet": "Ki-67 GEP-NET (tumour nuclei alone are labelled)",
    "wsss4luad": "WSSS4LUAD validation",
    "glas": "GlaS",
}


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """Images of one set that are judged together, each by the model beside it."""

    dataset: str
    evidence: Evidence
    images: Sequence[tuple[Installed, AnyField]]


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
    rows: list[Row] = []
    left_out: list[str] = []
    for images in _sets(order):
        for part in _parts(order, images):
            tally = _judged(order, part, tell)
            rows += _rows(order, part, tally)
            left_out += tally.left_out
    if not rows and not left_out:
        raise UsageError("nothing to judge: no image was held out of one of these models alone")
    return Evaluation(rows=tuple(rows), left_out=tuple(left_out))


def present_sets(data: Path, task: ModelTask, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the sets that lie whole in the folder: somebody may have got only some."""
    readers: Mapping[str, Callable[[Path], Iterable[AnyField]]] = (
        READERS if task == "nuclei" else TISSUE_READERS
    )
    return tuple(name for name in names if _is_whole(data, name, readers[name]))


def _is_whole(data: Path, name: str, reader: Callable[[Path], Iterable[AnyField]]) -> bool:
    try:
        return bool(_read(data, name, reader))
    except UsageError:
        return False


def _sets(order: EvaluationOrder) -> Iterator[list[AnyField]]:
    """The images of each set."""
    readers: Mapping[str, Callable[[Path], Iterable[AnyField]]] = (
        READERS if order.task == "nuclei" else TISSUE_READERS
    )
    if order.data is not None:
        for name in order.sets or SETS[order.task]:
            yield _read(order.data, name, readers[name])
    if order.annotations is not None:
        own = own_nuclei if order.task == "nuclei" else own_tissue
        yield list(own(order.annotations))


def _read(data: Path, name: str, reader: Callable[[Path], Iterable[AnyField]]) -> list[AnyField]:
    try:
        images = list(reader(data))
    except (OSError, ValueError, LookupError) as cause:
        raise UsageError(
            f"--data {data.name}: set {name} cannot be read ({type(cause).__name__}: {cause}). "
            "Get it, or leave it out of --sets"
        ) from cause
    if not images:
        raise UsageError(f"--data {data.name}: set {name} is not there. Leave it out of --sets")
    return images


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


def _judged(order: EvaluationOrder, part: _Part, tell: Tell) -> _Tally:
    tally = _Tally()
    for done, (model, image) in enumerate(part.images, start=1):
        network = network_at_hand(model, device_for(order.device), order.allowed_torchscript)
        ours, theirs = _scores(image, network, order.settings)
        if ours is None:
            tally.left_out.append(
                f"{part.dataset} {image.name}: stain {image.stain} at {image.mpp:g} µm/px is not "
                f"for {model.card.name}"
            )
        else:
            for measure in ours:
                tally.network.setdefault(measure, []).append(ours)
            for measure in theirs or ():
                tally.baseline.setdefault(measure, []).append(theirs or {})
        tell(
            Progress(
                task=f"{part.dataset} {image.name}",
                stage="evaluation",
                done=done,
                total=len(part.images),
            )
        )
    return tally


def _scores(
    image: AnyField, network: Network, settings: PredictionSettings
) -> tuple[FieldScores | None, FieldScores | None]:
    """Contributions of the network and of the classical analysis; None where one sees nothing."""
    if image.stain not in network.card.input.stains:
        return None, None
    if isinstance(image, LabelledField):
        match_um = MATCH_UM.get(image.dataset, USUAL_MATCH_UM)
        told = [CellClass[name.upper()] for name in network.card.classes]
        ours = nuclei_by_network(image, network, settings)
        theirs = nuclei_by_baseline(image, settings)
        return (
            None if ours is None else nucleus_scores(image, ours, match_um, told),
            None if theirs is None else nucleus_scores(image, theirs, match_um, JUDGED_CLASSES),
        )
    seen = tissue_by_network(image, network, settings)
    return (
        None if seen is None else tissue_scores(image, seen),
        tissue_scores(image, tissue_by_baseline(image, settings)),
    )


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
