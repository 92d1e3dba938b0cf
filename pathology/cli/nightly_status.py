"""``pathology nightly status``: how far the night is, once, live, or for programs."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pathology.cli.messages import say, speak
from pathology.errors import LedgerAway
from pathology.nightly.draft_words import drafts_lines
from pathology.nightly.options import NightSettings, load_night_settings
from pathology.nightly.page import reason_of
from pathology.nightly.page_words import INCIDENTS, STATES, WHY, phrase
from pathology.nightly.status import NightStatus, find_slide, status_document, status_of
from pathology.pipeline.ledger_open import opened_ledger
from pathology.records.actor import Actor
from pathology.records.ledger import Ledger

AGAIN_S: Final = 2.0
MOST: Final = 15


def call(given: argparse.Namespace) -> int:
    """0; 1 while a night that began did not end as it should (its process is gone or silent)."""
    settings = load_night_settings(given.settings)
    with opened_ledger(settings.run.ledger, make=False) as (ledger, actor):
        if given.find:
            return _find(ledger, actor, given)
        if given.follow and not given.json:
            return _follow(ledger, actor, settings)
        status = status_of(ledger, actor, datetime.now(UTC))
        if given.json:
            print(json.dumps(status_document(status), ensure_ascii=False, allow_nan=False))
        else:
            Console().print(shown(status, settings))
    return 1 if status.state in ("died", "silent") else 0


def _follow(ledger: Ledger, actor: Actor, settings: NightSettings) -> int:
    with Live(console=Console(), auto_refresh=False) as live:
        while True:
            try:
                live.update(
                    shown(status_of(ledger, actor, datetime.now(UTC)), settings), refresh=True
                )
            except LedgerAway:
                live.update(Text(say("night-ledger-away")), refresh=True)
            except KeyboardInterrupt:
                return 0
            time.sleep(AGAIN_S)


def _find(ledger: Ledger, actor: Actor, given: argparse.Namespace) -> int:
    found = find_slide(ledger, actor, given.find, datetime.now(UTC))
    if given.json:
        rows = [
            {"item": i.item_id, "analysis": i.order.analysis, "path": str(i.order.path)}
            for i in found
        ]
        print(json.dumps(rows, ensure_ascii=False))
    for item in () if given.json else found:
        print(f"{item.item_id}  {item.order.analysis}  {item.state}  {item.order.path}")
    if not found:
        print(say("night-find-none", name=given.find))
    return 0 if found else 1


def shown(status: NightStatus, settings: NightSettings) -> RenderableType:
    """One look as a person reads it."""
    zone = ZoneInfo(settings.nightly.window.zone)
    lines: list[RenderableType] = [Text(_heading(status, zone), style="bold")]
    if status.shift is not None:
        lines += [Text(line) for line in _facts(status, zone)]
    counts = "  ".join(
        f"{phrase(STATES, state, speak())} {number:,}" for state, number in status.counts.items()
    )
    lines.append(Text(counts))
    if status.at_work:
        lines.append(_at_work(status))
    if status.failures:
        lines.append(_failures(status))
    return Group(*lines)


def _heading(status: NightStatus, zone: ZoneInfo) -> str:
    shift = status.shift
    if shift is None:
        return say("night-none")
    began = f"{shift.began_utc.astimezone(zone):%Y-%m-%d %H:%M}"
    return say(f"night-is-{status.state}", began=began, by=status.by, actor=shift.actor)


def _facts(status: NightStatus, zone: ZoneInfo) -> Sequence[str]:
    told: Mapping[str, object] = status.shift.told if status.shift else {}
    ends = told.get("window_ends")
    expected = status.expected_end_utc
    lines = [
        say(
            "night-progress",
            done=status.done,
            failed=len(status.failures),
            left=status.waiting,
            expected="-" if expected is None else f"{expected.astimezone(zone):%H:%M}",
            ends="-"
            if not isinstance(ends, str)
            else f"{datetime.fromisoformat(ends).astimezone(zone):%H:%M}",
        )
    ]
    if status.pressing_left:
        pressing = ", ".join(f"{name} {n}" for name, n in status.pressing_left.items())
        lines.append(say("night-pressing", pressing=pressing))
    drafts = told.get("drafts")
    if isinstance(drafts, Mapping):
        lines += [f"  {line}" for line in drafts_lines(drafts, speak())]
    not_begun = told.get("not_begun")
    if isinstance(not_begun, Mapping):
        lines += [
            f"  {number} - {phrase(WHY, why, speak())}"
            for why, number in not_begun.items()
            if number
        ]
    incidents = told.get("incidents")
    if isinstance(incidents, Sequence):
        lines += [
            f"  {datetime.fromisoformat(one['at']).astimezone(zone):%H:%M} "
            f"{phrase(INCIDENTS, one['code'], speak(), **one['facts'])}"
            for one in incidents[-MOST:]
        ]
    for name in ("dashboard", "metrics", "summary"):
        if told.get(name):
            lines.append(say(f"night-{name}", address=told[name]))
    return lines


def _at_work(status: NightStatus) -> Table:
    table = Table(title=say("night-at-work"), title_justify="left", box=None)
    for key in ("slide", "analysis", "priority", "attempt", "by"):
        table.add_column(say(f"night-column-{key}"))
    for one in status.at_work[:MOST]:
        table.add_row(one.name, one.analysis, one.priority, str(one.attempt), one.by)
    return table


def _failures(status: NightStatus) -> Table:
    table = Table(title=say("night-failures"), title_justify="left", box=None)
    for key in ("slide", "priority", "reason"):
        table.add_column(say(f"night-column-{key}"), overflow="fold")
    for one in status.failures[:MOST]:
        table.add_row(one.name, one.priority, Text(reason_of(one, speak())))
    if (left := len(status.failures) - MOST) > 0:
        table.add_row(f"+ {left}", "", "")
    return table
