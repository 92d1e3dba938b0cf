"""``pathology models``: the networks at hand, their terms, and the switch that stops one."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias

from pathology.pipeline.settings import load_settings
from pathology.records.settings.run import RunSettings

EXAMPLES = """
examples:
  pathology models list
  pathology models show nuclei-1
  pathology models verify
  pathology models withdraw nuclei-1 --why "counts stroma as tumour on scanner B"
  pathology models import weights.safetensors --card card.toml --to /data/pathology-models
"""
HOMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "list": "pathology.cli.models_told",
        "show": "pathology.cli.models_told",
        "verify": "pathology.cli.models_tried",
        "import": "pathology.cli.models_tried",
        "withdraw": "pathology.cli.models_withdrawn",
        "restore": "pathology.cli.models_withdrawn",
        "withdrawn": "pathology.cli.models_withdrawn",
    }
)
"""Only what runs networks loads the library for them."""


Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class ActionModule(Protocol):
    """What the modules of ``HOMES`` offer."""

    def call(self, given: argparse.Namespace, settings: RunSettings) -> int:
        """Do ``given.action``; the exit code."""
        ...


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``models``."""
    parser.description = "The networks at hand, their terms and their limits."
    parser.epilog = EXAMPLES
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--settings", type=Path, metavar="FOLDER", help="a site's own settings")
    every.add_argument("--json", action="store_true", help="machine-readable, nothing else")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", parents=[every], help="all models, one line each")
    show = actions.add_parser("show", parents=[every], help="the whole card of a model")
    show.add_argument("name", metavar="NAME")
    verify = actions.add_parser("verify", parents=[every], help="check the hash, load and run")
    verify.add_argument("name", metavar="NAME", nargs="?", help="default: every model")
    bring = actions.add_parser("import", parents=[every], help="check and install a model")
    add = bring.add_argument
    add("file", type=Path, metavar="FILE", help=".safetensors, .pt2, .pth, or an encoder's folder")
    add("--card", type=Path, required=True, metavar="CARD.toml", help="what the model is")
    add("--to", type=Path, required=True, metavar="FOLDER", help="the site's own models")
    _switch(actions, every)


def _switch(actions: Subparsers, every: argparse.ArgumentParser) -> None:
    actions.add_parser("withdrawn", parents=[every], help="models that are out of use")
    for name, what in (
        ("withdraw", "take a model out of use at once, for every run and night"),
        ("restore", "bring it back into use"),
    ):
        add = actions.add_parser(name, parents=[every], help=what).add_argument
        add("name", metavar="NAME")
        add("--why", required=True, help="the reason; it is kept")
        add("--sha256", metavar="HEX", help="only these weights (default: all of this name)")


def call(given: argparse.Namespace) -> int:
    """0 if all is well, 1 where a model is wrong or refused."""
    module: ActionModule = importlib.import_module(HOMES[given.action])
    return module.call(given, load_settings(given.settings))
