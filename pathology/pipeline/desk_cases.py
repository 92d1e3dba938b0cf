"""Results and drafts of a folder become a case on the desk."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pathology.errors import UsageError
from pathology.exchange.documents import read_json
from pathology.exchange.stored_result import FINDINGS, read_result
from pathology.pipeline.desk_text import text_of_draft
from pathology.pipeline.draft import CASES, VERSION, read_draft
from pathology.pipeline.report_settings import ReportRules
from pathology.records.case_ledger import CaseLedger
from pathology.records.case_review import (
    CaseOpening,
    Change,
    Changed,
    FindingOnDesk,
    ModelOnDesk,
    ReportText,
    ResultOnDesk,
)
from pathology.records.finding import Finding, Measurement, NotMeasurable
from pathology.records.manifest import Priority
from pathology.reports.document import DRAFT_SCHEMA

RESEARCH: Final = "research-weights"
SHOWN_MAPS: Final = ("tissue_class", "ki67_density", "nucleus_density")
"""Maps that the page shows; each that a result has must be opened before signing."""
UNITS: Final = (
    ("ki67.", "fraction"),
    ("til.stromal_area_fraction", "fraction"),
    ("til.density_", "1/mm2"),
    ("tumour.area", "mm2"),
    ("margin.length", "mm"),
)
"""Units of findings by the beginning of their names, for values of a person where the AI has none.
"""
PSEUDONYM: Final = re.compile(r"C[0-9a-f]{16}")
SAFE_NAME: Final = re.compile(r"\w[\w.-]{0,119}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskOrder:
    """A case that is to be put on the desk."""

    out: Path  # the results folder
    case_id: str  # as its results name it
    priority: Priority = "routine"
    deadline_utc: datetime | None = None


def put_on_desk(cases: CaseLedger, order: DeskOrder, rules: ReportRules, change: Change) -> Changed:
    """The results of a case and its newest draft on the desk, or renewed there.

    Without a draft the case has no text yet.

    Raises
    ------
    UsageError
        The folder has no result of the case.
    CaseRefused, CaseChanged
        As ``CaseLedger.open``.
    """
    results = tuple(result_on_desk(folder) for folder in result_folders(order.out, order.case_id))
    opening = CaseOpening(
        case=case_name(cases, order.case_id),
        case_id=order.case_id,
        results=results,
        text=_newest_text(order, results, rules),
        priority=order.priority,
        deadline_utc=order.deadline_utc,
    )
    return cases.open(opening, change)


def case_name(cases: CaseLedger, case_id: str) -> str:
    """The case as the ledger calls it; results of a night name it so already."""
    return case_id if PSEUDONYM.fullmatch(case_id) else cases.name_of(case_id)


def report_folder(out: Path, case: str, case_id: str) -> Path:
    """Where the reports of a case lie; an id that is no plain name is not made a path of."""
    return out / CASES / (case_id if SAFE_NAME.fullmatch(case_id) else case)


def result_folders(out: Path, case_id: str) -> list[Path]:
    """Folders of the results of a case that no other one supersedes, by name.

    Raises
    ------
    UsageError
        There are none.
    """
    found = {}
    for path in sorted(out.glob(f"*/*/{FINDINGS}")):
        result = read_result(path.parent)
        if result.case_id == case_id:
            found[result.result_id] = (path.parent, result.supersedes)
    replaced = {supersedes for _, supersedes in found.values()}
    folders = [folder for result_id, (folder, _) in found.items() if result_id not in replaced]
    if not folders:
        raise UsageError(f"{case_id}: no result here was made for this case")
    return folders


def result_on_desk(folder: Path) -> ResultOnDesk:
    """A stored result as the desk keeps it; UsageError where it is not whole."""
    result = read_result(folder)
    research = RESEARCH in result.quality.flags
    return ResultOnDesk(
        result_id=result.result_id,
        slide_id=result.slide_id,
        slide_digest=result.slide.digest,
        analysis=result.analysis,
        author=result.author,
        supersedes=result.supersedes,
        tumour_region_source=result.tumour_region_source,
        findings=tuple(_finding(f) for f in result.findings),
        findings_sha256=findings_sha256(folder),
        models=tuple(
            ModelOnDesk(
                name=m.name,
                weights_sha256=m.weights_sha256,
                research_only=research and m.weights_sha256 is not None,
            )
            for m in result.models
        ),
        overlays=_overlays(folder),
        flags=result.quality.flags,
        scale_source=result.mpp_source,
    )


def findings_sha256(folder: Path) -> str:
    """SHA-256 of a result's findings.json as it lies there; UsageError where it cannot be read."""
    try:
        return hashlib.sha256((folder / FINDINGS).read_bytes()).hexdigest()
    except OSError as cause:
        raise UsageError(f"{FINDINGS}: cannot be read ({cause.strerror})") from cause


def _finding(finding: Finding) -> FindingOnDesk:
    answer = finding.answer
    if isinstance(answer, NotMeasurable):
        return FindingOnDesk(
            finding_id=finding.id,
            name=finding.name,
            value=None,
            unit=next((unit for name, unit in UNITS if finding.name.startswith(name)), ""),
            not_measurable=answer.reason,
        )
    return FindingOnDesk(
        finding_id=finding.id,
        name=finding.name,
        value=answer.value,
        unit=answer.unit if isinstance(answer, Measurement) else "fraction",
        borderline=finding.category is not None and finding.category.borderline,
    )


def _overlays(folder: Path) -> tuple[str, ...]:
    maps = [f"map:{name}" for name in SHOWN_MAPS if (folder / "maps.zarr" / name).is_dir()]
    parts = {"regions": "regions.geojson", "nuclei": "cells.parquet"}
    return (*(name for name, file in parts.items() if (folder / file).is_file()), *maps)


def _newest_text(
    order: DeskOrder, results: Sequence[ResultOnDesk], rules: ReportRules
) -> ReportText | None:
    """The newest draft that was written from results in force; one of others is passed over."""
    folder = order.out / CASES / order.case_id
    if not SAFE_NAME.fullmatch(order.case_id) or not folder.is_dir():
        return None
    numbered = [(int(m[1]), p) for p in folder.glob("*.json") if (m := VERSION.fullmatch(p.name))]
    in_force = {r.result_id for r in results}
    for _, path in sorted(numbered, reverse=True):
        told = read_json(path)
        if not isinstance(told, dict) or told.get("schema") != DRAFT_SCHEMA:
            continue
        draft = read_draft(path)
        if set(draft.facts.results) <= in_force:
            return text_of_draft(draft, rules)
    return None
