"""``pathology models list`` and ``show``: what is known of the models, without loading one."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pathology.cli.messages import say
from pathology.pipeline.models import ListedModel, listed_model, listed_models
from pathology.records.model import MeasuredResult
from pathology.records.settings.run import RunSettings

COLUMNS = ("name", "task", "stains", "mpp", "licence", "research", "origin", "weights")
WIDTH = 160


def call(given: argparse.Namespace, settings: RunSettings) -> int:
    """0; 1 where the weights of the model shown are not those of its card."""
    if given.action == "list":
        return _list(listed_models(settings.site.models), as_json=given.json)
    model = listed_model(settings.site.models, given.name)
    if given.json:
        print(json.dumps(facts_told(model), ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(_card_lines(model)))
    return 0 if model.weights == "ok" else 1


def facts_told(model: ListedModel) -> dict[str, Any]:
    """The card, and where the model comes from."""
    origin = "shipped" if model.shipped else "site"
    return {**asdict(model.card), "origin": origin, "weights_state": model.weights}


def _list(models: tuple[ListedModel, ...], *, as_json: bool) -> int:
    if as_json:
        told = [facts_told(model) for model in models]
        print(json.dumps({"models": told}, ensure_ascii=False, allow_nan=False))
    elif not models:
        print(say("models-none"))
    else:
        table = Table(box=None, pad_edge=False)
        for name in COLUMNS:
            table.add_column(say(f"models-{name}"), overflow="fold")
        for model in models:
            table.add_row(*map(escape, _row(model)))
        Console(width=WIDTH, highlight=False).print(table)
    return 0


def _row(model: ListedModel) -> tuple[str, ...]:
    card = model.card
    return (
        card.name,
        card.task,
        ", ".join(card.input.stains),
        f"{card.input.mpp:g}",
        card.weights.licence,
        say("yes") if card.weights.research_only else say("no"),
        say("models-shipped") if model.shipped else say("models-own"),
        say(f"weights-{model.weights}"),
    )


def _card_lines(model: ListedModel) -> list[str]:
    """The card for a reader: what it is, what it needs, its terms, its numbers, its limits."""
    card = model.card
    seen = card.input
    rows = {
        "models-name": f"{card.name}: {card.title}",
        "models-task": card.task,
        "models-classes": ", ".join(card.classes),
        "models-stains": ", ".join(seen.stains),
        "models-mpp": f"{seen.mpp:g} ({seen.finest_mpp:g}-{seen.coarsest_mpp:g})",
        "models-network": " ".join(part for part in (card.network.form, card.network.encoder)),
        "models-licence": card.weights.licence,
        "models-research": say("yes") if card.weights.research_only else say("no"),
        "models-origin": say("models-shipped") if model.shipped else say("models-own"),
        "models-weights": f"{say(f'weights-{model.weights}')} ({card.weights.file}, sha256 "
        f"{card.weights.sha256})",
        "models-made": f"{card.training.date or '-'}: {card.training.command or '-'}",
    }
    lines = [f"{say(key)}: {value}" for key, value in rows.items()]
    lines += ["", f"{say('models-data')}:", *(f"  {data}" for data in card.training.data)]
    lines += ["", f"{say('models-results')}:", *map(_result_line, card.results)]
    lines += ["" if card.results else f"  {say('models-unmeasured')}"]
    lines += [f"{say('models-limits')}:", *(f"  {limit}" for limit in card.limits)]
    return lines


def _result_line(result: MeasuredResult) -> str:
    return (
        f"  {result.data}: {result.measure} {result.value:.3g} "
        f"({result.low:.3g}-{result.high:.3g}), n = {result.images}, "
        f"{say(f'evidence-{result.evidence}')}; {result.command}"
    )
