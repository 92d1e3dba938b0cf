"""``pathology train {nuclei,tissue,distil}``: weights and their card, from labelled images."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Final, Protocol

EXAMPLES = """
examples:
  pathology train nuclei --data DATA --out OUT          (weights like the shipped ones)
  pathology train tissue --data DATA --out OUT --fold 1/5
  pathology train nuclei --data DATA --out OUT --hold-out glioma/gliomaA monuseg/breast
  pathology train nuclei --annotations our-cells --start nuclei-1 --name our-nuclei --out OUT
  pathology train distil --teacher nuclei-1 --data DATA --out OUT --hold-out glioma/gliomaA

Stopped or killed, it goes on with the same command. OUT then holds NAME.safetensors and NAME.toml:
name the folder in [models] of site.toml, or bring both in by `pathology models import`.
"""
HOME: Final = "pathology.cli.trained"
"""Loads the library that trains; asking for help does not wait for it."""


class ActionModule(Protocol):
    """What the module of ``HOME`` offers."""

    def call(self, given: argparse.Namespace) -> int:
        """Train; the exit code."""
        ...


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``train``."""
    parser.description = "Make the weights of a network: from public sets, or from your own labels."
    parser.epilog = EXAMPLES
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    helps = {
        "nuclei": "outlines, classes and positivity of nuclei",
        "tissue": "tissue classes",
        "distil": "a smaller network that learns from a larger one",
    }
    for name, text in helps.items():
        action = actions.add_parser(
            name,
            help=text,
            description=text,
            epilog=EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        _every(action)
        if name == "distil":
            action.add_argument(
                "--teacher", required=True, metavar="MODEL", help="learn from it: name or card file"
            )
        action.add_argument(
            "--start", metavar="MODEL", help="begin with its weights: name or card file"
        )


def _every(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", type=Path, metavar="FOLDER", help="the public sets of the recipe")
    add("--annotations", type=Path, metavar="FOLDER", help="your own images, GeoJSON, dataset.toml")
    add("--out", type=Path, required=True, metavar="FOLDER", help="checkpoint, weights and card")
    add("--recipe", type=Path, metavar="FILE", help="default: the shipped one of this kind")
    add("--name", default="", help="of the model (default: the recipe's)")
    add("--steps", type=int, metavar="N", help="instead of the recipe's")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where it is trained")
    add(
        "--loaders", type=int, metavar="N", help="processes that make crops (default: the recipe's)"
    )
    add("--hold-out", nargs="+", default=[], metavar="SET/GROUP", help="never trained on")
    add("--fold", metavar="K/N", help="hold out the K-th of N parts of every set")
    add("--licence", default="", help="of weights made from your own annotations alone")
    add("--settings", type=Path, metavar="FOLDER", help="a site's own settings (*.toml)")
    add("--json", action="store_true", help="one JSON summary on standard output, nothing else")


def call(given: argparse.Namespace) -> int:
    """0 when weights and card are written."""
    module: ActionModule = importlib.import_module(HOME)
    return module.call(given)
