"""``pathology bundle {keys,partner,make,open,...}``: second opinions between hospitals."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pathology.cli.messages import say
from pathology.errors import UsageError
from pathology.pipeline.bundle import BundleOrder
from pathology.pipeline.bundle_answer import (
    receive_question,
    send_answer,
    send_question,
    site_keys,
)
from pathology.pipeline.bundle_cuts import Rectangle
from pathology.pipeline.opinion_errands import CaseFiles, receive_answer, send_case
from pathology.pipeline.opinions import OpinionWish
from pathology.pipeline.partners import add_partner
from pathology.pipeline.settings import load_settings
from pathology.records.settings.run import RunSettings

SCHEMA = "pathology.bundle-told/1"
EXAMPLES = """
examples:
  pathology bundle keys > our-hospital.json        (to be handed to others; compare fingerprints)
  pathology bundle partner north theirs.json       (an administrator, after comparing it)
  pathology bundle make C0123456789abcdef --results results --slides /scans --whole \\
      --partner north --question "in situ or invasive?" --out case.bundle
  pathology bundle make ACC-17 --results results --slides /scans --partner north \\
      --around hotspot --region 12000,8000,2000,1500 --out case.bundle     (x,y,width,height in µm)
  pathology bundle make results/P3f.../ki67-5e6f7a8b --slide scan.svs --to theirs.json \\
      --question "in situ or invasive?" --out case.bundle
  pathology bundle open case.bundle --from ours.json --out opened
      (pathology review serve --bundle opened shows it, and seals an answer)
  pathology bundle answer opened --text answer.txt --by "Dr Ma" --to ours.json --out answer.bundle
  pathology bundle opinion answer.bundle --from theirs.json       (it is on its case then)
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
    _make_arguments(make)
    partner = parts.add_parser("partner", parents=[every], help="a hospital that may be asked")
    partner.add_argument("name", metavar="NAME")
    partner.add_argument("key", type=Path, metavar="PUBLIC_KEY")
    answer = parts.add_parser("answer", parents=[every], help="an opinion on an opened bundle")
    answer.add_argument("opened", type=Path, metavar="FOLDER")
    answer.add_argument("--text", type=Path, required=True, help="a text file")
    answer.add_argument("--by", required=True, metavar="NAME", help="who answers")
    make.add_argument("--to", type=Path, metavar="PUBLIC_KEY", help="for results named as folders")
    answer.add_argument("--to", type=Path, required=True, metavar="PUBLIC_KEY")
    for part in (make, answer):
        part.add_argument("--out", type=Path, required=True, metavar="FILE")
    for name, told in (("open", "another hospital's question"), ("opinion", "its answer")):
        part = parts.add_parser(name, parents=[every], help=told)
        part.add_argument("bundle", type=Path, metavar="FILE")
        part.add_argument("--from", dest="sender", type=Path, required=True, metavar="PUBLIC_KEY")
        needed = name == "open"
        part.add_argument("--out", type=Path, required=needed, metavar="FOLDER")


def _make_arguments(make: argparse.ArgumentParser) -> None:
    make.add_argument("what", nargs="+", metavar="CASE", help="of the ledger; or result folders")
    make.add_argument("--question", default="", help="what is asked; it must name nobody")
    case = make.add_argument_group("a case of the ledger")
    case.add_argument("--results", type=Path, metavar="OUT", help="of pathology run")
    case.add_argument(
        "--slides", type=Path, nargs="+", default=[], metavar="FOLDER", help="where scans lie"
    )
    case.add_argument("--partner", default="", metavar="NAME", help="see `bundle partner`")
    case.add_argument("--whole", action="store_true", help="whole slides go along")
    case.add_argument(
        "--region",
        type=_rectangle,
        action="append",
        default=[],
        metavar="[SLIDE:]X,Y,W,H",
        help="a rectangle in µm from the slide's upper left corner goes along",
    )
    case.add_argument(
        "--around",
        action="append",
        default=[],
        metavar="KIND",
        help="hotspot, field, or an id",
    )
    case.add_argument("--margin", type=float, default=100.0, metavar="UM", help="around --around")
    files = make.add_argument_group("folders of results")
    files.add_argument("--slide", type=Path, action="append", default=[], help="the scan, whole")
    files.add_argument("--report", type=Path, help="a draft's report-vN.json: its text goes along")


def _rectangle(text: str) -> Rectangle:
    slide, _, numbers = text.rpartition(":")
    try:
        x, y, width, height = (float(n) for n in numbers.split(","))
        return Rectangle(x_um=x, y_um=y, width_um=width, height_um=height, slide_id=slide or None)
    except ValueError as cause:
        raise argparse.ArgumentTypeError(f"{text}: x,y,width,height in µm") from cause


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
    if given.partner:
        return _make_case(given, settings)
    if given.to is None:
        raise UsageError("whom for? --partner NAME for a case, --to PUBLIC_KEY for result folders")
    order = BundleOrder(
        results=[Path(name) for name in given.what],
        slides=given.slide,
        report=given.report,
        question=given.question,
    )
    made = send_question(settings, order, given.to, given.out)
    facts: dict[str, object] = {"bundle_id": made.bundle_id, "sha256": made.sha256}
    return facts, say("bundle-made", bundle=made.bundle_id, recipient=made.recipient)


def _make_case(given: argparse.Namespace, settings: RunSettings) -> tuple[dict[str, object], str]:
    if len(given.what) != 1 or given.results is None or given.slide or given.report or given.to:
        raise UsageError("a bundle is of one case: CASE --results OUT --partner NAME; see --help")
    wish = OpinionWish(
        partner=given.partner,
        question=given.question,
        whole=given.whole,
        rectangles=given.region,
        around=given.around,
        margin_um=given.margin,
    )
    files = CaseFiles(results=given.results, folders=given.slides)
    asked = send_case(settings, given.what[0], wish, files, given.out)
    facts: dict[str, object] = {"bundle_id": asked.bundle_id, "sha256": asked.sha256}
    facts |= {"slides": asked.slides, "regions": asked.regions}
    return facts, say("bundle-made", bundle=asked.bundle_id, recipient=asked.site)


def _partner(given: argparse.Namespace, settings: RunSettings) -> tuple[dict[str, object], str]:
    keys = add_partner(settings.ledger, given.name, given.key)
    facts: dict[str, object] = {"name": given.name, "fingerprint": keys.fingerprint}
    return facts, say("bundle-partner", name=given.name, fingerprint=keys.fingerprint)


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
    opinion, case = receive_answer(settings, given.bundle, given.sender, given.out)
    facts: dict[str, object] = {"bundle_id": opinion.bundle_id, "by": opinion.by, "case": case}
    told = {"by": opinion.by, "site": opinion.site, "text": opinion.text}
    words = say("bundle-opinion", bundle=opinion.bundle_id, **told)
    return facts, words if case is None else f"{words}\n{say('bundle-on-case', case=case)}"


def read_text(path: Path) -> str:
    """A text file as UTF-8; UsageError where it is none."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise UsageError(f"{path.name}: cannot be read as a text in UTF-8") from cause


PARTS = {"partner": _partner, "make": _make, "open": _open, "answer": _answer, "opinion": _opinion}
