"""What ``pathology evaluate`` does once it is called; loads torch."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from pathology.cli.messages import say
from pathology.pipeline.settings import load_settings
from pathology.records.progress import Progress, Tell
from pathology.training.bootstrap import Estimate
from pathology.training.evaluate import EvaluationOrder, Row
from pathology.training.judge import Judgement, JudgingOrder, judge
from pathology.training.known_models import named_or_card

COLUMNS = ("data", "evidence", "images", "measure", "network", "classical")


def call(given: argparse.Namespace) -> int:
    """0 if something could be measured, 1 if every image was left out."""
    order = order_of(given)
    with watched(quiet=given.json) as tell:
        told = judge(order, tell)
    if given.json:
        print(json.dumps(_plain(told), ensure_ascii=False))
    else:
        print(markdown(told.evaluation.rows))
        if told.kept is not None:
            print(say("evaluate-kept", share=100 * told.kept.ratio, data=told.kept.data))
        for problem in told.evaluation.left_out:
            print(say("evaluate-left-out", problem=problem), file=sys.stderr)
        if told.card_path is not None:
            print(say("evaluate-written", path=told.card_path), file=sys.stderr)
    return 0 if told.evaluation.rows else 1


def order_of(given: argparse.Namespace) -> JudgingOrder:
    """What the command line asks for; ``UsageError`` where it makes no sense."""
    settings = load_settings(given.settings)
    folder = settings.site.models.site_folder
    models = tuple(named_or_card(text, folder) for text in given.models)
    card_of = named_or_card(given.card, folder) if given.card else None
    evaluation = EvaluationOrder(
        models=models,
        data=given.data,
        annotations=given.annotations,
        sets=tuple(given.sets),
        settings=settings.predictions,
        command=command_of(given),
        device=given.device,
        allowed_torchscript=settings.site.models.allowed_torchscript_sha256,
        recipe=card_of is not None
        and any(m.card.weights.sha256 != card_of.card.weights.sha256 for m in models),
    )
    return JudgingOrder(
        evaluation=evaluation,
        teacher=named_or_card(given.teacher, folder) if given.teacher else None,
        card_of=card_of,
        write=given.write_card or given.card is not None,
    )


def markdown(rows: Sequence[Row]) -> str:
    """A table, one line a row, with intervals."""
    lines = [
        "| " + " | ".join(say(f"evaluate-{name}") for name in COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
    ]
    for row in rows:
        found = row.result
        ours = Estimate(value=found.value, low=found.low, high=found.high, images=found.images)
        cells = (
            found.data,
            say(f"evidence-{found.evidence}"),
            str(found.images),
            found.measure,
            with_interval(ours),
            "–" if row.baseline is None else with_interval(row.baseline),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def with_interval(told: Estimate) -> str:
    """A score and its interval; three digits after the point are more than any set can tell."""
    if told.images == 1:
        return f"{told.value:.3f} (one image)"
    return f"{told.value:.3f} ({told.low:.3f}–{told.high:.3f})"


def command_of(given: argparse.Namespace) -> str:
    """The command for the rows. Files and folders by their last part: no path of a machine."""
    words = ["pathology", "evaluate", *map(_named, given.models)]
    for option in ("data", "annotations"):
        if (path := getattr(given, option)) is not None:
            words += [f"--{option}", Path(path).absolute().name]
    if given.sets:
        words += ["--sets", *given.sets]
    if given.teacher:
        words += ["--teacher", _named(given.teacher)]
    return shlex.join(words)


def _named(text: str) -> str:
    """A model's name as it is, a card by its own name and its folder's: folds differ there."""
    card = Path(text).absolute()
    return f"{card.parent.name}/{card.name}" if card.suffix == ".toml" else text


@contextmanager
def watched(*, quiet: bool) -> Iterator[Tell]:
    """A bar on a terminal, a line for each set elsewhere; standard output is for the table."""
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
            bar = bars.add_task(say("evaluate-images"), total=None)

            def show(step: Progress) -> None:
                bars.update(bar, description=step.task, completed=step.done, total=step.total)

            yield show
    else:
        yield _line


def _line(step: Progress) -> None:
    if step.done == step.total:
        print(
            say("evaluate-step", image=step.task, done=step.done, total=step.total),
            file=sys.stderr,
            flush=True,
        )


def _plain(told: Judgement) -> dict[str, Any]:
    """For machines."""
    rows = [
        {**asdict(row.result), "baseline": None if row.baseline is None else asdict(row.baseline)}
        for row in told.evaluation.rows
    ]
    kept = None if told.kept is None else asdict(told.kept)
    return {"rows": rows, "left_out": told.evaluation.left_out, "kept_of_teacher": kept}
