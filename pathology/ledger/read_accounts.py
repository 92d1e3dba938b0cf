"""Accounts as they stand in the database."""

from __future__ import annotations

from typing import Literal, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from pathology.ledger.tables import AccountRoleRow, AccountRow
from pathology.records.actor import Actor, Role


def open_account(session: Session, name: str) -> Actor | None:
    """The account of this name; None where there is none, or it is closed."""
    row = session.get(AccountRow, name)
    if row is None or row.closed_utc is not None:
        return None
    return Actor(
        name=name,
        kind=cast(Literal["person", "service"], row.kind),
        roles=frozenset(cast(Role, role) for role in roles_of(session, name)),
    )


def roles_of(session: Session, name: str) -> tuple[str, ...]:
    """The roles of an account, sorted."""
    query = select(AccountRoleRow.role).where(AccountRoleRow.account == name)
    return tuple(sorted(session.scalars(query)))
