"""``pathology doctor``: is this installation fit for work, and what to do if not."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pathology.cli.messages import say, speak
from pathology.nightly.doctor import examine_night
from pathology.pipeline.check import Check
from pathology.pipeline.doctor import examine_installation
from pathology.review.doctor import examine_sign_on


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``doctor``."""
    parser.description = "Check the installation; every finding says what to do."
    parser.epilog = "example:\n  pathology doctor --out /data/results"
    parser.add_argument("--out", type=Path, help="also check this folder for results")
    parser.add_argument("--settings", type=Path, metavar="FOLDER", help="a site's own settings")
    parser.add_argument("--json", action="store_true", help="machine-readable, nothing else")


def call(given: argparse.Namespace) -> int:
    """0 if nothing stands in the way of work, 1 otherwise."""
    installation = examine_installation(given.settings, given.out)
    night = examine_night(given.settings, given.out)
    checks = (*installation, *examine_sign_on(given.settings), *night)
    if given.json:
        rows = [{"name": c.name, "state": c.state, "detail": c.detail} for c in checks]
        print(json.dumps(rows, ensure_ascii=False))
    else:
        for check in checks:
            print(_line(check))
    return 1 if any(c.state == "bad" for c in checks) else 0


def _line(check: Check) -> str:
    mark = {"good": "ok", "note": "..", "bad": "!!"}[check.state]
    remedy = check.remedy_zh if speak() == "zh" else check.remedy
    return f"{mark}  {check.name}: {check.detail}" + (
        say("remedy", remedy=remedy) if remedy else ""
    )
