"""Texts in, and the second person who lets them be found."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pathology.errors import KnowledgeError
from pathology.knowledge.index import index_entry, unindex_entry
from pathology.knowledge.prepare import Prepared, Preparing, prepare
from pathology.knowledge.store import changing
from pathology.knowledge.words import Words
from pathology.records.actor import Actor
from pathology.records.knowledge import Entry, Flag, KnowledgeKind, Provenance
from pathology.records.settings.knowledge import StoreSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where curators work: the knowledge base, its settings, and the words of its index."""

    store: sqlite3.Connection
    settings: StoreSettings
    words: Words

    def add(self, kind: KnowledgeKind, file: Path, provenance: Provenance, actor: Actor) -> Entry:
        """Take a file in. Nobody can find it until somebody else approves it.

        Adding the same once more changes nothing and gives the entry there is.

        Raises
        ------
        KnowledgeError
            The file cannot be read or has fields that are not known; something in it still looks
            like an identity after identities were taken out; or this name and version is another
            text. Nothing was kept then.
        """
        subject = provenance.name
        prepared = prepare(kind, file, subject, Preparing(settings=self.settings, words=self.words))
        with changing(self.store):
            known = self._known(kind, provenance)
            if known is None:
                return self._kept(kind, provenance, prepared, actor)
        if (known.digest, known.provenance) != (prepared.digest, provenance):
            raise KnowledgeError(subject, "known-already")
        return known

    def approve(
        self, entry_id: int, actor: Actor, *, digest: str, flags_seen: bool = False
    ) -> Entry:
        """Let an entry be found; an older version of the same guideline is found no longer.

        ``digest`` is that of the text that the actor read, or its first letters (8 or more).

        Raises
        ------
        KnowledgeError
            The actor added it, or is no person; the text is another than was read; it has flags
            that nobody says to have seen; it is unknown, or was withdrawn.
        """
        with changing(self.store):
            entry = self.entry(entry_id)
            self._check_approval(entry, actor, digest, flags_seen=flags_seen)
            if entry.state == "approved":
                return entry
            if entry.kind == "guideline":
                self._supersede(entry, actor)
            self.store.execute(
                "UPDATE entry SET state = 'approved', approved_by = ?, approved_utc = ? "
                "WHERE id = ?",
                (actor.name, _now(), entry_id),
            )
            index_entry(self.store, self.words, entry_id)
            return self.entry(entry_id)

    def withdraw(self, entry_id: int, actor: Actor, *, why: str) -> Entry:
        """Let an entry not be found any more. It stays, with who withdrew it and why."""
        with changing(self.store):
            entry = self.entry(entry_id)
            if entry.state != "withdrawn":
                unindex_entry(self.store, entry_id)
                self._end(entry_id, "withdrawn", actor, why)
            return self.entry(entry_id)

    def entries(self) -> list[Entry]:
        """All there are, oldest first."""
        rows = self.store.execute(f"{ENTRIES} ORDER BY entry.id").fetchall()
        return [_entry(row) for row in rows]

    def entry(self, entry_id: int) -> Entry:
        """One entry; ``not-known`` where there is none."""
        row = self.store.execute(f"{ENTRIES} WHERE entry.id = ?", (entry_id,)).fetchone()
        if row is None:
            raise KnowledgeError(f"entry {entry_id}", "not-known")
        return _entry(row)

    def text(self, entry_id: int) -> str:
        """The text as kept, for who is to approve it."""
        row = self.store.execute("SELECT text FROM entry WHERE id = ?", (entry_id,)).fetchone()
        if row is None:
            raise KnowledgeError(f"entry {entry_id}", "not-known")
        return str(row["text"])

    def _known(self, kind: KnowledgeKind, provenance: Provenance) -> Entry | None:
        row = self.store.execute(
            f"{ENTRIES} WHERE entry.kind = ? AND entry.name = ? AND entry.version = ?",
            (kind, provenance.name, provenance.version),
        ).fetchone()
        return None if row is None else _entry(row)

    def _kept(
        self, kind: KnowledgeKind, provenance: Provenance, prepared: Prepared, actor: Actor
    ) -> Entry:
        cursor = self.store.execute(
            "INSERT INTO entry (kind, name, version, source, licence, state, digest, text, "
            "removed, flags, added_by, added_utc) "
            "VALUES (?, ?, ?, ?, ?, 'waiting', ?, ?, ?, ?, ?, ?)",
            (
                kind,
                *asdict(provenance).values(),
                prepared.digest,
                prepared.text,
                json.dumps(dict(prepared.removed)),
                json.dumps([asdict(flag) for flag in prepared.flags], ensure_ascii=False),
                actor.name,
                _now(),
            ),
        )
        self.store.executemany(
            "INSERT INTO passage (entry, language, place, start, text, fields, pseudonym, organ, "
            "diagnosis, concepts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((cursor.lastrowid, *row) for row in prepared.rows),
        )
        return self.entry(cursor.lastrowid or 0)

    def _check_approval(self, entry: Entry, actor: Actor, digest: str, *, flags_seen: bool) -> None:
        subject = f"entry {entry.entry_id}"
        if actor.kind != "person":
            raise KnowledgeError(subject, "not-a-person")
        if actor.name.strip().casefold() == entry.added_by.strip().casefold():
            raise KnowledgeError(subject, "same-person")
        if len(digest) < 8 or not entry.digest.startswith(digest.lower()):
            raise KnowledgeError(subject, "changed", {"digest": entry.digest[:12]})
        if entry.state in ("superseded", "withdrawn"):
            raise KnowledgeError(subject, "ended")
        if entry.flags and not flags_seen:
            raise KnowledgeError(subject, "flags-unseen", {"number": len(entry.flags)})

    def _supersede(self, entry: Entry, actor: Actor) -> None:
        older = self.store.execute(
            "SELECT id FROM entry WHERE kind = 'guideline' AND name = ? AND state = 'approved'",
            (entry.provenance.name,),
        ).fetchall()
        for row in older:
            unindex_entry(self.store, row["id"])
            self._end(row["id"], "superseded", actor, f"version {entry.provenance.version}")

    def _end(self, entry_id: int, state: str, actor: Actor, why: str) -> None:
        self.store.execute(
            "UPDATE entry SET state = ?, ended_by = ?, ended_utc = ?, ended_why = ? WHERE id = ?",
            (state, actor.name, _now(), why, entry_id),
        )


ENTRIES: Final = (
    "SELECT entry.*, (SELECT count(*) FROM passage WHERE entry = entry.id) AS passages FROM entry"
)


def _entry(row: Any) -> Entry:
    approved = row["approved_utc"]
    return Entry(
        entry_id=row["id"],
        kind=row["kind"],
        provenance=provenance_of(row),
        state=row["state"],
        digest=row["digest"],
        passages=row["passages"],
        added_by=row["added_by"],
        added_utc=datetime.fromisoformat(row["added_utc"]),
        approved_by=row["approved_by"],
        approved_utc=None if approved is None else datetime.fromisoformat(approved),
        removed=json.loads(row["removed"]),
        flags=tuple(Flag(**flag) for flag in json.loads(row["flags"])),
    )


def provenance_of(row: Any) -> Provenance:
    """Of a row that has the columns of an entry."""
    return Provenance(
        name=row["name"], version=row["version"], source=row["source"], licence=row["licence"]
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
