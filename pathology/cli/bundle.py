"""``pathology bundle {keys,make,open,answer,opinion}``: second opinions between hospitals."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pathology.cli.messages import say
from pathology.errors import UsageError
from pathology.pipeline.bundle import BundleOrder
from pathology.pipeline.bundle_answer import (
    receive_answer,
    receive_question,
    send_answer,
    send_question,
    site_keys,
)
from pathology.pipeline.settings import load_settings
from pathology.records.settings.run import RunSettings

SCHEMA = "pathology.bundle-told/1"
EXAMPLES = """
examples:
  pathology bundle keys > our-hospital.json        (to be handed to others; compare fingerprints)
  pathology bundle make results/P3f.../ki67-5e6f7a8b --slide scan.svs --to theirs.json \\
      --question "in situ or invasive?" --out case.bundle
  pathology bundle open case.bundle --from ours.json --out opened
      (pathology review serve --results opened/results --slides opened/slides shows it)
  pathology bundle answer opened --text answer.txt --by "Dr Ma" --to ours.json --out answer.bundle
  pathology bundle opinion answer.bundle --from theirs.json --out opinions/case
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``bundle``."""
    parser.description = (
        "A case for another hospital's eyes: without identity, locked to its key, signed by ours."
    )
    parser.epilog = EXAMPLES
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--settings", type=Path, metavar="FOLDER", help="a site's own settings")
    every.add_argument("--json", action="store_true", help="machine-readable, nothing else")
    parts = parser.add_subparsers(dest="part", required=True, metavar="PART")
    parts.add_parser("keys", parents=[every], help="this site's public key, made at first")
    make = parts.add_parser("make", parents=[every], help="a question to another hospital")
    make.add_argument("results", type=Path, nargs="+", metavar="RESULT", help="their folders")
    make.add_argument("--slide", type=Path, action="append", default=[], help="the scan, whole")
    make.add_argument("--report", type=Path, help="a draft's report-vN.json: its text goes along")
    make.add_argument("--question", default="", help="what is asked; it must name nobody")
    answer = parts.add_parser("answer", parents=[every], help="an opinion on an opened bundle")
    answer.add_argument("opened", type=Path, metavar="FOLDER")
    answer.add_argument("--text", type=Path, required=True, help="a text file")
    answer.add_argument("--by", required=True, metavar="NAME", help="who answers")
    for part in (make, answer):
        part.add_argument("--to", type=Path, required=True, metavar="PUBLIC_KEY")
        part.add_argument("--out", type=Path, required=True, metavar="FILE")
    for name, told in (("open", "another hospital's question"), ("opinion", "its answer")):
        part = parts.add_parser(name, parents=[every], help=told)
        part.add_argument("bundle", type=Path, metavar="FILE")
        part.add_argument("--from", dest="sender", type=Path, required=True, metavar="PUBLIC_KEY")
        part.add_argument("--out", type=Path, required=True, metavar="FOLDER")


def call(given: argparse.Namespace) -> int:
    """0 done."""
    settings = load_settings(given.settings)
    if given.part == "keys":
        print(site_keys(settings.ledger, make=True).public.document().decode(), end="")
        return 0
    facts, words = PARTS[given.part](given, settings)
    print(json.dumps({"schema": SCHEMA, **facts}, ensure_ascii=False) if given.json else words)
    return 0


def _make(given: argparse.Namespace, settings: RunSettings) -> tuple[dict[str, object], str]:
    order = BundleOrder(
        results=given.results, slides=given.slide, report=given.report, question=given.question
    )
    made = send_question(settings, order, given.to, given.out)
    facts: dict[str, object] = {"bundle_id": made.bundle_id, "sha256": made.sha256}
    return facts, say("bundle-made", bundle=made.bundle_id, recipient=made.recipient)


def _open(given: argparse.Namespace, settings: RunSettings) -> tuple[dict[str, object], str]:
    opened = receive_question(settings, given.bundle, given.sender, given.out)
    facts: dict[str, object] = {"bundle_id": opened.bundle_id, "results": list(opened.results)}
    told = {"sender": opened.sender, "question": opened.question, "results": len(opened.results)}
    return facts, say("bundle-opened", bundle=opened.bundle_id, **told)


def _answer(given: argparse.Namespace, settings: RunSettings) -> tuple[dict[str, object], str]:
    text = read_text(given.text)
    opinion = send_answer(settings, given.opened, (text, given.by), given.to, given.out)
    return {"bundle_id": opinion.bundle_id}, say("bundle-answered", bundle=opinion.bundle_id)


def _opinion(given: argparse.Namespace, settings: RunSettings) -> tuple[dict[str, object], str]:
    opinion = receive_answer(settings, given.bundle, given.sender, given.out)
    facts: dict[str, object] = {"bundle_id": opinion.bundle_id, "by": opinion.by}
    told = {"by": opinion.by, "site": opinion.site, "text": opinion.text}
    return facts, say("bundle-opinion", bundle=opinion.bundle_id, **told)


def read_text(path: Path) -> str:
    """A text file as UTF-8; UsageError where it is none."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise UsageError(f"{path.name}: cannot be read as a text in UTF-8") from cause


PARTS = {"make": _make, "open": _open, "answer": _answer, "opinion": _opinion}
