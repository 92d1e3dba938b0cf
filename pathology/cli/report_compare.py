"""``pathology report compare``: which language model words drafts that pass, how fast, how dear."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from pathology.cli.messages import say
from pathology.errors import UsageError
from pathology.pipeline.compare import CompareOrder, compare
from pathology.records.comparison import Comparison, ModelScore

COLUMNS = (
    "model",
    "first",
    "retried",
    "fell-back",
    "unanswered",
    "omissions",
    "tokens",
    "seconds",
    "cost",
)
MOST_REASONS = 6


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``report compare``."""
    parser.add_argument("results", type=Path, metavar="RESULTS", help="the --out of a run")
    parser.add_argument("--cases", type=Path, metavar="FOLDER", help="case data, one JSON a case")
    parser.add_argument(
        "--model",
        action="append",
        required=True,
        metavar="NAME|URL",
        help="give it for each: an endpoint of llm.toml, embedded, or a server's url#MODEL",
    )
    parser.add_argument("--most", type=int, metavar="N", help="so many cases and no more")
    parser.add_argument("--settings", type=Path, metavar="FOLDER", help="a site's own")
    parser.add_argument("--json", action="store_true", help="one JSON summary, nothing else")


def call(given: argparse.Namespace) -> int:
    """0, whatever the models did; 2 wrong usage."""
    if given.most is not None and given.most < 1:
        raise UsageError("--most must be 1 or more")
    order = CompareOrder(
        out=given.results,
        models=tuple(dict.fromkeys(given.model)),
        cases=given.cases,
        settings=given.settings,
        most=given.most,
    )
    with _watching(quiet=given.json) as on_draft:
        told = compare(order, on_draft)
    if given.json:
        document = {"schema": "pathology.report-compare/1", **asdict(told)}
        print(json.dumps(document, ensure_ascii=False, allow_nan=False))
        return 0
    _show(told)
    return 0


@contextmanager
def _watching(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    if quiet:
        yield lambda *_: None
    elif not sys.stdout.isatty():
        yield lambda name, done, of: print(
            say("compare-step", model=name, done=done, of=of), flush=True
        )
    else:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=Console(), transient=True) as bars:
            tasks: dict[str, TaskID] = {}

            def on_draft(name: str, done: int, of: int) -> None:
                if name not in tasks:
                    tasks[name] = bars.add_task(name, total=of)
                bars.update(tasks[name], completed=done)

            yield on_draft


def _show(told: Comparison) -> None:
    console = Console()
    table = Table(title=say("compare-title", cases=told.cases), title_justify="left")
    for name in COLUMNS:
        table.add_column(say(f"compare-{name}"), overflow="fold")
    for score in told.scores:
        table.add_row(*_row(score))
    console.print(table)
    for score in told.scores:
        if score.reasons:
            most = list(score.reasons.items())[:MOST_REASONS]
            reasons = ", ".join(f"{kind} {number}" for kind, number in most)
            console.print(say("compare-reasons", model=score.name, reasons=reasons), markup=False)
    for case, why in told.skipped.items():
        console.print(say("compare-skipped", case=case, why=why), markup=False)
    console.print(say("compare-note"))


def _row(score: ModelScore) -> tuple[str, ...]:
    def share(number: int) -> str:
        return f"{number} ({number / score.drafts:.0%})"

    tokens = (
        "-"
        if score.prompt_tokens is None or score.answer_tokens is None
        else f"{score.prompt_tokens:.0f} + {score.answer_tokens:.0f}"
    )
    return (
        f"{score.name} {score.version}".strip(),
        share(score.first),
        share(score.retried),
        share(score.fell_back),
        f"{score.unanswered}",
        f"{score.omissions}",
        tokens,
        f"{score.seconds:.1f} ({score.slowest_s:.1f})",
        "-" if score.cost is None else f"{score.cost:.4f} {score.currency}",
    )
