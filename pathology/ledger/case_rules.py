"""What the desk asks before a signature, and where readers and the AI differ. Pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from pathology.records.case_review import FindingOnDesk, NotReady, ReviewCase
from pathology.records.decision import Difference, FindingKey, OwnValue
from pathology.records.report_state import OPEN
from pathology.records.settings.deciding import DecidingSettings, ReadingSettings
from pathology.records.signed_report import Reauthenticated
from pathology.records.withdrawal import WithdrawnModel

SHARE: Final = "fraction"
PERCENT: Final = "%"
NAMED: Final = 5
"""Things named in a reason before "..."."""


def unit_needed(finding: FindingOnDesk) -> str:
    """The unit in which a person tells this finding."""
    return PERCENT if finding.unit == SHARE else finding.unit


def difference(
    of: FindingKey, finding: FindingOnDesk, own: OwnValue, by: str, rules: ReadingSettings
) -> Difference | None:
    """Where a person's value and the AI's are further apart than the site's setting.

    A value of a finding that the AI could not measure has nothing to differ from.
    """
    if finding.value is None:
        return None
    ai = 100 * finding.value if finding.unit == SHARE else finding.value
    apart = abs(own.value - ai)
    most = rules.difference_points if finding.unit == SHARE else rules.difference_share * abs(ai)
    if apart <= most + 1e-9:
        return None
    return Difference(of=of, by=by, ai=ai, own=own.value, unit=own.unit)


def differences_of(case: ReviewCase, rules: DecidingSettings) -> tuple[Difference, ...]:
    """Every difference among the readings and overrides of results in force."""
    told = [(r.reading.of, r.reading.own, r.by) for r in case.readings]
    told += [(d.decision.of, d.decision.own, d.by) for d in case.decided.values() if d.decision.own]
    found = []
    for of, own, by in told:
        finding = finding_of(case, of)
        if finding is not None and (d := difference(of, finding, own, by, rules.reading)):
            found.append(d)
    return tuple(dict.fromkeys(found))


def finding_of(case: ReviewCase, key: FindingKey) -> FindingOnDesk | None:
    """A finding of a result in force."""
    result = case.result(key.result_id)
    return None if result is None else result.finding(key.finding_id)


def all_findings(case: ReviewCase) -> Iterator[tuple[FindingKey, FindingOnDesk]]:
    """Findings of the results in force."""
    for result in case.results:
        for finding in result.findings:
            yield FindingKey(result.result_id, finding.finding_id), finding


def must_read_first(
    case: ReviewCase, account: str, cases_before: int, rules: ReadingSettings
) -> frozenset[FindingKey]:
    """Findings that this reader tells an own reading of before the AI's may be shown.

    ``cases_before``: other cases in which the reader has read or decided. By rule: borderline
    findings, the reader's first cases, and a share of all others that a hash picks.
    """
    if rules.blind_first == "off":
        return frozenset()
    whole_case = (
        rules.blind_first == "always"
        or cases_before < rules.first_cases
        or _picked(case.line.case, account) < rules.random_share
    )
    return frozenset(
        key
        for key, finding in all_findings(case)
        if finding.name in rules.findings
        and finding.value is not None
        and (whole_case or finding.borderline)
    )


def _picked(case: str, account: str) -> float:
    """A number in [0, 1) that is the same whenever it is asked for."""
    digest = hashlib.sha256(f"{case}\0{account}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def hidden(
    case: ReviewCase, account: str, cases_before: int, rules: ReadingSettings
) -> frozenset[FindingKey]:
    """Those of ``must_read_first`` that the reader has not read yet."""
    read = {r.reading.of for r in case.readings if r.by == account}
    return must_read_first(case, account, cases_before, rules) - read


def why_second(case: ReviewCase, rules: DecidingSettings) -> tuple[str, ...]:
    """Why a second reader is required; empty where none is."""
    why = ["difference"] if case.differences else []
    if rules.signing.second_reader_always:
        why.append("always")
    if case.line.second_reader is not None:
        why.append("asked")
    return tuple(why)


def second_agrees(case: ReviewCase) -> bool:
    """Whether the second reader agreed to the decisions as they stand, and none before differs.

    Another second reader does not outvote one who differed: the decisions change, or that reader
    agrees.
    """
    last = {s.by: s.reading.agrees for s in case.second_readings}
    return last.get(case.line.second_reader or "", False) and all(last.values())


def unready(
    case: ReviewCase, account: str, withdrawn: Sequence[WithdrawnModel], rules: DecidingSettings
) -> tuple[NotReady, ...]:
    """Every reason why ``account`` cannot sign the case as it stands."""
    return tuple(
        problem
        for ask in (_whose, _undecided, _unseen, _regions, _second, _text)
        for problem in ask(case, account, rules)
    ) + tuple(_withdrawn(case, withdrawn))


def _whose(case: ReviewCase, account: str, rules: DecidingSettings) -> Iterator[NotReady]:
    if case.line.state not in OPEN:
        yield NotReady(code="wrong-state", facts={"state": case.line.state, "event": "sign"})
    if case.line.assignee != account:
        yield NotReady(code="not-yours", facts={"who": case.line.assignee or "-"})
    if any(r.scale_source == "assumed" for r in case.results):
        slides = sorted({r.slide_id for r in case.results if r.scale_source == "assumed"})
        yield NotReady(code="scale-assumed", facts={"slide": ", ".join(slides)})


def _undecided(case: ReviewCase, account: str, rules: DecidingSettings) -> Iterator[NotReady]:
    findings = list(all_findings(case))
    missing = [f.name for key, f in findings if key not in case.decided]
    if missing or not findings:
        facts = {"count": str(len(missing)), "findings": _some(missing)}
        yield NotReady(code="undecided", facts=facts)
    elif all(case.decided[key].decision.kind == "reject" for key, _ in findings):
        yield NotReady(code="all-rejected")


def _unseen(case: ReviewCase, account: str, rules: DecidingSettings) -> Iterator[NotReady]:
    missing = [
        f"{result.analysis}: {overlay}"
        for result in case.results
        for overlay in result.overlays
        if (account, result.result_id, overlay) not in case.seen
    ]
    if missing:
        facts = {"count": str(len(missing)), "overlays": _some(missing)}
        yield NotReady(code="unseen", facts=facts)


def _regions(case: ReviewCase, account: str, rules: DecidingSettings) -> Iterator[NotReady]:
    """An accepted number rests on the region that it was counted in."""
    for result in case.results:
        accepted = any(
            d.decision.kind == "accept"
            for key, d in case.decided.items()
            if key.result_id == result.result_id
        )
        automatic = result.tumour_region_source == "automatic"
        if accepted and automatic and result.result_id not in case.confirmed:
            yield NotReady(code="region-unconfirmed", facts={"result": result.analysis})


def _second(case: ReviewCase, account: str, rules: DecidingSettings) -> Iterator[NotReady]:
    why = why_second(case, rules)
    if why and not second_agrees(case):
        yield NotReady(code="second-missing", facts={"why": ", ".join(why)})


def _text(case: ReviewCase, account: str, rules: DecidingSettings) -> Iterator[NotReady]:
    text = case.text
    if text is None or not any(s.en or s.zh for s in text.sections):
        yield NotReady(code="no-text")
        return
    if not text.results or not set(text.results) <= {r.result_id for r in case.results}:
        yield NotReady(code="text-of-other-results")
    refused = [
        finding.name
        for key in text.tells
        if (d := case.decided.get(key)) is not None
        and d.decision.kind != "accept"
        and (finding := finding_of(case, key)) is not None
    ]
    if refused:
        yield NotReady(code="text-tells-rejected", facts={"findings": _some(refused)})
    other = [
        finding.name
        for told in text.own
        if (finding := finding_of(case, told.of)) is not None
        and ((d := case.decided.get(told.of)) is None or not _is_hers(d.decision.own, told.own))
    ]
    if other:
        yield NotReady(code="text-tells-other", facts={"findings": _some(other)})


def _is_hers(decided: OwnValue | None, told: OwnValue) -> bool:
    """Whether a text tells the value that was decided; units of texts are worded otherwise."""
    return decided is not None and decided.value == told.value


def _withdrawn(case: ReviewCase, withdrawn: Sequence[WithdrawnModel]) -> Iterator[NotReady]:
    for result in case.results:
        for model in result.models:
            for out in withdrawn:
                if out.covers(model.name, model.weights_sha256):
                    facts = {"model": model.name, "why": out.why, "result": result.analysis}
                    yield NotReady(code="model-withdrawn", facts=facts)


def proof_problem(
    proof: Reauthenticated, account: str, now_utc: datetime, rules: DecidingSettings
) -> NotReady | None:
    """What is wrong with a proof of who signs; a proof from the future is none."""
    if proof.account != account:
        return NotReady(code="proof-wrong")
    age_s = (now_utc - proof.at_utc).total_seconds()
    if not 0 <= age_s <= rules.signing.proof_s:
        return NotReady(code="proof-old", facts={"seconds": f"{rules.signing.proof_s:g}"})
    return None


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown}, ..."
