"""All facts of a case: findings of its slides, what the laboratory states, what rules say of both.

Worded and rounded here and nowhere else. At most one result an analysis: which of two slides a
report is about, a person says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pathology.errors import UsageError
from pathology.records.case_data import CaseData
from pathology.records.report import CaseFacts, Fact, Worded
from pathology.records.result import StoredResult
from pathology.records.settings.reports import CombinedRule, ReportWording, Rounding
from pathology.reports.combined import combined_facts
from pathology.reports.finding_facts import Desk, finding_facts
from pathology.reports.retell import retold, saying
from pathology.reports.stated_facts import stated_facts

CONTROL: Final = "stain.control"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRules:
    """What facts are worded, rounded and put together by."""

    wording: ReportWording
    rounding: Rounding
    combined: tuple[CombinedRule, ...]


def case_facts(case: CaseData, results: Sequence[StoredResult], rules: FactRules) -> CaseFacts:
    """The facts of ``case``, from the newest result of each of its analyses.

    Raises
    ------
    UsageError
        Two results answer the same analysis; a code of the case is not known.
    """
    stated = stated_facts(case, rules.wording)
    return _joined(case.case_id, one_each(case, results), stated, rules)


def facts_again(before: CaseFacts, results: Sequence[StoredResult], rules: FactRules) -> CaseFacts:
    """The facts of the same case from other results; what was stated of it stays as it was.

    ``results`` are at most one an analysis. Rules are asked anew.
    """
    stated = tuple(f for f in before.facts if f.source.kind in ("request", "laboratory"))
    return _joined(before.case_id, results, stated, rules)


def _joined(
    case_id: str, told: Sequence[StoredResult], stated: tuple[Fact, ...], rules: FactRules
) -> CaseFacts:
    desk = Desk(wording=rules.wording, rounding=rules.rounding)
    facts = [f for result in told for f in finding_facts(result, desk)]
    facts += stated
    known = {f.id: f for f in facts}
    provisional = frozenset(
        f.name for r in told if r.tumour_region_source == "automatic" for f in r.findings
    )
    for rule in rules.combined:
        facts += combined_facts(known, provisional, rule, rules.wording)
    return CaseFacts(
        case_id=case_id,
        facts=tuple(facts),
        limits=tuple(dict.fromkeys(_limits(told, facts, rules.wording))),
        results=tuple(r.result_id for r in told),
        software=", ".join(sorted({r.software for r in told})),
        models=tuple(
            dict.fromkeys(
                f"{m.name} {m.weights_sha256 or ''}".strip() for r in told for m in r.models
            )
        ),
    )


def one_each(case: CaseData, results: Sequence[StoredResult]) -> tuple[StoredResult, ...]:
    """The result of each analysis: not superseded, and of the slide that the case names.

    Raises
    ------
    UsageError
        Several slides have the same analysis and the case names none of them.
    """
    replaced = {r.supersedes for r in results}
    current = [r for r in results if r.result_id not in replaced]
    chosen: list[StoredResult] = []
    for analysis in sorted({r.analysis for r in current}):
        named = case.slides.get(analysis)
        of_it = [r for r in current if r.analysis == analysis and named in (None, r.slide_id)]
        if len(of_it) > 1:
            slides = sorted(r.slide_id for r in of_it)
            raise UsageError(
                f"{case.case_id}: {len(of_it)} results of {analysis} ({', '.join(slides)}). "
                f"Name one in the case data: slides = {analysis}: slide id"
            )
        if not of_it:
            raise UsageError(f"{case.case_id}: no result of {analysis} for slide {named}")
        chosen += of_it
    return tuple(chosen)


def _limits(
    results: Sequence[StoredResult], facts: Sequence[Fact], wording: ReportWording
) -> Iterator[Worded]:
    """What must be read beside the numbers, in plain words."""
    for result in results:
        if result.analysis == "ki67" and result.slide.marker_source == "none":
            yield saying(wording, "stain_not_stated")
        for flag in result.quality.flags:
            yield wording.flags.get(flag, Worded(en=flag, zh=flag))
        for finding in result.findings:
            yield from (retold(c, wording) for c in finding.caveats)
            if finding.category is not None and finding.category.borderline:
                topic = wording.topics[finding.name]
                yield saying(wording, "borderline_limit", topic=topic)
    if any(f.id == CONTROL and f.code == "fail" for f in facts):
        yield saying(wording, "control_failed")
    if any(f.id == "surrogate.subtype" and f.state == "value" for f in facts):
        yield saying(wording, "surrogate")
