"""Accuracy of the shipped networks on labelled images, beside the classical baseline, as Markdown.

    scripts/bench models [--data FOLDER] [--models NAME ...] [--folds CARD ...] [--sets SET ...]

``--folds`` are the cards of networks that were trained with ``--fold K/N``; they are grouped by
their task and judged each on what it held out. All other rows are about the models themselves.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

import numpy as np

from pathology.cli.evaluated import markdown, with_interval
from pathology.models.catalogue import Installed, load_catalogue
from pathology.pipeline.settings import load_settings
from pathology.predictions.devices import device_for
from pathology.predictions.forward import network_at_hand
from pathology.records.model import CLASSES
from pathology.records.progress import Progress
from pathology.training.evaluate import EvaluationOrder, Row, evaluate
from pathology.training.evidence import parted
from pathology.training.field import LabelledField
from pathology.training.field_scores import THRESHOLD_SEEN
from pathology.training.judged_sets import TITLES
from pathology.training.known_models import named_or_card
from pathology.training.metrics import positive_index
from pathology.training.nuclei_seen import nuclei_by_baseline, nuclei_by_network
from pathology.training.public_sets import READERS

DATA = Path(__file__).parents[2].parent / "shared" / "data"
SETTINGS = load_settings().predictions
INDEX_SETS = ("glioma", "deepliif", "gepnet")


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a figure should at least be, and what it was meant to reach."""

    dataset: str
    measure: str
    floor: float
    goal: float
    lower_is_better: bool = False

    def verdict(self, value: float) -> str:
        sign = -1 if self.lower_is_better else 1
        if sign * value >= sign * self.goal:
            return "goal reached"
        return "floor reached" if sign * value >= sign * self.floor else "below the floor"


GRAHAM = "F1-class/Graham2019"
ACCURACY = f"positivity accuracy ({THRESHOLD_SEEN})"
INDEX_ERROR = f"index error in points ({THRESHOLD_SEEN}), mean of images"
GOALS = (
    Goal(dataset="consep-test", measure="F1-detection within 3 µm", floor=0.70, goal=0.75),
    Goal(dataset="consep-test", measure=f"{GRAHAM} lymphocyte", floor=0.55, goal=0.63),
    Goal(dataset="consep-test", measure=f"{GRAHAM} tumour", floor=0.55, goal=0.64),
    Goal(dataset="consep-test", measure=f"{GRAHAM} stroma", floor=0.45, goal=0.57),
    Goal(dataset="consep-test", measure="AJI, mean of images", floor=0.48, goal=0.57),
    Goal(dataset="consep-test", measure="PQ, mean of images", floor=0.45, goal=0.55),
    Goal(dataset="monuseg", measure="AJI, mean of images", floor=0.58, goal=0.65),
    Goal(dataset="monuseg", measure="PQ, mean of images", floor=0.55, goal=0.62),
    Goal(dataset="glioma", measure="F1-detection within 4 µm", floor=0.78, goal=0.88),
    Goal(dataset="glioma", measure=ACCURACY, floor=0.95, goal=0.98),
    Goal(dataset="glioma", measure=INDEX_ERROR, floor=4.0, goal=2.0, lower_is_better=True),
    Goal(dataset="wsss4luad", measure="mean IoU tumour, stroma", floor=0.62, goal=0.75),
)
"""CRCHisto has no goal here: the recipe trains on its other parts. For HoVer-Net's own measures on
CoNSeP the goals are its published figures (Graham 2019)."""


def main() -> None:
    """All tables."""
    os.environ["PATHOLOGY_LANG"] = "en"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--models", nargs="+", default=[*load_catalogue()], metavar="MODEL")
    parser.add_argument("--folds", nargs="+", default=[], metavar="CARD")
    parser.add_argument("--sets", nargs="+", default=[], metavar="SET", help="default: the usual")
    given = parser.parse_args()
    models = [named_or_card(text, None) for text in given.models]
    folds = [named_or_card(text, None) for text in given.folds]
    runs = [(model.card.name, (model,), False) for model in models]
    by_task = {task: tuple(f for f in folds if f.card.task == task) for task in CLASSES}
    runs += [
        (f"the recipe of {task}, {len(some)} part(s) held out", some, True)
        for task, some in by_task.items()
        if some
    ]
    for name, judged, recipe in runs:
        print(f"\n## {name}\n", flush=True)
        report(judged, given.data, given.sets, recipe=recipe)
    for model in models:
        if model.card.task == "nuclei" and "ihc-dab" in model.card.input.stains:
            own = [fold for fold in folds if fold.card.task == "nuclei"]
            print(f"\n## The index of a field, {model.card.name}\n", flush=True)
            indices(model, own, given.data)


def report(models: tuple[Installed, ...], data: Path, sets: Sequence[str], *, recipe: bool) -> None:
    """Goals first, then every row."""
    names = [f"{m.folder.name}/{m.card.name}.toml" if recipe else m.card.name for m in models]
    words = ["evaluate", *names, "--data", data.name]
    if sets:
        words += ["--sets", *sets]
    order = EvaluationOrder(
        models=models,
        data=data,
        annotations=None,
        sets=tuple(sets),
        settings=SETTINGS,
        command=f"pathology {' '.join(words)}",
        recipe=recipe,
    )
    told = evaluate(order, _step)
    if lines := list(against_goals(told.rows)):
        print("| data | measure | evidence | floor | goal | network | classical | |")
        print("|---|---|---|---|---|---|---|---|")
        print("\n".join(lines), end="\n\n")
    print(markdown(told.rows))
    for problem in told.left_out:
        print(f"\nLeft out: {problem}")
    print(f"\n`{order.command}`", flush=True)


def against_goals(rows: Sequence[Row]) -> Iterator[str]:
    """Lines of a table; a figure on images seen in training reaches nothing."""
    for goal in GOALS:
        title = TITLES[goal.dataset]
        for row in rows:
            found, beside = row.result, row.baseline
            if (found.data, found.measure) != (title, goal.measure):
                continue
            verdict = "no test" if found.evidence == "seen" else goal.verdict(found.value)
            print_beside = "–" if beside is None else with_interval(beside)
            yield (
                f"| {title} | {goal.measure} | {found.evidence} | {goal.floor:g} | {goal.goal:g} "
                f"| {found.value:.3f} ({found.low:.3f}–{found.high:.3f}) | {print_beside} "
                f"| {verdict} |"
            )


def indices(model: Installed, folds: Sequence[Installed], data: Path) -> None:
    """Index of each field: people, network by threshold and by its own map, classical analysis."""
    print("| field | seen by the network | people | DAB threshold | learned map | classical |")
    print("|---|---|---|---|---|---|")
    for name in INDEX_SETS:
        fields = list(READERS[name](data))
        away = {
            id(field): fold for fold in folds for field in parted(fold.card, fields)["held-out"]
        }
        if not folds:
            away = {id(field): model for field in parted(model.card, fields)["held-out"]}
        for field in fields:
            judge = away.get(id(field), model)
            seen = "no" if id(field) in away else "yes"
            cells = " | ".join(f"{value:.3f}" for value in _indices(field, judge))
            print(f"| {field.name} | {seen} | {cells} |", flush=True)


def _indices(field: LabelledField, model: Installed) -> tuple[float, ...]:
    ours = nuclei_by_network(field, network_at_hand(model, device_for("auto"), ()), SETTINGS)
    theirs = nuclei_by_baseline(field, SETTINGS)
    people = positive_index(field.positive) if field.complete else nan
    seen = [None, None] if ours is None else [ours.positive, ours.learned]
    seen.append(None if theirs is None else theirs.positive)
    return (people, *(nan if s is None else positive_index(np.asarray(s)) for s in seen))


def _step(step: Progress) -> None:
    if step.done == step.total:
        print(f"{step.task}: {step.done} of {step.total}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
