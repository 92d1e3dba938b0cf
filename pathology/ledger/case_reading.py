"""Cases of the desk as they stand, read in one transaction each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from pathology.errors import CaseRefused, LedgerError
from pathology.ledger.case_entries import CaseAtHand, case_at_hand, entries_of, opened
from pathology.ledger.case_fold import folded
from pathology.ledger.case_rules import hidden
from pathology.ledger.case_tables import (
    CaseEntryRow,
    CaseModelRow,
    ReviewCaseRow,
    SignedVersionRow,
)
from pathology.ledger.sealing import DESTROYED, Sealing
from pathology.ledger.tables import CaseRow, DataKeyRow
from pathology.records.case_review import CaseLine, ReviewCase, SignedVersion
from pathology.records.decision import FindingKey
from pathology.records.manifest import Priority
from pathology.records.plain import rebuilt
from pathology.records.report_state import ReportState
from pathology.records.settings.deciding import DecidingSettings
from pathology.records.signed_report import SignedReport

JUDGING: Final = ("read", "decide")
"""Entries by which a reader has been at work on a case."""
URGENCY: Final = ("stat", "asap", "urgent", "routine")


def line_of(name: str, row: ReviewCaseRow) -> CaseLine:
    """A row as the worklist shows it."""
    return CaseLine(
        case=name,
        state=cast(ReportState, row.state),
        version=row.version,
        priority=cast(Priority, row.priority),
        deadline_utc=row.deadline_utc,
        opened_utc=row.opened_utc,
        assignee=row.assignee,
        second_reader=row.second_reader,
        needs_second=row.needs_second,
        discrepancy=row.discrepancy,
        slides=row.slides,
        analyses=tuple(row.analyses.split()),
        changed_by=row.changed_by,
        changed_utc=row.changed_utc,
        legal_hold=row.legal_hold,
    )


def read_lines(
    session: Session, states: Sequence[ReportState], assignee: str | None
) -> list[CaseLine]:
    """Lines of the worklist, the most pressing first; purged cases are not among them."""
    query = _lines_query()
    if states:
        query = query.where(ReviewCaseRow.state.in_(states))
    if assignee is not None:
        query = query.where(ReviewCaseRow.assignee == assignee)
    return sorted((line_of(name, row) for name, row in session.execute(query)), key=_pressing)


def _lines_query() -> Select[str, ReviewCaseRow]:
    return (
        select(CaseRow.name, ReviewCaseRow)
        .join(ReviewCaseRow, ReviewCaseRow.case_id == CaseRow.case_id)
        .where(ReviewCaseRow.purged_utc.is_(None))
    )


def _pressing(line: CaseLine) -> tuple[bool, int, bool, float, float, str]:
    deadline = line.deadline_utc
    return (
        not line.discrepancy,
        URGENCY.index(line.priority),
        deadline is None,
        deadline.timestamp() if deadline else 0.0,
        line.opened_utc.timestamp(),
        line.case,
    )


def read_case(session: Session, case: CaseAtHand, rules: DecidingSettings) -> ReviewCase:
    """All of a case."""
    signed = [_listed(case, row) for row in _signed_rows(session, case)]
    return folded(line_of(case.name, case.row), entries_of(session, case), signed, rules)


def _signed_rows(session: Session, case: CaseAtHand) -> list[SignedVersionRow]:
    query = select(SignedVersionRow).where(SignedVersionRow.case_id == case.row.case_id)
    return list(session.scalars(query.order_by(SignedVersionRow.number)))


def _listed(case: CaseAtHand, row: SignedVersionRow) -> SignedVersion:
    report = report_of(case, row)
    return SignedVersion(
        number=row.number,
        state=cast(ReportState, row.state),
        signer=row.signer,
        signed_utc=row.signed_utc,
        content_sha256=row.content_sha256,
        reason=report.amendment_reason,
    )


def report_of(case: CaseAtHand, row: SignedVersionRow) -> SignedReport:
    """A signed version, once its hash was found to hold.

    Raises
    ------
    LedgerError
        What is stored is not what was signed.
    """
    text = case.key.unseal(row.sealed_content, place_of_content(row.case_id, row.number))
    if hashlib.sha256(text).hexdigest() != row.content_sha256:
        raise LedgerError(
            f"{case.name}: version {row.number} is not what was signed (its hash does not hold). "
            "Run: pathology review audit --verify"
        )
    return rebuilt(json.loads(text), SignedReport)


def place_of_content(case_id: int, number: int) -> str:
    """Where a signed content is bound to."""
    return f"signed_versions.sealed_content:{case_id}.{number}"


def read_report(session: Session, sealing: Sealing, name: str, number: int) -> SignedReport:
    """A signed version by its number."""
    case = case_at_hand(session, sealing, name)
    row = session.get(SignedVersionRow, (case.row.case_id, number))
    if row is None:
        raise CaseRefused(name, "no-such-case")
    return report_of(case, row)


def read_content(session: Session, sealing: Sealing, entry_id: int) -> Mapping[str, Any] | None:
    """What an entry says; None where there is none, or its case was purged."""
    query = (
        select(CaseEntryRow, DataKeyRow)
        .join(CaseRow, CaseRow.case_id == CaseEntryRow.case_id)
        .join(DataKeyRow, DataKeyRow.name == CaseRow.data_key)
        .where(CaseEntryRow.entry_id == entry_id, DataKeyRow.wrapped_by != DESTROYED)
    )
    found = session.execute(query).first()
    return None if found is None else opened(found[0], sealing.open_key(found[1])).body


def cases_judged_before(session: Session, account: str, except_case: int) -> int:
    """Other cases in which a reader has read or decided."""
    query = select(func.count(CaseEntryRow.case_id.distinct())).where(
        CaseEntryRow.actor == account,
        CaseEntryRow.kind.in_(JUDGING),
        CaseEntryRow.case_id != except_case,
    )
    return session.scalar(query) or 0


def hidden_from(
    session: Session, case: ReviewCase, account: str, rules: DecidingSettings
) -> frozenset[FindingKey]:
    """Findings whose AI value a reader must not be shown yet."""
    number = session.scalar(select(CaseRow.case_id).where(CaseRow.name == case.line.case))
    before = cases_judged_before(session, account, number or 0)
    return hidden(case, account, before, rules.reading)


def read_touched(session: Session, model: str, weights_sha256: str | None) -> list[CaseLine]:
    """Cases with a result, in force or not, that rests on a model."""
    of_model = select(CaseModelRow.case_id).where(CaseModelRow.name == model)
    if weights_sha256 is not None:
        of_model = of_model.where(CaseModelRow.weights_sha256 == weights_sha256)
    query = _lines_query().where(ReviewCaseRow.case_id.in_(of_model))
    return sorted((line_of(name, row) for name, row in session.execute(query)), key=_pressing)
