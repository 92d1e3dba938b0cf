"""Changing the wrapping key while others work: adopt, lock again in batches, retire.

New records are locked by the key that the database calls current, read under the writer's lock.
So once a key is old nothing new is locked by it, and when no data key names it any more it can go.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select, update

from pathology.errors import VaultError
from pathology.ledger.chain import Entry
from pathology.ledger.sealing import DESTROYED, current_key, locked_of
from pathology.ledger.tables import DataKeyRow, WrappingKeyRow
from pathology.ledger.transactions import Transactions
from pathology.records.actor import Actor
from pathology.vault.envelope import Vault


class Rotation:
    """Which wrapping key locks what."""

    def __init__(self, transactions: Transactions, vault: Vault) -> None:
        self._transactions, self._vault = transactions, vault

    def current(self) -> str:
        """Id of the key that locks what is new."""
        with self._transactions.reading() as session:
            return current_key(session)

    def retired(self) -> tuple[str, ...]:
        """Ids of keys that lock nothing any more."""
        query = select(WrappingKeyRow.name).where(WrappingKeyRow.state == "retired")
        with self._transactions.reading() as session:
            return tuple(session.scalars(query.order_by(WrappingKeyRow.name)))

    def uses(self) -> Mapping[str, int]:
        """Data keys by the wrapping key that locks them."""
        query = (
            select(DataKeyRow.wrapped_by, func.count())
            .where(DataKeyRow.wrapped_by != DESTROYED)
            .group_by(DataKeyRow.wrapped_by)
        )
        with self._transactions.reading() as session:
            return {row[0]: row[1] for row in session.execute(query)}

    def adopt(self, actor: Actor, now_utc: datetime) -> str:
        """Let the ring's current key lock what is new from now on; its id.

        Raises
        ------
        VaultError
            It was retired before.
        """
        self._vault.read_again()
        name = self._vault.ring.current
        with self._transactions.writing() as writing:
            session, before = writing.session, current_key(writing.session)
            if before == name:
                return name
            if session.get(WrappingKeyRow, name) is not None:
                raise VaultError(f"the wrapping key {name} was in use before: make a fresh one")
            session.get_one(WrappingKeyRow, before).state = "old"
            session.add(WrappingKeyRow(name=name, state="current", since_utc=now_utc))
            writing.note(
                Entry(
                    at_utc=now_utc,
                    actor=actor.name,
                    act="new-wrapping-key",
                    subject=name,
                    before={"current": before},
                    after={"current": name},
                )
            )
        return name

    def lock_again(self, actor: Actor, now_utc: datetime, at_once: int = 500) -> int:
        """Lock the next data keys of old wrapping keys by the current one; how many are left."""
        with self._transactions.writing() as writing:
            session, current = writing.session, current_key(writing.session)
            others = DataKeyRow.wrapped_by.not_in((current, DESTROYED))
            query = select(DataKeyRow).where(others).limit(at_once).with_for_update()
            rows = session.scalars(query).all()
            for row in rows:
                again = self._vault.lock_again(locked_of(row), current)
                row.wrapped_by, row.sealed = again.wrapped_by, again.sealed
            session.flush()
            left = session.scalar(select(func.count()).where(others)) or 0
            if rows:
                after = {"locked_again": len(rows), "left": left}
                entry = Entry(
                    at_utc=now_utc, actor=actor.name, act="lock-again", subject=current, after=after
                )
                writing.note(entry)
        return left

    def retire(self, actor: Actor, now_utc: datetime) -> tuple[str, ...]:
        """Retire old wrapping keys that lock nothing; their ids, which may leave the ring."""
        with self._transactions.writing() as writing:
            session = writing.session
            in_use = select(DataKeyRow.wrapped_by)
            unused = select(WrappingKeyRow.name).where(
                WrappingKeyRow.state == "old", WrappingKeyRow.name.not_in(in_use)
            )
            names = tuple(session.scalars(unused.order_by(WrappingKeyRow.name)))
            if names:
                session.execute(
                    update(WrappingKeyRow)
                    .where(WrappingKeyRow.name.in_(names))
                    .values(state="retired")
                )
            for name in names:
                entry = Entry(
                    at_utc=now_utc, actor=actor.name, act="retire-wrapping-key", subject=name
                )
                writing.note(entry)
        return names
