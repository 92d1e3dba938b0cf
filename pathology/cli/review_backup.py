"""``pathology review {backup,restore}``: all that was decided, and the way back."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pathology.cli.messages import say
from pathology.errors import UsageError
from pathology.pipeline.backup import BackedUp, BackupOrder, back_up, restore, restore_keys
from pathology.pipeline.settings import load_settings

SCHEMA = "pathology.backed-up/1"


def backup_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``review backup``."""
    parser.description = (
        "Copy ledger, anchor, reports, knowledge and settings to a free folder, while others work."
    )
    parser.add_argument("dest", type=Path, metavar="DEST", help="a folder that is not there yet")
    parser.add_argument("--results", type=Path, help="folder of results: cases/ goes along")
    parser.add_argument(
        "--keys-to", type=Path, metavar="PUBLIC_KEY", help="the key ring too, locked to this key"
    )


def restore_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``review restore``."""
    parser.description = "Put a backup where the settings say; nothing may be there."
    parser.add_argument("source", type=Path, metavar="BACKUP")
    parser.add_argument("--results", type=Path, help="folder of results that cases/ goes to")
    parser.add_argument(
        "--keys-with", type=Path, metavar="PRIVATE_KEY", help="first bring the key ring back"
    )
    parser.add_argument("--from", dest="sender", type=Path, metavar="PUBLIC_KEY")


def call_backup(given: argparse.Namespace) -> int:
    """0 done."""
    settings = load_settings(given.settings)
    order = BackupOrder(results=given.results, settings=given.settings, keys_to=given.keys_to)
    return _told(back_up(settings, order, given.dest), "backed-up", as_json=given.json)


def call_restore(given: argparse.Namespace) -> int:
    """0 done."""
    settings = load_settings(given.settings)
    if (given.keys_with is None) != (given.sender is None):
        raise UsageError(say("restore-keys-both"))
    if given.keys_with is not None:
        restore_keys(settings, given.source, given.keys_with, given.sender)
    done = restore(settings, given.source, given.results)
    return _told(done, "restored", as_json=given.json)


def _told(done: BackedUp, sentence: str, *, as_json: bool) -> int:
    facts = {"files": done.files, "rows": done.rows, "lines": done.lines, "head": done.head}
    print(json.dumps({"schema": SCHEMA, **facts}) if as_json else say(sentence, **facts))
    return 0
