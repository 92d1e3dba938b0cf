"""``pathology demo``: a small slide from scikit-image's IHC photograph, and the main job on it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from pathology.cli.messages import say, speak
from pathology.cli.progress import watching
from pathology.cli.review_serve import PORT, tell_address
from pathology.pipeline.demo import ASSUMED_MPP, demo_order
from pathology.pipeline.roster import Roster
from pathology.pipeline.run import run
from pathology.pipeline.settings import load_settings
from pathology.records.order import RunOptions
from pathology.review.demo_desk import opened_demo_desk
from pathology.review.serve import Address, serve

CASE = "DEMO"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``demo``."""
    parser.description = "Make a small slide from a photograph, analyse it, say where to look."
    parser.epilog = "example:\n  pathology demo --out demo-result --serve"
    parser.add_argument("--out", type=Path, default=Path("demo-result"), help="folder for results")
    parser.add_argument("--serve", action="store_true", help="then open the review page on it")
    parser.add_argument("--port", type=int, default=PORT, help="of the review page")


def call(given: argparse.Namespace) -> int:
    """0 if the demo ran to its end."""
    out = given.out.absolute()
    order = replace(demo_order(out), case_id=CASE)
    print(say("demo-what", mpp=ASSUMED_MPP))
    settings = load_settings()
    with watching(1, quiet=False, language=speak()) as watcher:
        options = RunOptions(out=out, force=True, language=speak())
        (row,) = run([order], options, settings, Roster(workers=1), watcher)
    if row.state == "failed":
        return 1
    print(say("look-at", path=out / row.result / "overlay.png"))
    print(say("numbers-in", path=out / row.result / "findings.json"))
    if not given.serve:
        print(say("demo-serve"))
        return 0
    address = Address(host="127.0.0.1", port=given.port)
    with opened_demo_desk(settings, out, order.path) as opened:
        tell_address(opened, address, None)
        serve(opened.desk, address)
    return 0
