"""Models out of use, in the database (``records.withdrawal.ModelSwitch``)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from pathology.errors import ModelRefused, UsageError
from pathology.ledger.accounts import AccountBook
from pathology.ledger.case_tables import WithdrawnModelRow
from pathology.ledger.chain import Entry
from pathology.ledger.transactions import Transactions
from pathology.records.actor import Actor
from pathology.records.withdrawal import WithdrawnModel


def read_withdrawn(session: Session) -> tuple[WithdrawnModel, ...]:
    """Models that are out of use, as a transaction sees them."""
    query = select(WithdrawnModelRow).where(WithdrawnModelRow.restored_utc.is_(None))
    rows = session.scalars(query.order_by(WithdrawnModelRow.number))
    return tuple(_model(row) for row in rows)


class WithdrawalBook:
    """The kill switch; it needs no restart of anything."""

    def __init__(self, transactions: Transactions, accounts: AccountBook) -> None:
        self._transactions, self._accounts = transactions, accounts

    def withdrawn(self) -> tuple[WithdrawnModel, ...]:
        """Models that are out of use now."""
        with self._transactions.reading() as session:
            return read_withdrawn(session)

    def check(self, models: Iterable[tuple[str, str | None]]) -> None:
        """Nothing where all of these (name, hash) may be used; else ModelRefused."""
        out = self.withdrawn()
        for name, weights_sha256 in models:
            for one in out:
                if one.covers(name, weights_sha256):
                    raise ModelRefused(
                        f"{name}: taken out of use by {one.by} at "
                        f"{one.at_utc:%Y-%m-%d %H:%M} UTC ({one.why}). Choose another in [models] "
                        "of site.toml; `pathology models restore` brings it back"
                    )

    def withdraw(
        self, name: str, weights_sha256: str | None, *, by: Actor, now_utc: datetime, why: str
    ) -> WithdrawnModel:
        """Out of use from now on. Withdrawn twice, the first stays."""
        self._accounts.require(by, "withdraw-model")
        _check_why(why)
        with self._transactions.writing() as writing:
            session = writing.session
            known = session.scalar(select(WithdrawnModelRow).where(*_of(name, weights_sha256)))
            if known is not None:
                return _model(known)
            number = (session.scalar(select(func.max(WithdrawnModelRow.number))) or 0) + 1
            row = WithdrawnModelRow(
                number=number,
                name=name,
                weights_sha256=weights_sha256,
                why=why,
                by=by.name,
                at_utc=now_utc,
            )
            session.add(row)
            writing.note(_line("withdraw-model", row, (by.name, now_utc, why)))
            return _model(row)

    def restore(
        self, name: str, weights_sha256: str | None, *, by: Actor, now_utc: datetime, why: str
    ) -> bool:
        """In use again; False where it was not withdrawn."""
        self._accounts.require(by, "restore-model")
        _check_why(why)
        with self._transactions.writing() as writing:
            query = select(WithdrawnModelRow).where(*_of(name, weights_sha256))
            row = writing.session.scalar(query)
            if row is None:
                return False
            row.restored_by, row.restored_utc = by.name, now_utc
            writing.note(_line("restore-model", row, (by.name, now_utc, why)))
            return True


def _of(name: str, weights_sha256: str | None) -> tuple[ColumnElement[bool], ...]:
    column = WithdrawnModelRow.weights_sha256
    same = column.is_(None) if weights_sha256 is None else column == weights_sha256
    return WithdrawnModelRow.name == name, same, WithdrawnModelRow.restored_utc.is_(None)


def _check_why(why: str) -> None:
    if not why.strip():
        raise UsageError("a model is taken out of use, or brought back, with a reason: --why")


def _model(row: WithdrawnModelRow) -> WithdrawnModel:
    return WithdrawnModel(
        name=row.name, weights_sha256=row.weights_sha256, why=row.why, by=row.by, at_utc=row.at_utc
    )


def _line(act: str, row: WithdrawnModelRow, said: tuple[str, datetime, str]) -> Entry:
    by, at_utc, why = said
    after = {"weights_sha256": row.weights_sha256}
    return Entry(at_utc=at_utc, actor=by, act=act, subject=row.name, after=after, reason=why)
