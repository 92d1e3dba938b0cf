"""A case's results, joined with what its laboratory states, become a draft report on disk."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pathology.config import build_record
from pathology.errors import ConfigError, OutputError, UsageError
from pathology.exchange.case_json import read_case
from pathology.exchange.documents import faults, read_json, write_json
from pathology.exchange.stored_result import FINDINGS, read_result
from pathology.exchange.whole_file import write_whole
from pathology.pipeline.report_settings import ReportRules, load_report_rules
from pathology.records.case_data import CaseData
from pathology.records.reasons import Language
from pathology.records.report import Draft, DraftWriter, Quotation, Worded
from pathology.records.result import StoredResult
from pathology.records.settings.reports import ReportTemplate
from pathology.reports.document import draft_document
from pathology.reports.draft import DraftOrder, DraftRules, make_draft
from pathology.reports.facts import FactRules, case_facts, one_each
from pathology.reports.page import Extras, Picture, html_page
from pathology.reports.plain_text import plain_text
from pathology.reports.printed import pdf_page

CASES: Final = "cases"
OVERLAY: Final = "overlay.png"
FIXED: Final = ("schema", "state", "banner", "machine_checked", "physician_verified")
VERSION: Final = re.compile(r"report-v(\d+)\.\w+")
DEFAULT_TEMPLATES: Final = {"breast": "breast-ki67", "infiltration": "breast-til"}
NEUROENDOCRINE: Final = "neuroendocrine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A result and the folder that it lies in."""

    result: StoredResult
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOrder:
    """A draft that is asked for: of which case, from which results, by whom."""

    out: Path  # where results lie and the report goes
    case_file: Path
    template: str | None = None
    settings: Path | None = None
    pdf: bool = True
    writer: DraftWriter | None = None
    writer_version: str = "not stated"
    passages: tuple[Quotation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFiles:
    """A draft and where it lies."""

    draft: Draft
    files: tuple[Path, ...]


def draft_case(order: CaseOrder) -> DraftFiles:
    """Make the draft of a case and write it as the next version of its report.

    Raises
    ------
    UsageError
        The case data is wrong, or no result belongs to the case.
    DraftRejected
        The site's template says what the facts do not.
    OutputError
        The report cannot be written, or no PDF can be made.
    """
    rules = load_report_rules(order.settings)
    case = read_case(order.case_file)
    found = results_of(order.out, case)
    chosen = one_each(case, [f.result for f in found])
    draft = make_draft(
        DraftOrder(
            facts=case_facts(
                case,
                chosen,
                FactRules(
                    wording=rules.wording,
                    rounding=rules.settings.rounding,
                    combined=rules.settings.combined,
                ),
            ),
            made_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            writer=order.writer,
            writer_version=order.writer_version,
            passages=order.passages,
        ),
        _draft_rules(rules, template_for(case, chosen, rules, order.template)),
    )
    used = [f for f in found if f.result in chosen]
    extras = Extras(pictures=_pictures(used), note=case.clinical_note)
    return DraftFiles(draft=draft, files=write_report(order.out, draft, extras, pdf=order.pdf))


def _draft_rules(rules: ReportRules, template: ReportTemplate) -> DraftRules:
    return DraftRules(
        settings=rules.settings,
        template=template,
        wording=rules.wording,
        vocabulary=rules.vocabulary,
    )


def results_of(out: Path, case: CaseData) -> list[Folded]:
    """Results under ``out`` that were made for the case, or are of the slides that it names.

    Raises
    ------
    UsageError
        There are none.
    """
    found = []
    for path in sorted(out.glob(f"*/*/{FINDINGS}")):
        result = read_result(path.parent)
        if result.case_id == case.case_id or result.slide_id in case.slides.values():
            found.append(Folded(result=result, folder=path.parent))
    if not found:
        raise UsageError(
            f"{case.case_id}: no result here was made for this case. Analyse its slides with the "
            "case_id in the manifest, or name them in the case data under slides"
        )
    return found


def template_for(
    case: CaseData, results: Sequence[StoredResult], rules: ReportRules, asked: str | None
) -> ReportTemplate:
    """The template that was asked for, that the case names, or that fits the organ.

    Raises
    ------
    UsageError
        There is no such template, or none of its analyses was done.
    """
    name = asked or case.template or _fitting(case, results)
    if (template := rules.templates.get(name)) is None:
        raise UsageError(f"no template is called {name!r}; there are {sorted(rules.templates)}")
    done = {r.analysis for r in results}
    if not done & set(template.analyses):
        wanted = " or ".join(template.analyses)
        raise UsageError(f"template {name} needs a result of {wanted}; there is {sorted(done)}")
    return template


def _fitting(case: CaseData, results: Sequence[StoredResult]) -> str:
    if case.specimen.tumour_type == NEUROENDOCRINE:
        return NEUROENDOCRINE
    if case.specimen.organ == "breast":
        ki67 = any(r.analysis == "ki67" for r in results)
        return DEFAULT_TEMPLATES["breast" if ki67 else "infiltration"]
    return "general"


def _pictures(used: Sequence[Folded]) -> tuple[Picture, ...]:
    return tuple(
        Picture(
            path=f.folder / OVERLAY,
            caption=Worded(
                en=f"What was measured: {f.result.analysis}, {f.result.slide_id}",
                zh=f"测量内容：{f.result.analysis}，{f.result.slide_id}",
            ),
        )
        for f in used
        if (f.folder / OVERLAY).is_file()
    )


def write_report(out: Path, draft: Draft, extras: Extras, *, pdf: bool) -> tuple[Path, ...]:
    """The next version of the case's report: HTML and PDF first, and JSON last.

    A report is there when its JSON is; whatever a killed program left without one is none.
    """
    folder = out / CASES / draft.case_id
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise OutputError(f"{CASES}: cannot be written ({cause.strerror})") from cause
    stem = folder / f"report-v{next_version(folder)}"
    html = html_page(draft, extras)
    printed = pdf_page(html) if pdf else None
    files = [stem.with_suffix(".html")]
    write_whole(files[0], html.encode("utf-8"))
    if printed is not None:
        files.append(stem.with_suffix(".pdf"))
        write_whole(files[-1], printed)
    told = stem.with_suffix(".json")
    write_json(told, draft_document(draft), "draft-1")
    return (told, *files)


def next_version(folder: Path) -> int:
    """Number of the next report in a folder; drafts and signed versions count on together."""
    known = [int(m[1]) for p in folder.iterdir() if (m := VERSION.fullmatch(p.name))]
    return max(known, default=0) + 1


def read_draft(path: Path) -> Draft:
    """A draft from its JSON document.

    Raises
    ------
    UsageError
        It is no draft of this program.
    """
    told = read_json(path)
    if not isinstance(told, dict):
        raise UsageError(f"{path.name}: is no draft of this program")
    if wrong := faults(told, "draft-1"):
        raise UsageError(f"{path.name}: is no draft of this program: {wrong[0]}")
    record: Mapping[str, Any] = {k: v for k, v in told.items() if k not in FIXED}
    try:
        return build_record(record, Draft, where=path.name)
    except ConfigError as cause:
        raise UsageError(str(cause)) from cause


def render_draft(path: Path, out: Path, *, pdf: bool = True) -> tuple[Path, ...]:
    """The pages of a draft that was made before, without pictures, beside ``out``.

    Raises
    ------
    UsageError, OutputError
        It is no draft; the pages cannot be written, or are there already.
    """
    draft = read_draft(path)
    html = html_page(draft)
    pages: dict[Path, bytes] = {out / f"{path.stem}.html": html.encode("utf-8")}
    if pdf:
        pages[out / f"{path.stem}.pdf"] = pdf_page(html)
    if there := [p.name for p in pages if p.exists()]:
        raise UsageError(f"{', '.join(there)}: there already. Give another folder: --out")
    out.mkdir(parents=True, exist_ok=True)
    for target, data in pages.items():
        write_whole(target, data)
    return tuple(pages)


def draft_text(path: Path, language: Language) -> str:
    """A draft that was made before as plain text; raises UsageError where it is none."""
    return plain_text(read_draft(path), language)
