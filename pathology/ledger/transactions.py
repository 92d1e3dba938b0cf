"""Transactions of the archive: a change and the line that tells of it are committed together."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from sqlalchemy import Connection, Engine, select
from sqlalchemy.orm import Session

from pathology.errors import LedgerError
from pathology.ledger.anchor import Head
from pathology.ledger.chain import Chain, Entry
from pathology.ledger.database import WRITES, ledger_errors
from pathology.ledger.tables import WriterRow

PAUSE_S = 0.5
TOGETHER = 16
"""In a burst the anchor is written for so many lines at once, or after that pause: each writing
waits for the disk."""
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Writing:
    """A transaction under way, alone among the writers; what is noted becomes lines at its end."""

    session: Session
    notes: list[Entry] = field(default_factory=list)

    @property
    def connection(self) -> Connection:
        """For statements on tables."""
        return self.session.connection()

    def note(self, entry: Entry) -> None:
        """A line for the chain."""
        self.notes.append(entry)


class Transactions:
    """Begins, commits, and moves the anchor after what was committed."""

    def __init__(self, database: Engine, chain: Chain) -> None:
        self.chain, self.database = chain, database
        self._committed: Head | None = None
        self._anchored, self._anchored_at = 0, -PAUSE_S
        self._told = False  # once, not at every line, that the anchor cannot follow
        self._reading = database
        self._writing = database.execution_options(**{WRITES: True})

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that changes nothing."""
        with ledger_errors(), Session(self._reading) as session, session.begin():
            yield session

    @contextmanager
    def writing(self) -> Iterator[Writing]:
        """A transaction that may change things: all of it is committed at the end, or nothing.

        Raises
        ------
        LedgerAway
            Try the same again.
        LedgerError
            The chain is damaged, or the database refused.
        """
        head: Head | None = None
        with ledger_errors(), Session(self._writing) as session, session.begin():
            lock_writer(session)
            writing = Writing(session)
            yield writing
            if writing.notes:
                session.flush()
                head = self.chain.append(session, writing.notes)
        if head is not None:
            self._anchor(head)

    def _anchor(self, head: Head) -> None:
        """Let the anchor follow.

        What is committed stays so when it cannot: a later writer brings it up, or writes nothing
        more (``chain.GREATEST_LAG``).
        """
        self._committed = head
        if head.sequence < self._anchored + TOGETHER and monotonic() < self._anchored_at + PAUSE_S:
            return
        self.bring_up_anchor()

    def bring_up_anchor(self) -> None:
        """Anchor what this process has committed; at its latest when the ledger is closed."""
        head = self._committed
        if head is None or head.sequence <= self._anchored:
            return
        try:
            self.chain.anchor.advance(head)
            self._anchored, self._anchored_at = head.sequence, monotonic()
            self._told = False
        except LedgerError as problem:
            if not self._told:
                log.warning("%s; the audit chain is ahead of it", problem)
            self._told = True


def lock_writer(session: Session) -> None:
    """Wait for the other writers. SQLite has locked at BEGIN IMMEDIATE; PostgreSQL locks a row."""
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        connection.execute(select(WriterRow.__table__).with_for_update()).all()
