"""Whether what the chain tells of cases is still there as it was: entries and signed versions.

The line of an entry holds the hash of its sealed text. An entry taken out, exchanged or put in
behind the program's back is found so, although the chain itself is whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pathology.ledger.case_entries import PURGED, sealed_sha256
from pathology.ledger.case_tables import CaseEntryRow, SignedVersionRow
from pathology.ledger.tables import AuditRow, CaseRow
from pathology.records.audit import ChainFault

AT_ONCE: Final = 500
NO_LINE: Final = 0
"""Where an entry has no line, the fault has no number to be told by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a line says of an entry."""

    sequence: int
    sealed_sha256: str
    version: tuple[str, int, str] | None  # case, number and hash of what was signed


def content_faults(session: Session) -> list[tuple[int, ChainFault]]:
    """Faults by the line that tells of what is not there as it was.

    Writers may go on meanwhile: entries that come later are not looked at.
    """
    last = session.scalar(select(func.max(CaseEntryRow.entry_id))) or 0
    told = {entry: t for entry, t in _told(session) if entry <= last}
    faults: list[tuple[int, ChainFault]] = []
    missing = set(told)
    for entry, sealed in _entries(session, last):
        line = told.get(entry)
        missing.discard(entry)
        if line is None:
            faults.append((NO_LINE, "content-added"))
        elif line.sealed_sha256 != sealed_sha256(sealed):
            faults.append((line.sequence, "content-changed"))
    faults += [(told[entry].sequence, "content-changed") for entry in missing]
    faults += _versions(session, [t for t in told.values() if t.version is not None])
    return sorted(faults)


def _told(session: Session) -> Iterator[tuple[int, _Told]]:
    query = select(AuditRow.sequence, AuditRow.subject, AuditRow.after).where(
        AuditRow.act.startswith("case-", autoescape=True)
    )
    for sequence, subject, after in session.execute(query.execution_options(yield_per=AT_ONCE)):
        said = _said(after)
        if isinstance(said.get("entry"), int):
            yield (
                said["entry"],
                _Told(
                    sequence=sequence,
                    sealed_sha256=str(said.get("sealed_sha256")),
                    version=(subject, said["number"], said["content_sha256"])
                    if "content_sha256" in said
                    else None,
                ),
            )


def _said(after: str) -> Mapping[str, Any]:
    try:
        said = json.loads(after)
    except ValueError:  # such a line is a fault of the chain itself
        return {}
    return said if isinstance(said, dict) else {}


def _entries(session: Session, last: int) -> Iterator[tuple[int, bytes]]:
    query = select(CaseEntryRow.entry_id, CaseEntryRow.sealed_body)
    rows = session.execute(
        query.where(CaseEntryRow.entry_id <= last).execution_options(yield_per=AT_ONCE)
    )
    return ((entry, sealed) for entry, sealed in rows)


def _versions(session: Session, told: list[_Told]) -> list[tuple[int, ChainFault]]:
    query = select(CaseRow.name, SignedVersionRow.number, SignedVersionRow.content_sha256).join(
        CaseRow, CaseRow.case_id == SignedVersionRow.case_id
    )
    there = {
        (name.removeprefix(PURGED), number, sha) for name, number, sha in session.execute(query)
    }
    return [(t.sequence, "content-changed") for t in told if t.version not in there]
