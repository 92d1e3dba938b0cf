"""Sessions: begun with a fresh token, ended by time, by their person, or with their account."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session as Database

from pathology.ledger.chain import Entry
from pathology.ledger.entrance_tables import SessionRow
from pathology.ledger.read_accounts import open_account
from pathology.ledger.transactions import Transactions, Writing
from pathology.records.actor import Actor
from pathology.records.entrance import Entered, Session, Visit
from pathology.records.settings.access import SessionSettings
from pathology.vault.passwords import fresh_token, token_sha256

BACK: Final = timedelta(minutes=1)
"""A session that begins later than that after now was begun by another clock: it is over."""


class SessionBook:
    """Sessions in the database."""

    def __init__(self, transactions: Transactions, rules: SessionSettings) -> None:
        self._transactions, self._rules = transactions, rules

    def who(self, token: str, now_utc: datetime) -> Session | None:
        """The session of a token; None where there is none, or it ran out, or its account closed.

        That somebody is still there is written down now and then, without a line in the chain.
        """
        key = token_sha256(token)
        with self._transactions.reading() as session:
            row = session.get(SessionRow, key)
            if row is None or self._over(row, now_utc):
                return None
            actor = open_account(session, row.account)
            found = None if actor is None else _session(row, actor)
            stale = (now_utc - row.seen_utc).total_seconds() > self._rules.touch_s
        if found is not None and stale:
            self._touch(key, now_utc)
        return found

    def end(self, token: str, visit: Visit, why: str = "sign-out") -> None:
        """The session is over; a line tells of it. One that is unknown changes nothing."""
        with self._transactions.writing() as writing:
            row = writing.session.get(SessionRow, token_sha256(token))
            if row is None:
                return
            writing.session.delete(row)
            writing.note(
                Entry(
                    at_utc=visit.now_utc,
                    actor=row.account,
                    act=why,
                    subject=f"session-{row.name}",
                    after={"address": visit.address},
                )
            )

    def sweep(self, now_utc: datetime) -> int:
        """Take away the sessions that ran out, each with a line; how many."""
        with self._transactions.writing() as writing:
            over = [
                r for r in writing.session.scalars(select(SessionRow)) if self._over(r, now_utc)
            ]
            for row in over:
                writing.session.delete(row)
                writing.note(
                    Entry(
                        at_utc=now_utc,
                        actor=row.account,
                        act="session-ran-out",
                        subject=f"session-{row.name}",
                        after={"seen_utc": row.seen_utc.isoformat()},
                    )
                )
        return len(over)

    def _over(self, row: SessionRow, now_utc: datetime) -> bool:
        idle = (now_utc - row.seen_utc).total_seconds()
        age = (now_utc - row.begun_utc).total_seconds()
        back = row.begun_utc - now_utc > BACK
        return back or idle > self._rules.idle_s or age > self._rules.longest_s

    def _touch(self, key: str, now_utc: datetime) -> None:
        with self._transactions.writing() as writing:
            row = writing.session.get(SessionRow, key)
            if row is not None and row.seen_utc < now_utc:
                row.seen_utc = now_utc


def begin_session(writing: Writing, actor: Actor, method: str, visit: Visit) -> Entered:
    """A session with a token that nobody knew before, and its line."""
    token, name = fresh_token(), secrets.token_hex(8)
    now = visit.now_utc
    row = SessionRow(
        token_sha256=token_sha256(token),
        name=name,
        account=actor.name,
        method=method,
        begun_utc=now,
        seen_utc=now,
    )
    writing.session.add(row)
    writing.note(
        Entry(
            at_utc=now,
            actor=actor.name,
            act="sign-in",
            subject=f"session-{name}",
            after={"method": method, "address": visit.address, "roles": sorted(actor.roles)},
        )
    )
    return Entered(session=_session(row, actor), token=token)


def end_sessions(session: Database, account: str) -> Sequence[str]:
    """Take away all sessions of an account; their names."""
    names = sessions_of(session, account)
    session.execute(delete(SessionRow).where(SessionRow.account == account))
    return names


def sessions_of(session: Database, account: str) -> Sequence[str]:
    """Names of an account's sessions."""
    query = select(SessionRow.name).where(SessionRow.account == account)
    return sorted(session.scalars(query))


def _session(row: SessionRow, actor: Actor) -> Session:
    return Session(actor=actor, name=row.name, method=row.method, begun_utc=row.begun_utc)
