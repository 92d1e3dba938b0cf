"""The audit chain: lines that each prove themselves and the line before them.

    mac(n) = HMAC-SHA-256(key, canonical JSON of line n, which holds mac(n - 1))

The key is not in the database, so who can write to the database cannot write a line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from pathology.errors import LedgerError
from pathology.ledger.anchor import Anchor, Head
from pathology.ledger.tables import Archive
from pathology.records.audit import AuditLine
from pathology.vault.codes import chain_mac

LINES: Final = Archive.metadata.tables["audit_lines"]
GENESIS: Final = "0" * 64
"""What the first line names as the code before it."""
GREATEST_LAG = 64
"""Lines that may be committed and not yet anchored before a writer brings the anchor up itself."""
DAMAGED = (
    "the audit chain does not reach to where its anchor saw it: lines were cut off or written "
    "anew. Nothing more is written. Run: pathology review audit --verify"
)
UNANCHORED = (
    "the audit chain's anchor is missing or was changed. Nothing more is written. Run: pathology "
    "review audit --verify"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line before it is chained."""

    at_utc: datetime
    actor: str
    act: str
    subject: str
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""


def canonical(value: Mapping[str, Any]) -> str:
    """One text for one value: sorted, no blanks, ASCII.

    Raises
    ------
    TypeError, ValueError
        A value that JSON does not have.
    """
    return json.dumps(
        dict(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )


def mac_of(row: Mapping[str, Any], key: bytes) -> str:
    """The code that a line must have; ``row`` has the columns of ``AuditRow``."""
    said = {name: value for name, value in row.items() if name != "mac"}
    return chain_mac(key, canonical(said).encode("ascii"))


def chained(entries: Sequence[Entry], head: Head, key: bytes) -> list[dict[str, Any]]:
    """Rows of the next lines after ``head``."""
    rows: list[dict[str, Any]] = []
    sequence, previous = head.sequence, head.mac
    for entry in entries:
        sequence += 1
        row = {
            "sequence": sequence,
            "at_utc": entry.at_utc.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": _storable(entry.actor),
            "act": _storable(entry.act),
            "subject": _storable(entry.subject),
            "before": canonical(entry.before),
            "after": canonical(entry.after),
            "reason": _storable(entry.reason),
            "previous_mac": previous,
        }
        previous = mac_of(row, key)
        rows.append({**row, "mac": previous})
    return rows


def _storable(text: str) -> str:
    """Without what PostgreSQL cannot store: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def head_of(session: Session) -> Head:
    """The last line that is committed, as the session sees it."""
    query = select(LINES.c.sequence, LINES.c.mac).order_by(LINES.c.sequence.desc()).limit(1)
    last = session.connection().execute(query).first()
    return Head(sequence=last.sequence, mac=last.mac) if last else Head(sequence=0, mac=GENESIS)


class Chain:
    """Appends lines in the transaction of what they tell, and keeps the anchor near."""

    def __init__(self, key: bytes, anchor: Anchor) -> None:
        self.key, self.anchor = key, anchor

    def append(self, session: Session, entries: Sequence[Entry]) -> Head:
        """Chain lines; the session holds the writer's lock. The new head, not yet committed.

        Raises
        ------
        LedgerError
            The chain is not what the anchor saw, or the anchor can be moved no more.
        """
        head = head_of(session)
        self._check_anchor(session, head)
        rows = chained(entries, head, self.key)
        session.connection().execute(insert(LINES), rows)
        return Head(sequence=rows[-1]["sequence"], mac=rows[-1]["mac"])

    def append_unchecked(self, session: Session, entry: Entry) -> Head:
        """Chain a line that itself tells of moving the anchor."""
        rows = chained([entry], head_of(session), self.key)
        session.connection().execute(insert(LINES), rows)
        return Head(sequence=rows[-1]["sequence"], mac=rows[-1]["mac"])

    def holds(self, session: Session, head: Head) -> bool:
        """Whether the chain up to ``head`` has the line that the anchor saw."""
        seen = self.anchor.read()
        return seen is not None and seen.mac == _mac_at(session, seen.sequence, head)

    def _check_anchor(self, session: Session, head: Head) -> None:
        seen = self.anchor.read()
        if seen is None:
            raise LedgerError(UNANCHORED)
        if seen.mac != _mac_at(session, seen.sequence, head):
            raise LedgerError(DAMAGED)
        if head.sequence - seen.sequence >= GREATEST_LAG:
            self.anchor.advance(head)


def _mac_at(session: Session, sequence: int, head: Head) -> str | None:
    """The code of line ``sequence``, None when there is no such line."""
    if sequence == head.sequence:
        return head.mac
    if sequence == 0:
        return GENESIS
    query = select(LINES.c.mac).where(LINES.c.sequence == sequence)
    return session.connection().execute(query).scalar()


def line_of(row: Mapping[str, Any]) -> AuditLine:
    """A stored row as the record that others see."""
    return AuditLine(
        sequence=row["sequence"],
        at_utc=datetime.fromisoformat(row["at_utc"]),
        actor=row["actor"],
        act=row["act"],
        subject=row["subject"],
        before=json.loads(row["before"]),
        after=json.loads(row["after"]),
        reason=row["reason"],
        previous_mac=row["previous_mac"],
        mac=row["mac"],
    )
