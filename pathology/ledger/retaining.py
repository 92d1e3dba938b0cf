"""Holds and purges in the database (``records.retention.Retention``).

A purge destroys the data keys of a case and of the slides that no other case has: what they sealed
stays where it is, the chain verifies, and nobody can read it. Their rows give up their names, so
that a file of the same path is new work.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from pathology.errors import CaseRefused, LedgerError
from pathology.ledger.accounts import AccountBook
from pathology.ledger.case_entries import PURGED
from pathology.ledger.case_tables import (
    CaseEntryRow,
    OutboxRow,
    ReviewCaseRow,
    SignedVersionRow,
)
from pathology.ledger.chain import Entry
from pathology.ledger.database import ledger_errors
from pathology.ledger.sealing import DESTROYED
from pathology.ledger.tables import CaseRow, DataKeyRow, ItemRow, SlideRow
from pathology.ledger.transactions import Transactions, Writing
from pathology.records.actor import Act, Actor
from pathology.records.retention import KeptCase
from pathology.records.settings.deciding import RetentionSettings

YEAR: Final = timedelta(days=365.25)
log = logging.getLogger(__name__)

Found = tuple[CaseRow, ReviewCaseRow, KeptCase]


class RetentionBook:
    """How long cases are kept."""

    def __init__(
        self, transactions: Transactions, accounts: AccountBook, rules: RetentionSettings
    ) -> None:
        self._transactions, self._accounts, self._rules = transactions, accounts, rules

    def kept(self, *, due_before_utc: datetime | None = None) -> list[KeptCase]:
        """Cases, those due first; all of them when no time is given, purged ones too."""
        with self._transactions.reading() as session:
            cases = [kept for _, _, kept in self._cases(session)]
        if due_before_utc is not None:
            cases = [c for c in cases if c.purged_utc is None and c.due_utc <= due_before_utc]
        return sorted(cases, key=lambda c: (c.due_utc, c.case))

    def hold(self, case: str, why: str, by: Actor, now_utc: datetime) -> None:
        """Nothing of the case is purged until the hold is lifted; a purge asked for is dropped."""

        def do(writing: Writing, found: Found) -> None:
            found[1].legal_hold, found[1].purge_asked_by = True, None

        self._change("hold-case", case, (by, now_utc, why), do)

    def lift(self, case: str, why: str, by: Actor, now_utc: datetime) -> None:
        """The hold's end."""

        def do(writing: Writing, found: Found) -> None:
            found[1].legal_hold = False

        self._change("hold-case", case, (by, now_utc, why), do, told="lift-hold")

    def ask(self, case: str, why: str, by: Actor, now_utc: datetime) -> None:
        """One person asks for the purge of a case that is due."""

        def do(writing: Writing, found: Found) -> None:
            _check_due(found[2], now_utc)
            found[1].purge_asked_by = by.name

        self._change("hold-case", case, (by, now_utc, why), do, told="ask-purge")

    def purge(self, case: str, why: str, by: Actor, now_utc: datetime) -> None:
        """Another carries it out: the data keys of case and slides are destroyed."""

        def do(writing: Writing, found: Found) -> None:
            _check_due(found[2], now_utc)
            if found[2].asked_by is None:
                raise CaseRefused(case, "purge-not-asked")
            if found[2].asked_by == by.name:
                raise CaseRefused(case, "purge-needs-two")
            _destroy(writing.session, found[0], found[1], now_utc)

        self._change("purge-case", case, (by, now_utc, why), do)
        self._scrub()

    def _change(
        self,
        act: Act,
        case: str,
        said: tuple[Actor, datetime, str],
        do: Callable[[Writing, Found], None],
        *,
        told: str = "",
    ) -> None:
        by, now_utc, why = said
        self._accounts.require(by, act)
        if not why.strip():
            raise CaseRefused(case, "why-missing")
        with self._transactions.writing() as writing:
            found = self._found(writing.session, case)
            counts = _counts(writing.session, found[1].case_id)
            do(writing, found)
            writing.note(
                Entry(
                    at_utc=now_utc,
                    actor=by.name,
                    act=told or act,
                    subject=case,
                    before={"state": found[1].state, **counts},
                    reason=why,
                )
            )

    def _found(self, session: Session, name: str) -> Found:
        found = self._cases(session, name)
        if not found:
            gone = session.scalar(select(CaseRow.case_id).where(CaseRow.name == PURGED + name))
            raise CaseRefused(name, "no-such-case" if gone is None else "purged")
        return found[0]

    def _cases(self, session: Session, name: str | None = None) -> list[Found]:
        newest = (
            select(SignedVersionRow.case_id, func.max(SignedVersionRow.number).label("number"))
            .group_by(SignedVersionRow.case_id)
            .subquery()
        )
        query = (
            select(CaseRow, ReviewCaseRow, SignedVersionRow.signed_utc)
            .join(ReviewCaseRow, ReviewCaseRow.case_id == CaseRow.case_id)
            .outerjoin(newest, newest.c.case_id == CaseRow.case_id)
            .outerjoin(
                SignedVersionRow,
                (SignedVersionRow.case_id == newest.c.case_id)
                & (SignedVersionRow.number == newest.c.number),
            )
        )
        if name is not None:
            query = query.where(CaseRow.name == name)
        return [(c, r, self._kept(c, r, signed)) for c, r, signed in session.execute(query)]

    def _kept(self, case: CaseRow, row: ReviewCaseRow, signed_utc: datetime | None) -> KeptCase:
        last = row.changed_utc if signed_utc is None else max(row.changed_utc, signed_utc)
        rules = self._rules
        years = rules.unsigned_years if signed_utc is None else rules.signed_years
        return KeptCase(
            case=case.name.removeprefix(PURGED),
            signed=signed_utc is not None,
            last_utc=last,
            due_utc=last + years * YEAR,
            legal_hold=row.legal_hold,
            asked_by=row.purge_asked_by,
            purged_utc=row.purged_utc,
        )

    def _scrub(self) -> None:
        """Let no copy of a destroyed key stay in the database's own files.

        SQLite overwrites what is deleted (``secure_delete``); its journal is emptied here, and
        PostgreSQL's table is written anew.
        """
        database = self._transactions.database
        sqlite = database.dialect.name == "sqlite"
        statement = "PRAGMA wal_checkpoint(TRUNCATE)" if sqlite else "VACUUM FULL data_keys"
        level = database.execution_options(isolation_level="AUTOCOMMIT")
        try:
            with ledger_errors(), level.connect() as connection:
                connection.execute(text(statement)).close()
        except LedgerError as problem:
            log.warning("a key was destroyed, and an old copy may stay for a while: %s", problem)


def _check_due(kept: KeptCase, now_utc: datetime) -> None:
    if kept.legal_hold:
        raise CaseRefused(kept.case, "legal-hold")
    if now_utc < kept.due_utc:
        raise CaseRefused(kept.case, "not-due", {"when": f"{kept.due_utc:%Y-%m-%d}"})


def _counts(session: Session, case_id: int) -> dict[str, object]:
    entries = select(func.count()).where(CaseEntryRow.case_id == case_id)
    versions = select(func.count()).where(SignedVersionRow.case_id == case_id)
    return {"entries": session.scalar(entries) or 0, "versions": session.scalar(versions) or 0}


def _destroy(session: Session, case: CaseRow, row: ReviewCaseRow, now_utc: datetime) -> None:
    slides = _slides_of_it_alone(session, case.case_id)
    keys = [case.data_key, *(slide.data_key for slide in slides)]
    session.execute(
        update(DataKeyRow).where(DataKeyRow.name.in_(keys)).values(wrapped_by=DESTROYED, sealed=b"")
    )
    for slide in slides:
        slide.name = PURGED + slide.name
    items = select(ItemRow).where(ItemRow.slide_row.in_([s.slide_row for s in slides]))
    for item in session.scalars(items):
        item.known_as = PURGED + item.known_as
    session.execute(
        update(OutboxRow)
        .where(OutboxRow.case_id == case.case_id, OutboxRow.state == "waiting")
        .values(state="dead", last_problem="purged")
    )
    case.name, row.purged_utc = PURGED + case.name, now_utc


def _slides_of_it_alone(session: Session, case_id: int) -> list[SlideRow]:
    of_others = select(ItemRow.slide_row).where(
        ItemRow.case_id.is_(None) | (ItemRow.case_id != case_id)
    )
    of_it = select(ItemRow.slide_row).where(ItemRow.case_id == case_id)
    query = select(SlideRow).where(
        SlideRow.slide_row.in_(of_it), SlideRow.slide_row.not_in(of_others)
    )
    return list(session.scalars(query))
