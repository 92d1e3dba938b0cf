"""A person's corrected result on the desk, and the text that follows it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pathology.exchange.stored_result import read_result
from pathology.pipeline.desk_cases import result_on_desk
from pathology.pipeline.desk_text import drafted_again
from pathology.pipeline.report_settings import ReportRules
from pathology.records.case_ledger import CaseLedger
from pathology.records.case_review import Change, Changed, ReportText, ReviewCase
from pathology.records.report import Draft
from pathology.reports.facts import FactRules, facts_again


def supersede_on_desk(
    cases: CaseLedger, case: str, folder: Path, why: str, change: Change
) -> Changed:
    """The corrected result in ``folder`` in place of the one that it supersedes; both stay.

    Raises
    ------
    UsageError
        The result is not whole.
    CaseRefused, CaseChanged
        As ``CaseLedger.supersede``.
    """
    return cases.supersede(case, result_on_desk(folder), why, change)


def renewed_text(
    case: ReviewCase, out: Path, rules: ReportRules, now_utc: datetime
) -> ReportText | None:
    """The template's text for the results in force; None where no draft tells what to begin with.

    What request and laboratory state stays as the draft had it; numbers, categories and rules come
    from the results as they lie in ``out``.

    Raises
    ------
    UsageError
        A result is not whole.
    DraftRejected
        The template cannot tell these facts: the text has to be written by hand.
    """
    draft = _first_of_software(case)
    if draft is None:
        return None
    successors = (_successor(case, result_id) for result_id in draft.facts.results)
    told = [read_result(out / result_id) for result_id in successors if result_id is not None]
    if not told:
        return None
    settings = rules.settings
    wording = FactRules(
        wording=rules.wording, rounding=settings.rounding, combined=settings.combined
    )
    return drafted_again(draft, facts_again(draft.facts, told, wording), rules, now_utc)


def _first_of_software(case: ReviewCase) -> Draft | None:
    drafts = [version.text.draft for version in case.texts]
    return next(
        (
            draft
            for draft in reversed(drafts)
            if draft is not None and all(f.source.kind != "physician" for f in draft.facts.facts)
        ),
        None,
    )


def _successor(case: ReviewCase, result_id: str) -> str | None:
    """The result in force that stands for one of the draft; None where none does any more."""
    newer = {r.supersedes: r.result_id for r in (*case.superseded, *case.results)}
    seen: set[str] = set()
    while case.result(result_id) is None:
        if result_id in seen or result_id not in newer:
            return None
        seen.add(result_id)
        result_id = newer[result_id]
    return result_id
