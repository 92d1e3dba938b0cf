"""``pathology demo``: a small slide from scikit-image's IHC photograph, and the main job on it."""

from __future__ import annotations

import argparse
from pathlib import Path

from pathology.cli.messages import say, speak
from pathology.cli.progress import watching
from pathology.pipeline.demo import ASSUMED_MPP, demo_order
from pathology.pipeline.roster import Roster
from pathology.pipeline.run import run
from pathology.pipeline.settings import load_settings
from pathology.records.order import RunOptions


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``demo``."""
    parser.description = "Make a small slide from a photograph, analyse it, say where to look."
    parser.epilog = "example:\n  pathology demo --out demo-result"
    parser.add_argument("--out", type=Path, default=Path("demo-result"), help="folder for results")


def call(given: argparse.Namespace) -> int:
    """0 if the demo ran to its end."""
    out = given.out.absolute()
    order = demo_order(out)
    print(say("demo-what", mpp=ASSUMED_MPP))
    with watching(1, quiet=False, language=speak()) as watcher:
        options = RunOptions(out=out, force=True, language=speak())
        (row,) = run([order], options, load_settings(), Roster(workers=1), watcher)
    if row.state == "failed":
        return 1
    print(say("look-at", path=out / row.result / "overlay.png"))
    print(say("numbers-in", path=out / row.result / "findings.json"))
    return 0
