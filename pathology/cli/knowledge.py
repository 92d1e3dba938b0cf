"""``pathology knowledge {add,approve,search,withdraw}``: guidelines and past cases of the house."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pathology.cli.messages import say, speak
from pathology.errors import KnowledgeError, UsageError
from pathology.pipeline.curating import Curating, curating
from pathology.pipeline.knowledge import Wanted, at_desk, found, make_vectors
from pathology.pipeline.settings import load_settings
from pathology.records.knowledge import Entry, Hit, Provenance
from pathology.records.settings.run import RunSettings

EXAMPLES = """
examples:
  pathology knowledge add guideline.pdf --kind guideline --name "Ki-67 in breast cancer" \\
      --text-version 2024 --source "Laboratory handbook, chapter 4" --licence "own"
  pathology knowledge approve                      (what waits, with its digest)
  pathology knowledge approve 3                    (its text and its flags, to read)
  pathology knowledge approve 3 --digest 1f0c9a2b      (another person, signed in as themselves)
  pathology knowledge search "乳腺癌 脉管侵犯 三级" --kind cases
"""
SHOWN_LETTERS: Final = 300
BY: Final = "you, as a check: it must be the account that you are signed in with"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``knowledge``."""
    parser.description = "Guidelines and past cases, kept and searched on this machine."
    parser.epilog = EXAMPLES
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--settings", type=Path, metavar="FOLDER", help="a site's own settings")
    every.add_argument("--json", action="store_true", help="machine-readable, nothing else")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_arguments(actions.add_parser("add", parents=[every], help="take a file in"))
    approve = actions.add_parser("approve", parents=[every], help="list, read and approve")
    approve.add_argument("entry", type=int, nargs="?", metavar="ENTRY")
    approve.add_argument("--digest", help="first letters of the digest of the text you read")
    approve.add_argument("--by", metavar="NAME", default="", help=BY)
    approve.add_argument("--flags-seen", action="store_true", help="you read what was flagged")
    search = actions.add_parser("search", parents=[every], help="find passages and cases")
    search.add_argument("question")
    search.add_argument("--kind", choices=("guideline", "cases"))
    search.add_argument("--most", type=int, default=10, metavar="N")
    withdraw = actions.add_parser("withdraw", parents=[every], help="let it not be found any more")
    withdraw.add_argument("entry", type=int, metavar="ENTRY")
    withdraw.add_argument("--by", metavar="NAME", default="", help=BY)
    withdraw.add_argument("--why", required=True)


def _add_arguments(add: argparse.ArgumentParser) -> None:
    add.add_argument("file", type=Path, metavar="FILE", help=".md, .txt, .pdf, .csv or .jsonl")
    add.add_argument("--kind", choices=("guideline", "cases"), required=True)
    add.add_argument("--name", required=True, help="of the guideline, or of the collection")
    add.add_argument("--text-version", required=True, metavar="VERSION")
    add.add_argument("--source", required=True, help="where it comes from")
    add.add_argument("--licence", required=True, help="what allows it to be kept here")
    add.add_argument("--by", metavar="NAME", default="", help=BY)


def call(given: argparse.Namespace) -> int:
    """0 done, 1 refused with its reason; wrong usage is raised, see ``cli.main``."""
    settings = load_settings(given.settings)
    try:
        if given.action == "add":
            return _add(given, settings)
        if given.action == "approve":
            return _approve(given, settings)
        if given.action == "withdraw":
            return _withdraw(given, settings)
        return _search(given, settings)
    except KnowledgeError as problem:
        told = f"pathology knowledge: {problem.subject}: {problem.text(speak())}"
        print(told, file=sys.stderr)  # str() of an error speaks English only
        return 1


def _add(given: argparse.Namespace, settings: RunSettings) -> int:
    try:
        provenance = Provenance(
            name=given.name.strip(),
            version=given.text_version.strip(),
            source=given.source.strip(),
            licence=given.licence.strip(),
        )
    except ValueError as cause:
        raise UsageError(str(cause)) from cause
    told = {"kind": given.kind, "version": provenance.version}
    with (
        _curating(given, settings) as by,
        at_desk(settings) as desk,
        by.noted("add", provenance.name, **told),
    ):
        entry = desk.add(given.kind, given.file, provenance, by.actor)
    _tell(entry, given, say("knowledge-added", entry=entry.entry_id, passages=entry.passages))
    return 0


def _approve(given: argparse.Namespace, settings: RunSettings) -> int:
    if given.entry is None or given.digest is None:
        return _look(given, settings)
    told = {"digest": given.digest, "flags_seen": given.flags_seen}
    with _curating(given, settings) as by, at_desk(settings) as desk:
        with by.noted("approve", f"entry {given.entry}", **told):
            entry = desk.approve(given.entry, by.actor, **told)
        made = make_vectors(settings, desk)
    _tell(entry, given, say("knowledge-approved", entry=entry.entry_id, vectors=made))
    return 0


def _look(given: argparse.Namespace, settings: RunSettings) -> int:
    with at_desk(settings) as desk:
        if given.entry is None:
            _list(desk.entries(), given)
        else:
            _show(desk.entry(given.entry), desk.text(given.entry), given)
    return 0


def _withdraw(given: argparse.Namespace, settings: RunSettings) -> int:
    with (
        _curating(given, settings) as by,
        at_desk(settings) as desk,
        by.noted("withdraw", f"entry {given.entry}", why=given.why),
    ):
        entry = desk.withdraw(given.entry, by.actor, why=given.why)
    _tell(entry, given, say("knowledge-withdrawn", entry=entry.entry_id))
    return 0


def _search(given: argparse.Namespace, settings: RunSettings) -> int:
    wanted = Wanted(text=given.question, kind=given.kind, most=max(given.most, 1))
    hits = found(settings, wanted)
    if given.json:
        _print_json({"hits": [asdict(hit) for hit in hits]})
    elif not hits:
        print(say("knowledge-nothing"))
    else:
        print("\n\n".join(map(_hit_told, hits)))
    return 0


@contextmanager
def _curating(given: argparse.Namespace, settings: RunSettings) -> Iterator[Curating]:
    with curating(settings.ledger, given.by) as by:
        if not by.audited:
            print(say("knowledge-unaudited", user=by.actor.name), file=sys.stderr)
        yield by


def _list(entries: list[Entry], given: argparse.Namespace) -> None:
    if given.json:
        _print_json({"entries": [_plain(entry) for entry in entries]})
    elif not entries:
        print(say("knowledge-empty"))
    else:
        print("\n".join(map(_line, entries)))


def _show(entry: Entry, text: str, given: argparse.Namespace) -> None:
    if given.json:
        _print_json({"entry": _plain(entry), "text": text})
        return
    print(f"{_line(entry)}\n{entry.provenance.source} | {entry.provenance.licence}\n")
    print(text)
    removed = ", ".join(f"{kind} {number}" for kind, number in entry.removed.items()) or "-"
    print(f"\n{say('knowledge-removed', removed=removed)}")
    for flag in entry.flags:
        print(say("knowledge-flag", kind=flag.kind, place=flag.place, excerpt=flag.excerpt))
    print(say("knowledge-digest", digest=entry.digest[:12]))


def _tell(entry: Entry, given: argparse.Namespace, sentence: str) -> None:
    if given.json:
        _print_json({"entry": _plain(entry)})
    else:
        print(f"{sentence}\n{_line(entry)}")


def _line(entry: Entry) -> str:
    parts = entry.provenance
    state = say(f"knowledge-state-{entry.state}")
    return (
        f"{entry.entry_id:>4}  {state}  {parts.name}, {parts.version}  "
        f"{entry.digest[:12]}  {entry.added_by} -> {entry.approved_by or '-'}"
    )


def _hit_told(hit: Hit) -> str:
    passage = hit.passage
    fields = ", ".join(f"{name} {value}" for name, value in passage.fields.items())
    text = " ".join(passage.text.split())
    short = text if len(text) <= SHOWN_LETTERS else f"{text[:SHOWN_LETTERS]} ..."
    head = f"{hit.score:.2f}  {passage.provenance.name}, {passage.provenance.version}"
    return "\n".join(filter(None, (f"{head}, {passage.place}", fields, short)))


def _plain(entry: Entry) -> dict[str, Any]:
    return asdict(entry)


def _print_json(told: dict[str, Any]) -> None:
    print(json.dumps(told, ensure_ascii=False, allow_nan=False, default=_as_text))


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
