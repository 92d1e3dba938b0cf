"""Measured results into the card of the model that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from pathology.config import shipped_configs
from pathology.models.card_toml import card_text
from pathology.models.catalogue import Installed
from pathology.models.weights_file import write_whole
from pathology.records.model import MeasuredResult


def write_results(installed: Installed, measured: Sequence[MeasuredResult]) -> Path:
    """Add results to a card's file; the path. Weights and all else of the card stay as they are.

    Raises
    ------
    OutputError
        The card cannot be written, as in a package that is installed for everybody.
    """
    results = merged(installed.card.results, measured)
    path = card_path(installed)
    write_whole(path, card_text(replace(installed.card, results=results)).encode())
    return path


def card_path(installed: Installed) -> Path:
    """Where a model's card lies: with the settings if it is shipped, else beside its weights."""
    folder = shipped_configs() / "models" if installed.shipped else installed.folder
    return folder / f"{installed.card.name}.toml"


def merged(
    before: Sequence[MeasuredResult], measured: Sequence[MeasuredResult]
) -> tuple[MeasuredResult, ...]:
    """New results in place of old ones about the same set on the same evidence; the rest stays."""
    renewed = {(one.data, one.evidence) for one in measured}
    kept = (one for one in before if (one.data, one.evidence) not in renewed)
    return tuple(chain(kept, measured))
