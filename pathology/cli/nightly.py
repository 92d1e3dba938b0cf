"""``pathology nightly {plan,run,status,again,install}``: the unattended night."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

EXAMPLES = """
examples:
  pathology nightly install --out /data/results --settings /etc/pathology --to units
  pathology nightly plan --settings /etc/pathology
  pathology nightly plan --what-if --slides 3000 --hours 8 --cores 32
  pathology nightly run --out /data/results --settings /etc/pathology    (as the timer does)
  pathology nightly run --out /data/results --now              (at once, until all is done)
  pathology nightly run --out /data/results --service          (without timer or cron)
  pathology nightly status --follow
  pathology nightly status --find S53b7cba0a9bb9bd6            (the file behind a name)
  pathology nightly again S53b7cba0a9bb9bd6 --why "scanned anew"   (failed, set aside, stopped)
"""
HOMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "plan": "pathology.cli.nightly_plan",
        "run": "pathology.cli.nightly_run",
        "status": "pathology.cli.nightly_status",
        "again": "pathology.cli.nightly_again",
        "install": "pathology.cli.nightly_install",
    }
)


class ActionModule(Protocol):
    """What the modules of ``HOMES`` offer."""

    def call(self, given: argparse.Namespace) -> int:
        """Do ``given.action``; the exit code."""
        ...


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``nightly``."""
    parser.description = "The unattended night: what a hospital scanned by day is done by morning."
    parser.epilog = EXAMPLES
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--settings", type=Path, metavar="FOLDER", help="a site's own settings")
    every.add_argument("--json", action="store_true", help="machine-readable, nothing else")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _plan(actions.add_parser("plan", parents=[every], help="what tonight will do; what if"))
    _run(actions.add_parser("run", parents=[every], help="run one night, or night after night"))
    _status(actions.add_parser("status", parents=[every], help="how far the night is"))
    _again(actions.add_parser("again", parents=[every], help="take slides up again"))
    _install(actions.add_parser("install", parents=[every], help="account, systemd and cron files"))


def _plan(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--look", action="store_true", help="take in what the sources have first")
    add("--out", type=Path, help="folder for results, whose disk is reckoned with")
    add("--workers", type=int, help="processes (default: nightly.toml, or as this machine takes)")
    add("--what-if", action="store_true", help="reckon other machines, not tonight")
    add("--slides", type=int, default=3000, help="what if: slides (default: %(default)s)")
    add("--hours", type=float, default=8.0, help="what if: of a night (default: %(default)s)")
    add("--mm2", type=float, default=100.0, help="what if: tissue a slide (default: %(default)s)")
    add("--cores", type=int, default=8, help="what if: processor cores (default: %(default)s)")
    add("--cards", type=int, default=0, help="what if: GPUs; needs --gpu-s-per-mm2")
    add("--gpu-s-per-mm2", type=float, help="what if: a card's seconds, measured on yours")
    add("--storage-mb-s", type=float, help="what if: of the share that slides are read from")


def _run(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--out", type=Path, help="folder for results (default: out in nightly.toml)")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--now", action="store_true", help="at once, until all is done")
    begin.add_argument("--service", action="store_true", help="wait for each night and run it")
    add(
        "--until-done",
        action="store_true",
        help="end when nothing is left, without waiting for more until the night is over",
    )
    add("--workers", type=int, help="processes on this machine (default: nightly.toml)")
    add("--cluster", metavar="ADDRESS", help="dask scheduler; beyond this machine tls:// only")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where networks run")


def _status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--follow", action="store_true", help="live, until Ctrl-C")
    parser.add_argument(
        "--find", metavar="NAME", help="the file behind a pseudonym; who asked is kept in the audit"
    )


def _again(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("names", nargs="+", metavar="NAME", help="of slides that failed, were set aside or stopped")
    add("--why", required=True, metavar="TEXT", help="kept in the audit chain; no patient's name")


def _install(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--out", type=Path, help="folder for results (default: out in nightly.toml)")
    add("--user", help="system user that the night runs as")
    add("--to", type=Path, metavar="FOLDER", help="write the files there")
    add("--print", dest="show", action="store_true", help="show the files, change nothing")


def call(given: argparse.Namespace) -> int:
    """0 everything done; 1 some slides failed or were left; 2 wrong usage."""
    module: ActionModule = importlib.import_module(HOMES[given.action])
    return module.call(given)
