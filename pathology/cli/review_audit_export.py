"""``pathology review audit --export FILE``: the chain for an inspector."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pathology.cli.messages import say
from pathology.errors import UsageError
from pathology.pipeline.audit_export import AuditExported, AuditWish, export_audit
from pathology.records.settings.run import RunSettings


def export_arguments(audit: argparse.ArgumentParser) -> None:
    """Which lines ``--export`` writes."""
    add = audit.add_argument
    add("--from", dest="from_utc", metavar="DATE", help="UTC, 2026-05-03 or with a time")
    add("--to", dest="to_utc", metavar="DATE", help="UTC; a day is taken in whole")
    add("--case", help="only lines on this case, by its pseudonym")
    add("--contents", action="store_true", help="with what sealed entries say (auditors alone)")


def call_export(given: argparse.Namespace, settings: RunSettings) -> int:
    """0 written, 1 written and the chain has faults."""
    wish = AuditWish(
        file=Path(given.export),
        from_utc=_time(given.from_utc, "--from", ends=False),
        to_utc=_time(given.to_utc, "--to", ends=True),
        case=given.case,
        contents=given.contents,
    )
    return _told(export_audit(settings, wish), as_json=given.json)


def _told(done: AuditExported, *, as_json: bool) -> int:
    if as_json:
        told = {
            "schema": "pathology.audit-exported/1",
            "files": [path.name for path in done.files],
            "lines": done.lines,
            "faults": len(done.chain.faults),
            "break_glass": [line.sequence for line in done.broken_glass],
        }
        print(json.dumps(told, ensure_ascii=False))
        return 1 if done.chain.faults else 0
    files = ", ".join(str(path) for path in done.files)
    print(say("audit-exported", lines=done.lines, files=files, glass=len(done.broken_glass)))
    for line in done.broken_glass:
        at = f"{line.at_utc:%Y-%m-%d %H:%M:%S}"
        facts = {"actor": line.actor, "case": line.subject, "why": line.reason}
        print(say("glass-broken", line=line.sequence, at=at, **facts))
    if done.chain.faults:
        print(say("chain-faults", faults=len(done.chain.faults), lines=done.chain.lines))
    return 1 if done.chain.faults else 0


def _time(text: str | None, option: str, *, ends: bool) -> datetime | None:
    """A moment in UTC; a day alone begins at its midnight, or ends at the next one."""
    if text is None:
        return None
    try:
        given = datetime.fromisoformat(text)
    except ValueError as cause:
        raise UsageError(f"{option} {text[:40]!r} is no date, such as 2026-05-03") from cause
    if given.tzinfo is None:
        given = given.replace(tzinfo=UTC)
    return given + timedelta(days=1) if ends and len(text) == len("2026-05-03") else given
