"""``pathology review retention``: which cases may go, legal hold, and purge by two persons."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pathology.cli.messages import say
from pathology.errors import UsageError
from pathology.pipeline.retention_care import RetentionWish, carry_out, kept_cases
from pathology.records.plain import plain
from pathology.records.retention import KeptCase
from pathology.records.settings.run import RunSettings

SCHEMA = "pathology.retention/1"


def retention_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``retention``."""
    add = parser.add_argument
    add("action", choices=("list", "hold", "lift", "ask", "purge"), metavar="ACTION")
    add("case", nargs="?", help="a case by its pseudonym; none for list")
    add("--why", default="", help="the reason; it is kept")
    add("--due", action="store_true", help="list: only cases whose time is over")
    add("--out", type=Path, metavar="OUT", help="purge: where the reports of the case lie")


def call_retention(given: argparse.Namespace, settings: RunSettings) -> int:
    """Do it; 0."""
    if given.action == "list":
        return _list(kept_cases(settings, due=given.due), as_json=given.json)
    if given.case is None:
        raise UsageError(f"{given.action} needs a case; `pathology review retention list` has them")
    wish = RetentionWish(act=given.action, case=given.case, why=given.why, out=given.out)
    files = carry_out(settings, wish)
    if given.json:
        told = {"schema": SCHEMA, "act": given.action, "case": given.case, "files": files}
        print(json.dumps(told))
    else:
        print(say(f"retention-{given.action}", case=given.case, files=files))
    return 0


def _list(cases: list[KeptCase], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"schema": SCHEMA, "cases": plain(cases)}))
        return 0
    for kept in cases:
        notes = [say("retention-held")] if kept.legal_hold else []
        notes += [say("retention-asked", who=kept.asked_by)] if kept.asked_by else []
        due = f"{kept.due_utc:%Y-%m-%d}"
        print(say("retention-line", case=kept.case, due=due, notes=", ".join(notes)).rstrip())
    if not cases:
        print(say("retention-none"))
    return 0
