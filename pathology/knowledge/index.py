"""The indexes of what is approved: words, concepts, and vectors if there is an embedder."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np

from pathology.knowledge.cases import searched_text
from pathology.knowledge.embed import Embedder
from pathology.knowledge.store import changing
from pathology.knowledge.words import Words

LANGUAGES: Final = ("zh", "en")
AT_ONCE: Final = 64
INSERT: Final = {
    "zh": "INSERT INTO words_zh (rowid, words, concepts) VALUES (?, ?, ?)",
    "en": "INSERT INTO words_en (rowid, words, concepts) VALUES (?, ?, ?)",
}
DELETE: Final = {
    "zh": "DELETE FROM words_zh WHERE rowid = ?",
    "en": "DELETE FROM words_en WHERE rowid = ?",
}
PASSAGES: Final = "SELECT id, language, place, text, fields, concepts FROM passage WHERE entry = ?"
APPROVED: Final = "SELECT id FROM entry WHERE state = 'approved' ORDER BY id"


def index_entry(store: sqlite3.Connection, words: Words, entry_id: int) -> None:
    """Let the passages of an entry be found; inside a change that the caller began."""
    counts: dict[str, Counter[str]] = {language: Counter() for language in LANGUAGES}
    for row in store.execute(PASSAGES, (entry_id,)).fetchall():
        told = " ".join(words.words(text_of(row)))
        store.execute(INSERT[row["language"]], (row["id"], told, row["concepts"]))
        counts[row["language"]].update(set(row["concepts"].split()))
    _count(store, counts, 1)
    _made_by(store, "glossary", words.glossary.digest)


def unindex_entry(store: sqlite3.Connection, entry_id: int) -> None:
    """Let the passages of an entry not be found; inside a change that the caller began."""
    (state,) = store.execute("SELECT state FROM entry WHERE id = ?", (entry_id,)).fetchone()
    if state != "approved":
        return
    counts: dict[str, Counter[str]] = {language: Counter() for language in LANGUAGES}
    for row in store.execute(PASSAGES, (entry_id,)).fetchall():
        store.execute(DELETE[row["language"]], (row["id"],))
        store.execute("DELETE FROM vector WHERE passage = ?", (row["id"],))
        counts[row["language"]].update(set(row["concepts"].split()))
    _count(store, counts, -1)


def refresh(store: sqlite3.Connection, words: Words) -> bool:
    """Make words and concepts anew if another glossary made them; whether that was needed."""
    with changing(store):
        row = store.execute("SELECT value FROM made_by WHERE what = 'glossary'").fetchone()
        if row is None or row["value"] == words.glossary.digest:
            return False
        for table in ("words_zh", "words_en", "concept_count"):
            store.execute(f"DELETE FROM {table}")  # noqa: S608 -- our own three names
        for entry in store.execute(APPROVED).fetchall():
            for row in store.execute(PASSAGES, (entry["id"],)).fetchall():
                concepts = " ".join(words.concepts(text_of(row)))
                store.execute("UPDATE passage SET concepts = ? WHERE id = ?", (concepts, row["id"]))
            index_entry(store, words, entry["id"])
        return True


def add_vectors(store: sqlite3.Connection, embedder: Embedder) -> int:
    """Vectors of approved passages that have none by this embedder; how many were made.

    Vectors of another embedder are dropped first: they cannot be compared. Every 64 are kept as
    soon as they are made, so that a long work that is ended goes on where it was.
    """
    with changing(store):
        row = store.execute("SELECT value FROM made_by WHERE what = 'vectors'").fetchone()
        if row is None or row["value"] != embedder.name:
            store.execute("DELETE FROM vector")
            _made_by(store, "vectors", embedder.name)
    made = 0
    for batch in _batches(_without_vector(store)):
        numbers = embedder.passages([text_of(row) for row in batch]).astype(np.float32)
        with changing(store):
            store.executemany(
                "INSERT OR REPLACE INTO vector VALUES (?, ?, ?)",
                (
                    (row["id"], row["language"], one.tobytes())
                    for row, one in zip(batch, numbers, strict=True)
                ),
            )
        made += len(batch)
    return made


def text_of(row: Any) -> str:
    """What of a passage is searched: its fields or its place, and its text."""
    fields = json.loads(row["fields"])
    return searched_text(fields, row["text"]) if fields else f"{row['place']}\n{row['text']}"


def _without_vector(store: sqlite3.Connection) -> list[Any]:
    return store.execute(
        "SELECT passage.* FROM passage JOIN entry ON entry.id = passage.entry "
        "LEFT JOIN vector ON vector.passage = passage.id "
        "WHERE entry.state = 'approved' AND vector.passage IS NULL ORDER BY passage.id"
    ).fetchall()


def _batches(rows: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]


def _count(store: sqlite3.Connection, counts: dict[str, Counter[str]], sign: int) -> None:
    rows: Iterable[tuple[str, str, int]] = (
        (language, concept, sign * number)
        for language, found in counts.items()
        for concept, number in found.items()
    )
    store.executemany(
        "INSERT INTO concept_count VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET passages = passages + excluded.passages",
        rows,
    )


def _made_by(store: sqlite3.Connection, what: str, value: str) -> None:
    store.execute("INSERT OR REPLACE INTO made_by VALUES (?, ?)", (what, value))
