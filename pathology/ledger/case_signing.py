"""A signature: the report built from the case, sealed, and put into the outbox."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import func, select

from pathology.errors import CaseRefused
from pathology.ledger.case_changing import CaseChange, Step
from pathology.ledger.case_reading import place_of_content
from pathology.ledger.case_rules import all_findings, proof_problem, second_agrees, unready
from pathology.ledger.case_tables import OutboxRow, SignedVersionRow
from pathology.ledger.withdrawing import read_withdrawn
from pathology.records.case_review import NotReady, ReportText, ReviewCase, SigningOrder
from pathology.records.decision import SecondRead
from pathology.records.signed_report import (
    Signature,
    SignedFinding,
    SignedReport,
    SignedResult,
    canonical_content,
    content_sha256,
    signed_content,
)


def sign_case(at: CaseChange, order: SigningOrder, step: Step) -> Step:
    """Write the signed version and what is to leave; the step that tells of it.

    Raises
    ------
    CaseRefused
        The case is not ready, the proof is not good, or slides and results are not those that were
        reviewed.
    """
    _check(at, order)
    case, session, row = at.case, at.writing.session, at.at_hand.row
    report = _report(at, order)
    content = signed_content(report)
    sha256 = content_sha256(content)
    place = place_of_content(row.case_id, report.version)
    session.add(
        SignedVersionRow(
            case_id=row.case_id,
            number=report.version,
            state=report.state,
            signer=at.change.by.name,
            signed_utc=at.change.now_utc,
            content_sha256=sha256,
            proof_id=order.proof.proof_id,
            sealed_content=at.at_hand.key.seal(canonical_content(content), place),
        )
    )
    session.flush()
    _put_out(at, order, report.version)
    number = {"number": report.version, "content_sha256": sha256}
    return replace(
        step,
        event="amend" if case.signed else "sign",
        body={**step.body, **number},
        told={**number, "meaning": order.meaning, "method": order.proof.method},
    )


def _check(at: CaseChange, order: SigningOrder) -> None:
    session, by = at.writing.session, at.change.by.name
    if problems := unready(at.case, by, read_withdrawn(session), at.rules):
        raise _refused(at, problems[0])
    if problem := proof_problem(order.proof, by, at.change.now_utc, at.rules):
        raise _refused(at, problem)
    used = select(SignedVersionRow.number).where(SignedVersionRow.proof_id == order.proof.proof_id)
    if session.scalar(used) is not None:
        raise at.refuse("proof-used")
    if not order.printed_name.strip():
        raise at.refuse("printed-name-missing")
    _check_results(at, order)


def _check_results(at: CaseChange, order: SigningOrder) -> None:
    """What is signed is bound to slides and results as they lie there."""
    for result in at.case.results:
        if order.findings_sha256.get(result.result_id) != result.findings_sha256:
            raise at.refuse("result-changed", result=result.analysis)
        if len(order.slides_sha256.get(result.slide_id, "")) != 64:
            raise at.refuse("slide-gone", slide=result.slide_id)
        for model in result.models:
            if model.research_only and not order.research_accepted:
                raise at.refuse("research-weights", model=model.name)


def _refused(at: CaseChange, problem: NotReady) -> CaseRefused:
    return at.refuse(problem.code, **problem.facts)


def _report(at: CaseChange, order: SigningOrder) -> SignedReport:
    case, version = at.case, len(at.case.signed) + 1
    text: ReportText = case.texts[-1].text
    agreed = _agreement(case)
    return SignedReport(
        case=case.line.case,
        case_id=case.case_id,
        version=version,
        amends=None if version == 1 else version - 1,
        amendment_reason=case.amendment_reason,
        title=text.title,
        headings=text.headings,
        sections=text.sections,
        fields=text.fields,
        not_measured=text.not_measured,
        limits=text.limits,
        citations=text.citations,
        findings=_findings(case),
        results=_results(case, order),
        flagged=text.flagged,
        differences=case.differences,
        second_reader=None if agreed is None else agreed.by,
        second_agreed_utc=None if agreed is None else agreed.at_utc.isoformat(),
        authorship=_authorship(case),
        software=text.software,
        signature=Signature(
            account=at.change.by.name,
            printed_name=order.printed_name.strip(),
            meaning=order.meaning,
            signed_utc=at.change.now_utc.isoformat(timespec="seconds"),
            method=order.proof.method,
        ),
    )


def _authorship(case: ReviewCase) -> str:
    """Who wrote the draft, and the persons whose texts are not what the software drafted."""
    persons = [
        version.by
        for version in case.texts
        if version.text.draft is None or version.text.sections != version.text.draft.sections
    ]
    drafted = case.texts[-1].text.authorship
    return "; ".join([drafted, *(f"edited by {name}" for name in dict.fromkeys(persons))])


def _agreement(case: ReviewCase) -> SecondRead | None:
    """What the second reader said last, where that is agreement."""
    if not second_agrees(case):
        return None
    return [s for s in case.second_readings if s.by == case.line.second_reader][-1]


def _findings(case: ReviewCase) -> tuple[SignedFinding, ...]:
    return tuple(
        SignedFinding(
            result_id=key.result_id,
            finding_id=key.finding_id,
            name=finding.name,
            ai_value=finding.value,
            ai_unit=finding.unit,
            decision=case.decided[key].decision,
            decided_by=case.decided[key].by,
        )
        for key, finding in all_findings(case)
    )


def _results(case: ReviewCase, order: SigningOrder) -> tuple[SignedResult, ...]:
    return tuple(
        SignedResult(
            result_id=result.result_id,
            findings_sha256=result.findings_sha256,
            analysis=result.analysis,
            author=result.author,
            supersedes=result.supersedes,
            slide_id=result.slide_id,
            slide_sha256=order.slides_sha256[result.slide_id],
            models=tuple(f"{m.name} {m.weights_sha256 or ''}".strip() for m in result.models),
        )
        for result in case.results
    )


def _put_out(at: CaseChange, order: SigningOrder, number: int) -> None:
    session = at.writing.session
    first = (session.scalar(select(func.max(OutboxRow.item_id))) or 0) + 1
    session.add_all(
        OutboxRow(
            item_id=first + place,
            case_id=at.at_hand.row.case_id,
            number=number,
            format=delivery.format,
            destination=delivery.destination,
            state="waiting",
            tries=0,
            not_before_utc=at.change.now_utc,
            last_problem="",
        )
        for place, delivery in enumerate(order.deliveries)
    )
