"""Accounts of persons and services (``records.ledger.Accounts``), and how they are made."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pathology.errors import NotAllowed, UsageError
from pathology.ledger.chain import Entry
from pathology.ledger.entrance_tables import OutsideNameRow, PasswordRow
from pathology.ledger.permissions import (
    FOUNDER,
    MAY,
    NEVER_TOGETHER,
    PERSONS_ONLY,
    allowed,
    who_may,
)
from pathology.ledger.read_accounts import open_account, roles_of
from pathology.ledger.sessions import end_sessions, sessions_of
from pathology.ledger.tables import AccountRoleRow, AccountRow, AuditRow
from pathology.ledger.transactions import Transactions, Writing
from pathology.records.actor import Act, Actor, Role
from pathology.records.entrance import AccountTold

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
FOUNDED: Final = "found-ledger"


class AccountBook:
    """Accounts in the database; every change and every refusal is a line of the chain.

    ``clock`` gives the time of refusals: ``require`` is asked without one.
    """

    def __init__(self, transactions: Transactions, clock: Callable[[], datetime]) -> None:
        self._transactions, self._clock = transactions, clock

    def actor(self, name: str) -> Actor:
        """The account of this name.

        Raises
        ------
        NotAllowed
            There is none, or it is closed.
        """
        with self._transactions.reading() as session:
            found = open_account(session, name)
        if found is None:
            raise NotAllowed(
                f"there is no open account {name!r}: an administrator makes one with "
                "pathology review users"
            )
        return found

    def actor_of_os_user(self, user: str) -> Actor:
        """The account of a user of the operating system.

        Raises
        ------
        NotAllowed
            None is tied to it, or it is closed.
        """
        with self._transactions.reading() as session:
            name = session.scalar(select(AccountRow.name).where(AccountRow.os_user == user))
            found = name and open_account(session, name)
        if not found:
            raise NotAllowed(
                f"the system user {user!r} has no open account in this ledger: an administrator "
                "makes one with pathology review users"
            )
        return found

    def require(self, actor: Actor, act: Act) -> None:
        """Nothing if the account may do it as it stands now; a refusal is audited.

        Raises
        ------
        NotAllowed
            The account's roles do not allow the act, or it is closed.
        """
        with self._transactions.reading() as session:
            found = open_account(session, actor.name)
        if found is not None and allowed(found.roles, act):
            return
        roles = sorted(found.roles) if found else []
        with self._transactions.writing() as writing:
            writing.note(
                Entry(
                    at_utc=self._clock(),
                    actor=actor.name,
                    act="refused",
                    subject=act,
                    after={"roles": roles, "open": found is not None},
                )
            )
        raise NotAllowed(
            f"{actor.name} may not {act}: it needs the role {' or '.join(who_may(act))}"
        )

    def found(self, user: str, now_utc: datetime) -> Actor | None:
        """The first account of a fresh ledger, for the system user who makes it.

        None when the ledger has, or once had, an account.
        """
        with self._transactions.reading() as session:
            if session.scalar(select(AccountRow.name).limit(1)) is not None:
                return None
        with self._transactions.writing() as writing:
            session = writing.session
            if session.scalar(select(AccountRow.name).limit(1)) is not None:
                return None
            # Without accounts but founded before: they were taken out behind the program's back.
            if session.scalar(select(AuditRow.sequence).where(AuditRow.act == FOUNDED).limit(1)):
                return None
            name = user if NAME.fullmatch(user) else "founder"
            founder = Actor(name=name, kind="person", roles=FOUNDER)
            _insert(session, founder, user, now_utc)
            _note(writing, FOUNDED, founder, (now_utc, name))
            return founder

    def add(
        self, account: Actor, by: Actor, now_utc: datetime, *, os_user: str | None = None
    ) -> None:
        """A new account, made by an account that may manage users.

        Raises
        ------
        NotAllowed
            ``by`` may not.
        UsageError
            The name is taken or impossible, or its roles do not go together.
        """
        self.require(by, "manage-users")
        _check(account)
        with self._transactions.writing() as writing:
            if writing.session.get(AccountRow, account.name) is not None:
                raise UsageError(f"there is an account {account.name!r} already")
            taken = select(AccountRow.name).where(AccountRow.os_user == os_user)
            if os_user is not None and writing.session.scalar(taken) is not None:
                raise UsageError(f"the system user {os_user!r} has an account already")
            _insert(writing.session, account, os_user, now_utc)
            _note(writing, "add-account", account, (now_utc, by.name))

    def set_roles(self, name: str, roles: frozenset[Role], by: Actor, now_utc: datetime) -> None:
        """Other roles for an account; the same errors as ``add``."""
        self.require(by, "manage-users")
        before = self.actor(name)
        after = Actor(name=name, kind=before.kind, roles=roles)
        _check(after)
        with self._transactions.writing() as writing:
            session = writing.session
            session.execute(delete(AccountRoleRow).where(AccountRoleRow.account == name))
            session.add_all(AccountRoleRow(account=name, role=role) for role in roles)
            end_sessions(session, name)  # what was open was opened under other roles
            _note(writing, "set-roles", after, (now_utc, by.name), before)

    def listed(self) -> list[AccountTold]:
        """All accounts that there ever were, by name."""
        with self._transactions.reading() as session:
            return [
                AccountTold(
                    name=row.name,
                    kind=row.kind,
                    roles=roles_of(session, row.name),
                    closed=row.closed_utc is not None,
                    password=_state_of(session.get(PasswordRow, row.name)),
                    sessions=len(sessions_of(session, row.name)),
                    tied=session.scalar(
                        select(OutsideNameRow.account).where(OutsideNameRow.account == row.name)
                    )
                    is not None,
                )
                for row in session.scalars(select(AccountRow).order_by(AccountRow.name))
            ]

    def close(self, name: str, by: Actor, now_utc: datetime, why: str) -> None:
        """An account that may do nothing from now on; what it did stays under its name."""
        self.require(by, "manage-users")
        before = self.actor(name)
        with self._transactions.writing() as writing:
            writing.session.get_one(AccountRow, name).closed_utc = now_utc
            end_sessions(writing.session, name)
            nothing = Actor(name=name, kind=before.kind, roles=frozenset())
            _note(writing, "close-account", nothing, (now_utc, by.name), before, why)


def _state_of(row: PasswordRow | None) -> Literal["none", "one-time", "set"]:
    if row is None:
        return "none"
    return "set" if row.one_time_until_utc is None else "one-time"


def _insert(session: Session, account: Actor, os_user: str | None, now_utc: datetime) -> None:
    row = AccountRow(name=account.name, kind=account.kind, os_user=os_user, made_utc=now_utc)
    session.add(row)
    session.flush()
    session.add_all(AccountRoleRow(account=account.name, role=role) for role in account.roles)


def _check(account: Actor) -> None:
    if not NAME.fullmatch(account.name):
        raise UsageError("an account's name has 1 to 64 of A-Z a-z 0-9 . _ @ -")
    if strangers := sorted(account.roles - MAY.keys()):
        raise UsageError(f"there are no roles {strangers}; there are {sorted(MAY)}")
    for pair in NEVER_TOGETHER:
        if pair <= account.roles:
            raise UsageError(f"one account cannot be {' and '.join(sorted(pair))}")
    if account.kind == "service" and (persons := sorted(account.roles & PERSONS_ONLY)):
        raise UsageError(f"a service cannot be {' or '.join(persons)}")


def _note(
    writing: Writing,
    act: str,
    account: Actor,
    moment: tuple[datetime, str],
    before: Actor | None = None,
    why: str = "",
) -> None:
    at_utc, by = moment
    was = {} if before is None else {"roles": sorted(before.roles)}
    now = {"kind": account.kind, "roles": sorted(account.roles)}
    writing.note(
        Entry(
            at_utc=at_utc,
            actor=by,
            act=act,
            subject=account.name,
            before=was,
            after=now,
            reason=why,
        )
    )
