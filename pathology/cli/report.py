"""``pathology report draft|render|compare``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pathology.cli import report_compare
from pathology.cli.listening import heard
from pathology.cli.messages import say, speak
from pathology.pipeline.authors import author_of, load_llm
from pathology.pipeline.draft import (
    CaseOrder,
    DraftFiles,
    authorship,
    draft_case,
    draft_text,
    render_draft,
)
from pathology.records.knowledge import Hit
from pathology.records.settings.llm import TEMPLATE

EXAMPLES = """
examples:
  pathology report draft case.json --out results                  (writes results/cases/CASE/)
  pathology report draft case.json --out results --template general --no-pdf
  pathology report draft case.json --out results --model deepseek          (an endpoint of llm.toml)
  pathology report draft case.json --out results --model http://127.0.0.1:11434/v1#qwen3
  pathology report render results/cases/CASE/report-v1.json --text --lang zh   (for the LIS)
  pathology report render results/cases/CASE/report-v1.json --out pages
  pathology report compare results --cases case-data --model distilled --model full

A draft is machine-checked and nothing more: a physician verifies it. Its sentences come from the
template, or from a language model that writes no number.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``report``."""
    parser.description = "Draft the report of a case from its results, or render a draft again."
    parser.epilog = EXAMPLES
    parts = parser.add_subparsers(dest="part", required=True, metavar="{draft,render,compare}")
    draft = parts.add_parser("draft", help="make a draft from results and case data")
    draft.add_argument("case", type=Path, metavar="CASE.json", help="what the laboratory states")
    draft.add_argument("--out", type=Path, required=True, help="the --out of the run; cases/ in it")
    draft.add_argument("--template", metavar="NAME", help="default: what fits the case")
    draft.add_argument("--settings", type=Path, metavar="FOLDER", help="a site's own (reports/)")
    words = draft.add_mutually_exclusive_group()
    words.add_argument(
        "--model",
        metavar="NAME|URL",
        help="who words it: an endpoint of llm.toml, embedded, or the url of a server of the house "
        "(#MODEL after it where it has several); default: what llm.toml chooses",
    )
    words.add_argument("--no-model", action="store_true", help="the template alone")
    draft.add_argument("--no-pdf", action="store_true", help="HTML and JSON only")
    draft.add_argument("--json", action="store_true", help="one JSON summary, nothing else")
    render = parts.add_parser("render", help="pages or text of a draft that was made before")
    render.add_argument("draft", type=Path, metavar="report-vN.json")
    render.add_argument("--out", type=Path, default=Path(), help="folder (default: right here)")
    render.add_argument(
        "--results",
        type=Path,
        metavar="FOLDER",
        help="where the results lie, for pictures (default: the folder above cases/)",
    )
    render.add_argument("--text", action="store_true", help="plain text on standard output")
    render.add_argument("--lang", choices=("en", "zh"), help="of --text (default: PATHOLOGY_LANG)")
    render.add_argument("--no-pdf", action="store_true", help="HTML only")
    render.add_argument("--json", action="store_true", help="one JSON summary, nothing else")
    report_compare.arguments(parts.add_parser("compare", help="language models, side by side"))


def call(given: argparse.Namespace) -> int:
    """0 done; what cannot be done is an error: 2, or 1 where a template fails the check."""
    acts = {"draft": _draft, "render": _render, "compare": report_compare.call}
    return acts[given.part](given)


def _draft(given: argparse.Namespace) -> int:
    asked = TEMPLATE if given.no_model else given.model
    with (
        heard(quiet=given.json) as on_text,
        author_of(load_llm(given.settings), asked, on_text) as author,
    ):
        made = draft_case(
            CaseOrder(
                out=given.out,
                case_file=given.case,
                template=given.template,
                settings=given.settings,
                pdf=not given.no_pdf,
                author=author,
            )
        )
    if given.json:
        print(json.dumps(_summary(made), ensure_ascii=False))
    else:
        _told(made)
    return 0


def _summary(made: DraftFiles) -> dict[str, object]:
    draft, written = made.draft, made.draft.authorship
    why, missing = written.why_template, made.beside.missing
    return {
        "schema": "pathology.report/1",
        "case_id": draft.case_id,
        "state": draft.state,
        "template": draft.template,
        "outcome": written.outcome,
        "asked": written.asked,
        "model": written.model,
        "model_version": written.model_version,
        "prompt_version": written.prompt_version,
        "why_template": None if why is None else {"en": why.en, "zh": why.zh},
        "files": [str(f) for f in made.files],
        "similar": [_past_case(hit) for hit in made.beside.similar],
        "knowledge_missing": None if missing is None else {"en": missing.en, "zh": missing.zh},
    }


def _past_case(hit: Hit) -> dict[str, object]:
    passage = hit.passage
    return {
        "not_this_patient": True,
        "collection": f"{passage.provenance.name}, {passage.provenance.version}",
        "place": passage.place,
        "fields": dict(passage.fields),
        "text": passage.text,
        "shared": list(hit.shared),
    }


def _told(made: DraftFiles) -> None:
    draft = made.draft
    print(say("report-drafted", case=draft.case_id, path=made.files[0]))
    print(draft.banner.told(speak()))
    print(authorship(draft).told(speak()))
    for silence in draft.not_measured:
        reason = silence.why.told(speak())
        print(f"{silence.name.told(speak())}: {say('not-measurable', reason=reason)}")
    if made.beside.similar:
        print(say("report-similar", number=len(made.beside.similar)))
    if made.beside.missing is not None:
        print(say("report-no-knowledge", reason=made.beside.missing.told(speak())))


def _render(given: argparse.Namespace) -> int:
    if given.text:
        print(draft_text(given.draft, given.lang or speak()), end="")
        return 0
    pdf = not given.no_pdf
    files = render_draft(given.draft, given.out, pdf=pdf, results=given.results)
    if given.json:
        told = {"schema": "pathology.report-render/1", "files": [str(f) for f in files]}
        print(json.dumps(told, ensure_ascii=False))
        return 0
    for file in files:
        print(say("look-at", path=file))
    return 0
