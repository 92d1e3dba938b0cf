"""Signing in: the password is asked, tries are counted, and all that fails looks the same.

A try is counted before the password is looked at, and taken back when it fitted: many tries at one
moment are no way round the delay.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, select

from pathology.errors import NotAllowed, UsageError
from pathology.ledger.accounts import NAME
from pathology.ledger.chain import Entry
from pathology.ledger.entrance_tables import OutsideNameRow, PasswordRow, SessionRow
from pathology.ledger.read_accounts import open_account
from pathology.ledger.sessions import begin_session, end_sessions
from pathology.ledger.transactions import Transactions, Writing
from pathology.records.actor import Actor
from pathology.records.entrance import Entered, Refusal, Session, Visit
from pathology.records.settings.access import AccessSettings
from pathology.records.signed_report import Reauthenticated
from pathology.vault.passwords import Passwords, one_time_password, token_sha256, weakness

LONGEST_SUBJECT: Final = 255


class Entrance:
    """The door to the desk. What failed is a line of the chain, without what was typed."""

    def __init__(
        self, transactions: Transactions, passwords: Passwords, rules: AccessSettings
    ) -> None:
        self._transactions, self._passwords, self._rules = transactions, passwords, rules

    def sign_in(self, name: str, password: str, visit: Visit) -> Entered | Refusal:
        """A session for who knows the password."""
        actor = self._knows(name, password, visit, "sign-in-failed")
        if actor is None:
            return "refused"
        with self._transactions.writing() as writing:
            row = writing.session.get_one(PasswordRow, actor.name)
            if row.one_time_until_utc is not None:
                return "must-change"
            return begin_session(writing, actor, "password", visit)

    def change_password(self, name: str, old: str, new: str, visit: Visit) -> Entered | Refusal:
        """Another password for who knows the old one; other sessions end, and one begins."""
        actor = self._knows(name, old, visit, "change-password-failed")
        if actor is None:
            return "refused"
        weak = weakness(new, actor.name, self._rules.passwords)
        if weak is not None:
            return weak
        if new == old:
            return "same"
        hashed = self._passwords.hashed(new)
        with self._transactions.writing() as writing:
            _set(writing, actor.name, hashed, visit.now_utc, None)
            end_sessions(writing.session, actor.name)
            _note(writing, visit, "change-password", (actor.name, actor.name))
            return begin_session(writing, actor, "password", visit)

    def prove(self, session: Session, password: str, visit: Visit) -> Reauthenticated | None:
        """Proof, for one signature, that the person of a session sits there; None: it is not."""
        actor = self._knows(session.actor.name, password, visit, "prove-failed")
        if actor is None:
            return None
        with self._transactions.writing() as writing:
            row = writing.session.get_one(PasswordRow, actor.name)
            if row.one_time_until_utc is not None:
                return None
            _note(writing, visit, "prove", (actor.name, f"session-{session.name}"))
        return _proof(actor.name, "password", visit.now_utc, secrets.token_hex(16))

    def one_time(self, name: str, by: Actor, now_utc: datetime) -> str:
        """A one-time password for an account; its sessions end. The caller may manage users.

        Raises
        ------
        UsageError
            The account is a service: it signs in nowhere.
        NotAllowed
            There is no such open account.
        """
        password = one_time_password()
        hashed = self._passwords.hashed(password)
        until = now_utc + timedelta(hours=self._rules.passwords.one_time_hours)
        with self._transactions.writing() as writing:
            actor = open_account(writing.session, name)
            if actor is None:
                raise NotAllowed(f"there is no open account {name!r}")
            if actor.kind == "service":
                raise UsageError("a service has no password: it acts for a system user")
            _set(writing, name, hashed, now_utc, until)
            end_sessions(writing.session, name)
            visit = Visit(now_utc=now_utc, address="command-line")
            _note(writing, visit, "set-one-time-password", (by.name, name))
        return password

    def enter_by(self, issuer: str, subject: str, visit: Visit) -> Entered | None:
        """A session for whom the single sign-on vouches for; None: nobody of ours."""
        with self._transactions.writing() as writing:
            row = writing.session.get(OutsideNameRow, (subject, issuer))
            actor = None if row is None else open_account(writing.session, row.account)
            if actor is None or actor.kind != "person":
                told = "unknown" if row is None else row.account
                _note(writing, visit, "sign-in-failed", (told, "oidc"))
                return None
            return begin_session(writing, actor, "oidc", visit)

    def refused_outside(self, why: str, visit: Visit) -> None:
        """A line that what a browser brought from the single sign-on proved nothing.

        ``why`` is a word of this program's own.
        """
        with self._transactions.writing() as writing:
            _note(writing, visit, "sign-in-failed", ("unknown", "oidc"), {"why": why})

    def tie(self, name: str, outside: tuple[str, str], by: Actor, now_utc: datetime) -> None:
        """Say who an account is to the single sign-on: (issuer, subject).

        Raises
        ------
        NotAllowed
            There is no such open account.
        UsageError
            That person has an account already, the account is somebody's already, or a program's.
        """
        issuer, subject = outside
        if not 1 <= len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
            raise UsageError(f"a subject has 1 to {LONGEST_SUBJECT} characters")
        with self._transactions.writing() as writing:
            actor = open_account(writing.session, name)
            if actor is None:
                raise NotAllowed(f"there is no open account {name!r}")
            if actor.kind != "person":
                raise UsageError("a service signs in nowhere: it acts for a system user")
            if writing.session.get(OutsideNameRow, (subject, issuer)) is not None:
                raise UsageError("this person of the single sign-on is tied to an account already")
            if writing.session.scalar(_outside_of(name, issuer)) is not None:
                raise UsageError(f"{name} is tied to a person already: untie it first")
            writing.session.add(OutsideNameRow(issuer=issuer, subject=subject, account=name))
            visit = Visit(now_utc=now_utc, address="command-line")
            _note(writing, visit, "tie-account", (by.name, name), {"issuer": issuer})

    def untie(self, name: str, by: Actor, now_utc: datetime) -> None:
        """An account that the single sign-on opens no more; its sessions end.

        Raises
        ------
        UsageError
            It is tied to nobody.
        """
        with self._transactions.writing() as writing:
            rows = writing.session.scalars(_outside_of(name)).all()
            if not rows:
                raise UsageError(f"{name} is tied to nobody of a single sign-on")
            for row in rows:
                writing.session.delete(row)
            end_sessions(writing.session, name)
            visit = Visit(now_utc=now_utc, address="command-line")
            issuers = sorted({row.issuer for row in rows})
            _note(writing, visit, "untie-account", (by.name, name), {"issuers": issuers})

    def proved_outside(self, session_key: str, outside: tuple[str, str], visit: Visit) -> bool:
        """Keep that the single sign-on asked a session's person again, just now; False: another."""
        issuer, subject = outside
        with self._transactions.writing() as writing:
            row = writing.session.get(SessionRow, session_key)
            tied = writing.session.get(OutsideNameRow, (subject, issuer))
            if row is None or tied is None or tied.account != row.account:
                told = "unknown" if row is None else row.account
                _note(writing, visit, "prove-failed", (told, "oidc"))
                return False
            row.proved_utc, row.proof_id = visit.now_utc, secrets.token_hex(16)
            _note(writing, visit, "prove", (row.account, f"session-{row.name}"))
            return True

    def proof_of(self, token: str) -> Reauthenticated | None:
        """The proof that ``proved_outside`` kept, once: then it is gone."""
        with self._transactions.writing() as writing:
            row = writing.session.get(SessionRow, token_sha256(token))
            if row is None or row.proved_utc is None or row.proof_id is None:
                return None
            proof = _proof(row.account, "oidc", row.proved_utc, row.proof_id)
            row.proved_utc = row.proof_id = None
        return proof

    def no_administrator(self, now_utc: datetime) -> bool:
        """Whether nobody who may manage users could sign in with a password."""
        with self._transactions.reading() as session:
            for row in session.scalars(select(PasswordRow)):
                actor = open_account(session, row.account)
                usable = row.one_time_until_utc is None or row.one_time_until_utc > now_utc
                if actor is not None and "administrator" in actor.roles and usable:
                    return False
        return True

    def _knows(self, name: str, password: str, visit: Visit, failed: str) -> Actor | None:
        """The account, if it is open, not shut, and this is its password; else a line."""
        stored, actor = self._counted(name if NAME.fullmatch(name) else "", visit.now_utc)
        fits = self._passwords.fits(password, stored)
        hashed = self._renewed(password, stored) if fits else None
        with self._transactions.writing() as writing:
            row = writing.session.get(PasswordRow, actor.name) if actor else None
            if fits and row is not None and row.hashed == stored:
                row.failures, row.shut_until_utc = 0, None
                row.hashed = hashed or row.hashed
                return actor
            # What was typed for a name may be a password: only a name that we know is written down.
            told = "unknown" if actor is None else actor.name
            after = {"failures": row.failures} if row is not None else {}
            _note(writing, visit, failed, (told, told), after)
        return None

    def _counted(self, name: str, now_utc: datetime) -> tuple[str | None, Actor | None]:
        """What is stored for an account that may try, its try counted; and the account."""
        with self._transactions.writing() as writing:
            actor = open_account(writing.session, name)
            row = writing.session.get(PasswordRow, name) if actor is not None else None
            if row is None:
                return None, actor
            if row.shut_until_utc is not None and now_utc < row.shut_until_utc:
                return None, actor
            if row.one_time_until_utc is not None and now_utc >= row.one_time_until_utc:
                return None, actor
            row.failures += 1
            delay = self._rules.lockout.delay_s(row.failures)
            row.shut_until_utc = now_utc + timedelta(seconds=delay) if delay else None
            return row.hashed, actor

    def _renewed(self, password: str, stored: str | None) -> str | None:
        """The same password at the cost of today's settings, where it was stored at another."""
        if stored is None or not self._passwords.outdated(stored):
            return None
        return self._passwords.hashed(password)


def _outside_of(account: str, issuer: str | None = None) -> Select[Any]:
    query = select(OutsideNameRow).where(OutsideNameRow.account == account)
    return query if issuer is None else query.where(OutsideNameRow.issuer == issuer)


def _set(
    writing: Writing, account: str, hashed: str, now_utc: datetime, until: datetime | None
) -> None:
    row = writing.session.get(PasswordRow, account)
    if row is None:
        row = PasswordRow(account=account)
        writing.session.add(row)
    row.hashed, row.set_utc, row.one_time_until_utc = hashed, now_utc, until
    row.failures, row.shut_until_utc = 0, None


def _proof(account: str, method: str, at_utc: datetime, proof_id: str) -> Reauthenticated:
    return Reauthenticated(account=account, method=method, at_utc=at_utc, proof_id=proof_id)


def _note(
    writing: Writing,
    visit: Visit,
    act: str,
    who_what: tuple[str, str],
    after: Mapping[str, object] | None = None,
) -> None:
    who, what = who_what
    told = {"address": visit.address, **(after or {})}
    writing.note(Entry(at_utc=visit.now_utc, actor=who, act=act, subject=what, after=told))
