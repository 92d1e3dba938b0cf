"""One file of SQLite holds the knowledge base: entries, passages, words and vectors.

What waits for approval is in ``entry`` and ``passage`` and in no index: it cannot be found. The
indexes are made from the passages and can be made again; entries are never deleted.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pathology.errors import KnowledgeError

FILE: Final = "knowledge.sqlite"
VERSION: Final = 1
SUBJECT: Final = "knowledge base"
WAIT_S: Final = 10.0

SCHEMA: Final = """
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('guideline', 'cases')),
    name TEXT NOT NULL, version TEXT NOT NULL, source TEXT NOT NULL, licence TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'superseded', 'withdrawn')),
    digest TEXT NOT NULL,
    text TEXT NOT NULL,
    removed TEXT NOT NULL, flags TEXT NOT NULL,
    added_by TEXT NOT NULL, added_utc TEXT NOT NULL,
    approved_by TEXT, approved_utc TEXT,
    ended_by TEXT, ended_utc TEXT, ended_why TEXT,
    UNIQUE (kind, name, version),
    CHECK (approved_by IS NULL OR lower(trim(approved_by)) <> lower(trim(added_by)))
);
CREATE TABLE passage (
    id INTEGER PRIMARY KEY,
    entry INTEGER NOT NULL REFERENCES entry (id),
    language TEXT NOT NULL CHECK (language IN ('zh', 'en')),
    place TEXT NOT NULL, start INTEGER NOT NULL,
    text TEXT NOT NULL, fields TEXT NOT NULL, pseudonym TEXT NOT NULL,
    organ TEXT NOT NULL, diagnosis TEXT NOT NULL, concepts TEXT NOT NULL
);
CREATE INDEX passage_of_entry ON passage (entry);
CREATE VIRTUAL TABLE words_zh USING fts5 (
    words, concepts, tokenize="unicode61 tokenchars '_.'"
);
CREATE VIRTUAL TABLE words_en USING fts5 (
    words, concepts, tokenize="porter unicode61 tokenchars '_.'"
);
CREATE TABLE concept_count (
    language TEXT NOT NULL, concept TEXT NOT NULL, passages INTEGER NOT NULL,
    PRIMARY KEY (language, concept)
);
CREATE TABLE vector (passage INTEGER PRIMARY KEY, language TEXT NOT NULL, numbers BLOB NOT NULL);
CREATE TABLE made_by (what TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


def open_store(folder: Path, *, make: bool = False) -> sqlite3.Connection:
    """The knowledge base in ``folder``, for one thread.

    Folder and file belong to their owner alone: past cases are no one's names, and still no one
    else's business.

    Raises
    ------
    KnowledgeError
        ``not-known`` where there is none (with ``make`` it is made), ``store-version``,
        ``store-broken``.
    """
    file = folder / FILE
    if not make and not file.is_file():
        raise KnowledgeError(SUBJECT, "no-store")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(file, timeout=WAIT_S, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA trusted_schema = OFF")
        _prepare(connection)
    except (sqlite3.Error, OSError) as cause:
        raise broken(cause) from cause
    return connection


@contextmanager
def changing(store: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A change that is made whole or not at all."""
    try:
        store.execute("BEGIN IMMEDIATE")
        whole = False
        try:
            yield store
            whole = True
        finally:
            store.execute("COMMIT" if whole else "ROLLBACK")
    except sqlite3.Error as cause:
        raise broken(cause) from cause


@contextmanager
def reading(store: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One state of the knowledge base, whatever others change meanwhile."""
    try:
        store.execute("BEGIN")
        try:
            yield store
        finally:
            store.execute("ROLLBACK")
    except sqlite3.Error as cause:
        raise broken(cause) from cause


def broken(cause: Exception) -> KnowledgeError:
    """The error for a file that cannot be used; SQLite's words name no content."""
    detail = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    return KnowledgeError(SUBJECT, "store-broken", {"detail": detail[:120]})


def _write_ahead(connection: sqlite3.Connection) -> None:
    # Where two make a new file at once, SQLite tells the later one "busy" without waiting its turn.
    until = time.monotonic() + WAIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as cause:
            if cause.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _prepare(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        with changing(connection):
            (again,) = connection.execute("PRAGMA user_version").fetchone()
            if again == 0:
                for statement in SCHEMA.strip().split(";\n"):
                    if statement.strip():
                        connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
    elif version != VERSION:
        facts = {"found": version, "wanted": VERSION}
        raise KnowledgeError(SUBJECT, "store-version", facts)
