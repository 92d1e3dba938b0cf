"""A case of the desk as the page is told of it. What a reader must not see yet is not in it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pathology.records.case_review import CaseLine, Changed, NotReady, ReviewCase
from pathology.records.case_words import LANGUAGES, Names, case_worded
from pathology.records.decision import FindingKey
from pathology.records.plain import plain
from pathology.records.report_state import NEXT
from pathology.records.settings.run import RunSettings


def line_told(line: CaseLine) -> dict[str, Any]:
    """A line of the worklist."""
    return dict(plain(line))


def headline_told(
    case: ReviewCase, hidden: Collection[FindingKey], site: RunSettings
) -> dict[str, Any]:
    """What a line of the worklist says beside a case's state: id, first finding of each result."""
    results = (_result(one, hidden, site) for one in plain(case.results))
    return {"case_id": case.case_id, "found": [r["findings"][0] for r in results if r["findings"]]}


def case_told(
    case: ReviewCase,
    hidden: Collection[FindingKey],
    unready: Sequence[NotReady],
    site: RunSettings,
) -> dict[str, Any]:
    """All of a case that the reader may know.

    While a reading of the reader's own is missing, what would bias it is left out: values of those
    findings, the text that tells them, and what others made of them.
    """
    waiting = {key.result_id for key in hidden}
    return {
        "line": line_told(case.line),
        "case_id": case.case_id,
        "results": [_result(one, hidden, site) for one in plain(case.results)],
        "superseded": [] if hidden else [_result(r, (), site) for r in plain(case.superseded)],
        "confirmed": sorted(case.confirmed),
        "decided": [plain(d) for key, d in case.decided.items() if key.result_id not in waiting],
        "readings": [] if hidden else plain(case.readings),
        "second_readings": [] if hidden else plain(case.second_readings),
        "differences": [] if hidden else plain(case.differences),
        "seen": sorted(list(one) for one in case.seen),
        "text": None if hidden or case.text is None else plain(case.text),
        "versions": [] if hidden else [_text_version(one) for one in plain(case.texts)],
        "signed": plain(case.signed),
        "amending": case.amending,
        "amendment_reason": case.amendment_reason,
        "rejected_reason": case.rejected_reason,
        "hidden": [list(key) for key in sorted(hidden)],
        "unready": [_unready(one, site) for one in unready],
        "notes": [] if hidden else plain(case.notes),
        "asked": plain(case.asked),
        "opinions": [] if hidden else plain(case.opinions),
        "events": sorted(event for state, event in NEXT if state == case.line.state),
    }


def _result(
    told: dict[str, Any], hidden: Collection[FindingKey], site: RunSettings
) -> dict[str, Any]:
    slide_id, _, name = told["result_id"].partition("/")
    waits = any(key.result_id == told["result_id"] for key in hidden)
    told["address"] = f"/slides/{slide_id}/{name}"
    for finding in told["findings"]:
        code = site.exchange.findings.get(finding["name"])
        finding["names"] = {} if code is None else {"en": code.en, "zh": code.zh}
        finding["read_first"] = FindingKey(told["result_id"], finding["finding_id"]) in hidden
        finding["hidden"] = waits  # all of them: one tells the other
        if waits:
            finding["value"], finding["not_measurable"], finding["borderline"] = None, None, False
    return told


def _text_version(told: dict[str, Any]) -> dict[str, Any]:
    """Who changed what; the newest text stands by itself."""
    return {name: told[name] for name in ("by", "at_utc", "entry", "changes")}


def changed_told(changed: Changed) -> dict[str, Any]:
    """What came of a change."""
    return dict(plain(changed))


def _unready(one: NotReady, site: RunSettings) -> dict[str, Any]:
    """Why the reader cannot sign, in both languages."""
    coded = site.exchange.findings
    names: Names = {name: {"en": code.en, "zh": code.zh} for name, code in coded.items()}
    words = {lang: case_worded(one.code, one.facts, lang, names) for lang in LANGUAGES}
    return {
        "code": one.code,
        "reason": {lang: f"{said.problem}. {said.remedy}" for lang, said in words.items()},
    }
