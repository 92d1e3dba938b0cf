"""A case put on the desk: its row, its key where it has none, and what the software made of it."""

from __future__ import annotations

from typing import cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pathology.ledger.case_changing import Step, begun, done_before
from pathology.ledger.case_entries import EntryKind, entry_of_request
from pathology.ledger.case_tables import ReviewCaseRow
from pathology.ledger.sealing import Sealing, current_key, sealed_accession
from pathology.ledger.tables import CaseRow, DataKeyRow
from pathology.ledger.transactions import Writing
from pathology.records.case_review import CaseOpening, Change, Changed
from pathology.records.plain import plain
from pathology.records.settings.deciding import DecidingSettings


def open_case(
    writing: Writing, sealing: Sealing, rules: DecidingSettings, asked: tuple[CaseOpening, Change]
) -> Changed:
    """The case on the desk, or renewed there; the caller has asked whether that is allowed."""
    opening, change = asked
    fresh = _row_of(writing.session, sealing, opening, change)
    at = begun(writing, sealing, rules, opening.case, change)
    step = _step(writing.session, opening, change, fresh=fresh)
    if (before := done_before(at, step)) is not None:
        return before
    at.check_seen()
    row = at.at_hand.row
    row.priority, row.deadline_utc = opening.priority, opening.deadline_utc
    at.keep_models(opening.results)
    return at.write(step)


def _step(session: Session, opening: CaseOpening, change: Change, *, fresh: bool) -> Step:
    """An opening that is asked for again has the kind that it had."""
    known = entry_of_request(session, change.request_id)
    kind = cast(EntryKind, known.kind) if known is not None else ("open" if fresh else "renew")
    body = {
        "case_id": opening.case_id,
        "results": plain(opening.results),
        "text": plain(opening.text),
    }
    return Step(kind=kind, body=body, event="renew")


def _row_of(session: Session, sealing: Sealing, opening: CaseOpening, change: Change) -> bool:
    """Make the row where there is none; whether it was made."""
    case_id = session.scalar(select(CaseRow.case_id).where(CaseRow.name == opening.case))
    if case_id is None:
        case_id = _new_case(session, sealing, opening)
    if session.get(ReviewCaseRow, case_id) is not None:
        return False
    row = ReviewCaseRow(
        case_id=case_id,
        state="AI_DRAFT",
        version=0,
        priority=opening.priority,
        deadline_utc=opening.deadline_utc,
        opened_utc=change.now_utc,
        needs_second=False,
        discrepancy=False,
        slides=0,
        analyses="",
        changed_by=change.by.name,
        changed_utc=change.now_utc,
        legal_hold=False,
    )
    session.add(row)
    session.flush()
    return True


def _new_case(session: Session, sealing: Sealing, opening: CaseOpening) -> int:
    """A case that no order named: of results that somebody made by hand."""
    key, row = sealing.new_key(current_key(session))
    number = (session.scalar(select(func.max(CaseRow.case_id))) or 0) + 1
    session.add(DataKeyRow(**row))
    session.flush()
    sealed = sealed_accession(key, opening.case_id, number)
    session.add(
        CaseRow(case_id=number, name=opening.case, data_key=key.name, sealed_accession=sealed)
    )
    session.flush()
    return number
