"""``pathology review``: the review page, who gets in, and care of the archive."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pathology.cli.messages import say
from pathology.cli.review_audit_export import call_export, export_arguments
from pathology.cli.review_backup import (
    backup_arguments,
    call_backup,
    call_restore,
    restore_arguments,
)
from pathology.cli.review_outbox import call_outbox, outbox_arguments
from pathology.cli.review_retention import call_retention, retention_arguments
from pathology.cli.review_serve import call_serve, serve_arguments
from pathology.cli.review_users import call_users, users_arguments
from pathology.errors import UsageError
from pathology.pipeline.ledger_care import accept_audit, forget_keys, rotate_keys, verify_audit
from pathology.pipeline.ledger_open import make_keys, migrate_ledger
from pathology.pipeline.settings import load_settings
from pathology.records.audit import ChainReport
from pathology.records.settings.ledger import ArchiveSettings

MOST_SHOWN = 50
EXAMPLES = """
examples:
  pathology review serve --results OUT --slides /scans
  pathology review users add reader --roles pathologist
  pathology review users {roles,close,list,password,tie,untie} ...
  pathology review migrate                 (after a backup, when a newer program asks for it)
  pathology review audit --verify          (exit code 1 when a line was changed or is missing)
  pathology review audit --verify --json
  pathology review audit --accept --why "restored the backup of 3 May after a failed disk"
  pathology review audit --export inspection --from 2026-05-01 --to 2026-05-31
  pathology review retention list --due
  pathology review retention {hold,lift,ask,purge} CASE --why REASON   (a purge takes two persons)
  pathology review backup /backup/monday --results results
  pathology review outbox send             (signed reports to the LIS; run by a timer)
  pathology review keys make               (before a PostgreSQL ledger is used first)
  pathology review keys rotate             (while others work)
  pathology review keys forget             (takes retired keys off the key file)
"""

CALLS = {
    "serve": call_serve,
    "users": call_users,
    "outbox": call_outbox,
    "backup": call_backup,
    "restore": call_restore,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``review``."""
    parser.description = "The review page and its care. What is done is in the audit chain."
    parser.epilog = EXAMPLES
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--settings", type=Path, metavar="FOLDER", help="a site's own settings")
    every.add_argument("--json", action="store_true", help="machine-readable, nothing else")
    parts = parser.add_subparsers(dest="part", required=True, metavar="PART")
    serve_arguments(parts.add_parser("serve", parents=[every], help="the review page"))
    users_arguments(parts.add_parser("users", parents=[every], help="who gets in, and as what"))
    parts.add_parser("migrate", parents=[every], help="bring the ledger's tables up to date")
    backup_arguments(parts.add_parser("backup", parents=[every], help="copy all of it"))
    restore_arguments(parts.add_parser("restore", parents=[every], help="put a backup back"))
    outbox_arguments(parts.add_parser("outbox", parents=[every], help="what is to leave"))
    audit = parts.add_parser("audit", parents=[every], help="the audit chain")
    what = audit.add_mutually_exclusive_group(required=True)
    what.add_argument("--verify", action="store_true", help="read every line and the anchor")
    what.add_argument("--accept", action="store_true", help="anchor the chain as it stands")
    what.add_argument("--export", metavar="FILE", help="write it as FILE.jsonl and FILE.csv")
    export_arguments(audit)
    kept = parts.add_parser("retention", parents=[every], help="how long cases are kept")
    retention_arguments(kept)
    audit.add_argument("--why", default="", help="the reason for --accept; it is kept")
    keys = parts.add_parser("keys", parents=[every], help="the keys that lock identities")
    keys.add_argument("action", choices=("make", "rotate", "forget"), metavar="ACTION")


def call(given: argparse.Namespace) -> int:
    """0 done, 1 the chain has faults."""
    if given.part == "retention":
        return call_retention(given, load_settings(given.settings))
    if given.part == "audit" and given.export:
        return call_export(given, load_settings(given.settings))
    if given.part in CALLS:
        return CALLS[given.part](given)
    settings = load_settings(given.settings).ledger
    if given.part == "migrate":
        migrate_ledger(settings)
        told = {"schema": "pathology.migrated/1", "migrated": True}
        print(json.dumps(told) if given.json else say("migrated"))
        return 0
    if given.part == "keys":
        return _keys(given, settings)
    if given.verify:
        return _told(verify_audit(settings), given)
    if not given.why.strip():
        raise UsageError("--accept needs --why: the reason stays in the chain")
    report = accept_audit(settings, given.why)
    if not given.json:
        print(say("chain-accepted"))
    return _told(report, given)


def _told(report: ChainReport, given: argparse.Namespace) -> int:
    if given.json:
        faults = [{"line": line, "fault": fault} for line, fault in report.faults]
        told = {"schema": "pathology.audit/1", "lines": report.lines, "head": report.head}
        print(json.dumps({**told, "faults": faults}))
        return 1 if faults else 0
    if not report.faults:
        print(say("chain-whole", lines=report.lines, head=report.head))
        return 0
    print(say("chain-faults", faults=len(report.faults), lines=report.lines))
    for line, fault in report.faults[:MOST_SHOWN]:
        print(say(f"chain-{fault}", line=line))
    return 1


def _keys(given: argparse.Namespace, settings: ArchiveSettings) -> int:
    told: dict[str, object]
    if given.action == "make":
        path = make_keys(settings)
        told, words = {"made": True}, say("keys-made", path=path)
    elif given.action == "rotate":
        done = rotate_keys(settings)
        names = ", ".join(done.retired) or say("none")
        told = {"current": done.current, "retired": done.retired, "uses": dict(done.uses)}
        words = say("keys-rotated", current=done.current, retired=names)
    else:
        gone = forget_keys(settings)
        told, words = (
            {"forgotten": gone},
            say("keys-forgotten", keys=", ".join(gone) or say("none")),
        )
    print(json.dumps({"schema": "pathology.keys-changed/1", **told}) if given.json else words)
    return 0
