"""A case as the page is told of it. What must be read first is not told before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pathology.errors import CaseRefused
from pathology.records.case_review import CaseLine, NotReady, ReviewCase
from pathology.records.decision import FindingKey
from pathology.records.plain import plain
from pathology.records.settings.run import RunSettings


def line_told(line: CaseLine) -> dict[str, Any]:
    """A line of the worklist."""
    told: dict[str, Any] = plain(line)
    return told


def case_told(
    case: ReviewCase, hidden: frozenset[FindingKey], account: str, site: RunSettings
) -> dict[str, Any]:
    """All of a case but what ``account`` must not see yet.

    While anything is hidden, neither the text nor what others decided is told: both would tell it.
    """
    results = []
    for result in case.results:
        told: dict[str, Any] = plain(result)
        waits = {key.finding_id for key in hidden if key.result_id == result.result_id}
        told["findings"] = [_finding(f, waits, site) for f in told["findings"]]
        told["confirmed"] = result.result_id in case.confirmed
        told["seen"] = sorted(s[2] for s in case.seen if s[:2] == (account, result.result_id))
        results.append(told)
    return {
        "line": plain(case.line),
        "case_id": case.case_id,
        "results": results,
        "superseded": [r.result_id for r in case.superseded],
        "hidden": [plain(key) for key in sorted(hidden)],
        "signed": plain(case.signed),
        "amending": case.amending,
        "amendment_reason": case.amendment_reason,
        "rejected_reason": case.rejected_reason,
        **(_judgements(case) if not hidden else {"readings": _own_readings(case, account)}),
    }


def _judgements(case: ReviewCase) -> dict[str, Any]:
    text = case.text
    return {
        "decided": [plain(d) for d in case.decided.values()],
        "readings": plain(case.readings),
        "second_readings": plain(case.second_readings),
        "differences": plain(case.differences),
        "text": None
        if text is None
        else {
            "title": plain(text.title),
            "headings": plain(text.headings),
            "sections": [{"id": s.id, "en": list(s.en), "zh": list(s.zh)} for s in text.sections],
            "flagged": plain(text.flagged),
            "authorship": text.authorship,
        },
        "edits": [
            {"by": v.by, "at_utc": v.at_utc.isoformat(), "changes": plain(v.changes)}
            for v in case.texts
        ],
    }


def _own_readings(case: ReviewCase, account: str) -> Any:
    return plain([r for r in case.readings if r.by == account])


def _finding(told: dict[str, Any], waits: set[str], site: RunSettings) -> dict[str, Any]:
    """Where one finding of a result waits for a reading, none is told: one tells the other."""
    code = site.exchange.findings.get(told["name"])
    names = {} if code is None else {"en": code.en, "zh": code.zh}
    if waits:
        kept = {"finding_id": told["finding_id"], "name": told["name"], "unit": told["unit"]}
        return {**kept, "hidden": True, "read": told["finding_id"] in waits, "names": names}
    return {**told, "hidden": False, "names": names}


def unready_told(case: str, reasons: Sequence[NotReady]) -> list[dict[str, Any]]:
    """Why a case cannot be signed now, in both languages."""
    problems = [CaseRefused(case, r.code, r.facts) for r in reasons]
    return [{"code": p.code, "en": p.text("en"), "zh": p.text("zh")} for p in problems]
