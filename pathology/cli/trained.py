"""What ``pathology train`` does once it is called; loads torch."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from pathology.cli.evaluated import markdown
from pathology.cli.messages import say
from pathology.errors import UsageError
from pathology.pipeline.settings import load_settings
from pathology.records.progress import Progress, Tell
from pathology.training.distil import distil
from pathology.training.gather import Fold, Sources
from pathology.training.judge import judge_made
from pathology.training.known_models import named_or_card
from pathology.training.make import TrainingOrder, make_model
from pathology.training.recipe import Recipe, load_recipe, shipped_recipe

TOLD_EVERY: Final = 50
"""Steps between two lines, where no bar can be drawn."""
FOLD: Final = re.compile(r"(\d{1,3})/(\d{1,3})")


def call(given: argparse.Namespace) -> int:
    """0 when weights and card are written."""
    order = order_of(given)
    with watched(quiet=given.json) as tell:
        made = distil(order, tell) if given.action == "distil" else make_model(order, tell)
        judged = judge_made(made, order, tell)
    card, folder = made.card, made.folder
    if given.json:
        summary = {"name": card.name, "sha256": card.weights.sha256, "folder": str(folder)}
        print(json.dumps(summary, ensure_ascii=False))
        return 0
    print(say("train-made", name=card.name, folder=folder, sha256=card.weights.sha256))
    print(say("train-licence", licence=card.weights.licence))
    if card.distilled is not None:
        score = card.distilled.score_ratio
        print(
            say(
                "train-distilled",
                teacher=card.distilled.teacher,
                cost=f"{card.distilled.cost_ratio:.2f}",
                score="–" if score is None else f"{score:.3f}",
            )
        )
    if judged is not None:
        print(markdown(judged.evaluation.rows))
    print(say("models-name-folder", folder=folder.absolute()))
    return 0


def order_of(given: argparse.Namespace) -> TrainingOrder:
    """What the command line asks for; ``UsageError`` where it makes no sense."""
    settings = load_settings(given.settings)
    folder = settings.site.models.site_folder
    start, teacher = getattr(given, "start", None), getattr(given, "teacher", None)
    return TrainingOrder(
        recipe=_recipe(given),
        sources=Sources(
            data=given.data,
            annotations=given.annotations,
            held_out=frozenset(given.hold_out),
            fold=None if given.fold is None else _fold(given.fold),
        ),
        out=given.out.absolute(),
        settings=settings.predictions,
        command=command_of(given),
        name=given.name,
        licence=given.licence,
        device=given.device,
        start=named_or_card(start, folder) if start else None,
        teacher=named_or_card(teacher, folder) if teacher else None,
    )


def _recipe(given: argparse.Namespace) -> Recipe:
    recipe = load_recipe(given.recipe or shipped_recipe(default_recipe(given)))
    if given.action in ("nuclei", "tissue") and recipe.task != given.action:
        raise UsageError(f"--recipe {given.recipe.name}: is for {recipe.task}, not {given.action}")
    if given.steps is not None and given.steps < 1:
        raise UsageError("--steps must be 1 or more")
    recipe = recipe.with_steps(given.steps)
    if given.loaders is None:
        return recipe
    if given.loaders < 0:
        raise UsageError("--loaders must be 0 or more")
    return replace(recipe, loop=replace(recipe.loop, loader_processes=given.loaders))


def default_recipe(given: argparse.Namespace) -> str:
    """Name of the shipped recipe for what is asked."""
    if given.action == "distil":
        return "nuclei-student"
    further = given.action == "nuclei" and given.start and not given.data
    return "nuclei-own" if further else str(given.action)


def _fold(text: str) -> Fold:
    match = FOLD.fullmatch(text)
    if match is None:
        raise UsageError(f"--fold {text[:20]}: wants K/N, for example 1/5")
    return Fold(number=int(match[1]), count=int(match[2]))


def command_of(given: argparse.Namespace) -> str:
    """The command for the card. Folders are named by their last part: no path of a machine."""
    words = ["pathology", "train", given.action]
    for option in ("data", "annotations", "out", "recipe"):
        if (path := getattr(given, option)) is not None:
            words += [f"--{option}", Path(path).absolute().name]
    for option in ("start", "teacher"):
        if text := getattr(given, option, None):
            words += [f"--{option}", Path(text).name]
    for option in ("name", "steps", "fold"):
        if value := getattr(given, option):
            words += [f"--{option}", str(value)]
    if given.hold_out:
        words += ["--hold-out", *sorted(given.hold_out)]
    return shlex.join(words)


@contextmanager
def watched(*, quiet: bool) -> Iterator[Tell]:
    """A bar on a terminal, a line every so many steps elsewhere, nothing with ``quiet``."""
    if quiet:
        yield lambda _: None
    elif sys.stdout.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Bars(*columns, transient=True) as bars:
            bar = bars.add_task(say("train-steps"), total=None)

            def show(step: Progress) -> None:
                bars.update(bar, description=step.task, completed=step.done, total=step.total)

            yield show
    else:
        yield _line


def _line(step: Progress) -> None:
    if step.done % TOLD_EVERY == 0 or step.done == step.total:
        print(say("train-step", done=step.done, total=step.total, losses=step.task), flush=True)
