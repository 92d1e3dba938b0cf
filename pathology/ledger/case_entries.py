"""What happened to cases, sealed one by one: written once, read back in order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pathology.errors import CaseRefused
from pathology.ledger.case_tables import CaseEntryRow, ReviewCaseRow
from pathology.ledger.sealing import Sealing
from pathology.ledger.tables import CaseRow
from pathology.records.report_state import ReportState
from pathology.vault.envelope import DataKey

PURGED: Final = "purged-"
"""Before the names of what was purged: the same name is free for what comes anew."""

EntryKind = Literal[
    "open",
    "renew",
    "claim",
    "release",
    "assign",
    "ask-second",
    "read",
    "decide",
    "second-read",
    "confirm",
    "supersede",
    "saw",
    "write",
    "reject",
    "sign",
    "reopen",
    "drop",
    "ask-opinion",
    "opinion",
    "note",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEntry:
    """An entry, opened."""

    entry_id: int
    kind: EntryKind
    version: int
    state: ReportState
    actor: str
    at_utc: datetime
    body: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class CaseAtHand:
    """A case's rows and its key, in one transaction."""

    name: str
    row: ReviewCaseRow
    key: DataKey


def case_at_hand(session: Session, sealing: Sealing, name: str) -> CaseAtHand:
    """The case of this name.

    Raises
    ------
    CaseRefused
        There is none on the desk, or it was purged.
    """
    query = (
        select(CaseRow.data_key, ReviewCaseRow)
        .join(ReviewCaseRow, ReviewCaseRow.case_id == CaseRow.case_id)
        .where(CaseRow.name == name)
    )
    found = session.execute(query).first()
    if found is None:
        gone = session.scalar(select(CaseRow.case_id).where(CaseRow.name == PURGED + name))
        raise CaseRefused(name, "no-such-case" if gone is None else "purged")
    data_key, row = found
    return CaseAtHand(name=name, row=row, key=sealing.key_named(session, data_key))


def entries_of(session: Session, case: CaseAtHand) -> list[CaseEntry]:
    """All entries of a case, first to last."""
    query = select(CaseEntryRow).where(CaseEntryRow.case_id == case.row.case_id)
    rows = session.scalars(query.order_by(CaseEntryRow.entry_id))
    return [opened(row, case.key) for row in rows]


def opened(row: CaseEntryRow, key: DataKey) -> CaseEntry:
    """One entry, opened."""
    return CaseEntry(
        entry_id=row.entry_id,
        kind=cast(EntryKind, row.kind),
        version=row.version,
        state=cast(ReportState, row.state),
        actor=row.actor,
        at_utc=row.at_utc,
        body=json.loads(key.unseal(row.sealed_body, _place(row.entry_id))),
    )


def entry_of_request(session: Session, request_id: str) -> CaseEntryRow | None:
    """The entry that a request made, None where it made none."""
    return session.scalar(select(CaseEntryRow).where(CaseEntryRow.request_id == request_id))


def next_entry(session: Session) -> int:
    """The next number; the caller holds the writer's lock."""
    return (session.scalar(select(func.max(CaseEntryRow.entry_id))) or 0) + 1


def sealed_body(key: DataKey, body: Mapping[str, Any], entry_id: int) -> bytes:
    """What an entry says, for ``case_entries.sealed_body``."""
    return key.seal(body_text(body), _place(entry_id))


def body_text(body: Mapping[str, Any]) -> bytes:
    """One text for one body."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def sealed_sha256(sealed: bytes) -> str:
    """What the chain keeps of a sealed text: it binds it and tells nothing of it."""
    return hashlib.sha256(sealed).hexdigest()


def _place(entry_id: int) -> str:
    return f"case_entries.sealed_body:{entry_id}"
