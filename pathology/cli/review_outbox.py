"""``pathology review outbox {list,send,again}``: signed reports on their way out."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from pathology.cli.messages import say
from pathology.errors import UsageError
from pathology.pipeline.outbox_open import list_outbox, send_again, send_outbox
from pathology.pipeline.settings import load_settings
from pathology.records.outbox import OutboxItem
from pathology.records.settings.run import RunSettings

SCHEMA = "pathology.outbox/1"


def outbox_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``review outbox``."""
    parser.description = (
        "Signed reports on their way out. `send` tries what is due, once each; a timer runs it."
    )
    parser.add_argument("action", choices=("list", "send", "again"), metavar="ACTION")
    parser.add_argument("items", nargs="*", type=int, metavar="NUMBER", help="again: which ones")
    parser.add_argument("--why", default="", help="again: the reason; it is kept")


def call_outbox(given: argparse.Namespace) -> int:
    """0 done, 1 something is dead or did not go."""
    settings = load_settings(given.settings)
    if given.action == "again":
        return _again(given, settings)
    if given.action == "list":
        items = list_outbox(settings, ())
        if given.json:
            print(json.dumps({"schema": SCHEMA, "items": [_told(i, i.state, "") for i in items]}))
        else:
            for item in items:
                print(_line(item, item.state, item.last_problem))
            print("" if items else say("outbox-empty"), end="" if items else "\n")
        return 1 if any(item.state == "dead" for item in items) else 0
    sent = send_outbox(settings)
    if given.json:
        told = [_told(s.item, s.fate, s.told) for s in sent]
        print(json.dumps({"schema": SCHEMA, "sent": told}, ensure_ascii=False))
    for one in () if given.json else sent:
        print(_line(one.item, one.fate, one.told))
    return 1 if any(one.fate != "sent" for one in sent) else 0


def _again(given: argparse.Namespace, settings: RunSettings) -> int:
    if not given.why.strip():
        raise UsageError(say("outbox-why"))
    number = send_again(settings, given.items, given.why)
    told = {"schema": SCHEMA, "again": number}
    print(json.dumps(told) if given.json else say("outbox-again", number=number))
    return 0


def _line(item: OutboxItem, state: str, told: str) -> str:
    return say(
        "outbox-line",
        number=item.item_id,
        state=say(f"outbox-{state}"),
        format=item.format,
        destination=item.destination,
        case=item.case,
        version=item.version,
        tries=item.tries,
        told=told,
    )


def _told(item: OutboxItem, state: str, told: str) -> dict[str, object]:
    last = told or item.last_problem
    plain = {k: v for k, v in asdict(item).items() if k not in ("not_before_utc", "last_problem")}
    return {**plain, "state": state, "told": last, "not_before": item.not_before_utc.isoformat()}
