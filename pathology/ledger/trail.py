"""The audit chain as others use it (``records.ledger.AuditTrail``): append, read, verify."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from pathology.ledger.anchor import Head
from pathology.ledger.case_verifying import content_faults
from pathology.ledger.chain import Entry, chained, head_of, line_of
from pathology.ledger.tables import AuditRow
from pathology.ledger.transactions import Transactions
from pathology.ledger.verifying import verify_chain
from pathology.records.actor import Actor
from pathology.records.audit import AuditLine, ChainReport

AT_ONCE = 1000
"""Lines in memory while the chain is read."""


class Trail:
    """The chain in the database, with its anchor beside the keys."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def append(
        self,
        *,
        actor: str,
        act: str,
        subject: str,
        now_utc: datetime,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        reason: str = "",
    ) -> AuditLine:
        """Chain one more line.

        Raises
        ------
        LedgerAway
            Try again.
        LedgerError
            The chain is not what its anchor saw.
        """
        entry = Entry(
            at_utc=now_utc,
            actor=actor,
            act=act,
            subject=subject,
            before=before or {},
            after=after or {},
            reason=reason,
        )
        with self._transactions.writing() as writing:
            [row] = chained([entry], head_of(writing.session), self._transactions.chain.key)
            writing.note(entry)
        return line_of(row)

    def lines(self, first: int = 1, last: int | None = None) -> Iterator[AuditLine]:
        """Lines by number, a thousand in memory at most."""
        start = first
        while True:
            with self._transactions.reading() as session:
                rows = _rows(session, start, last)
            yield from (line_of(row) for row in rows)
            if len(rows) < AT_ONCE:
                return
            start = rows[-1]["sequence"] + 1

    def head(self) -> Head:
        """Number and code of the last line: what a site may write down elsewhere."""
        with self._transactions.reading() as session:
            return head_of(session)

    def verify(self) -> ChainReport:
        """Read all lines, the anchor, and what lines tell of cases; every fault by line.

        Writers may go on meanwhile.
        """
        chain = self._transactions.chain
        seen = chain.anchor.read()  # before the lines: it never leads those read after it
        with self._transactions.reading() as session:
            rows = session.execute(_numbered().execution_options(yield_per=AT_ONCE))
            report = verify_chain((_told(row) for row in rows), chain.key, seen)
            return replace(report, faults=(*report.faults, *content_faults(session)))

    def anchor_anew(self, actor: Actor, now_utc: datetime, why: str) -> AuditLine:
        """Accept the chain as it stands (a backup was restored, an anchor was lost).

        The line it leaves says from where to where the anchor was moved, by whom, and why.
        """
        chain = self._transactions.chain
        with self._transactions.writing() as writing:
            seen, now = chain.anchor.read(), head_of(writing.session)
            entry = Entry(
                at_utc=now_utc,
                actor=actor.name,
                act="anchor-anew",
                subject=chain.anchor.place,
                before={"sequence": seen.sequence, "mac": seen.mac} if seen else {},
                after={"sequence": now.sequence, "mac": now.mac},
                reason=why,
            )
            head = chain.append_unchecked(writing.session, entry)
        chain.anchor.put(head)
        with self._transactions.reading() as session:
            return line_of(_rows(session, head.sequence, head.sequence)[0])


def _numbered() -> Select[Any]:
    return select(*AuditRow.__table__.columns).order_by(AuditRow.sequence)


def _told(row: Row[Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row._mapping.items()}


def _rows(session: Session, first: int, last: int | None) -> list[dict[str, Any]]:
    query = _numbered().where(AuditRow.sequence >= first)
    if last is not None:
        query = query.where(AuditRow.sequence <= last)
    return [_told(row) for row in session.execute(query.limit(AT_ONCE))]
