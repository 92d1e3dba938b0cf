"""``pathology evaluate MODEL``: networks on labelled images, the classical analysis beside them."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Final, Protocol

EXAMPLES = """
examples:
  pathology evaluate nuclei-1 --data DATA
  pathology evaluate nuclei-1 --data DATA --sets consep-test glioma --write-card
  pathology evaluate our-nuclei --annotations our-cells --write-card
  pathology evaluate student/nuclei-small-1.toml --teacher nuclei-fine-1 --data DATA --write-card
  pathology evaluate fold-1/tissue-1.toml fold-2/tissue-1.toml --data DATA --card tissue-1

Several models are the folds of one training: each is judged on the part that was held out of it,
together they tell what the recipe is worth, and --card says whose card gets the rows.
"""
HOME: Final = "pathology.cli.evaluated"
"""Loads the library that runs networks; asking for help does not wait for it."""


class ActionModule(Protocol):
    """What the module of ``HOME`` offers."""

    def call(self, given: argparse.Namespace) -> int:
        """Evaluate; the exit code."""
        ...


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``evaluate``."""
    parser.description = (
        "Measure a network on labelled images, and the classical analysis on the same images. "
        "Every figure has a bootstrap interval by image; what a model has seen in training is "
        "told apart from what was held out."
    )
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help="its name, or its card (NAME.toml)")
    add("--data", type=Path, metavar="FOLDER", help="the public sets")
    add("--annotations", type=Path, metavar="FOLDER", help="your own images, GeoJSON, dataset.toml")
    add("--sets", nargs="+", default=[], metavar="SET", help="default: all usual for the task")
    add("--write-card", action="store_true", help="put the results into the model's card")
    add("--card", metavar="MODEL", help="into this model's card (needed for several models)")
    add("--teacher", metavar="MODEL", help="of a distilled model: tell what it keeps of its score")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where networks run")
    add("--settings", type=Path, metavar="FOLDER", help="a site's own settings")
    add("--json", action="store_true", help="machine-readable, nothing else")


def call(given: argparse.Namespace) -> int:
    """0 if something could be measured, 1 if every image was left out."""
    module: ActionModule = importlib.import_module(HOME)
    return module.call(given)
