"""A quotation is one that was found: letter for letter, in an approved version that is in force."""

from __future__ import annotations

import re
import sqlite3
from typing import Any, Final

from pathology.errors import KnowledgeError
from pathology.knowledge.curate import provenance_of
from pathology.knowledge.passages import sentence_around
from pathology.knowledge.store import reading
from pathology.records.knowledge import Citation

LEAST_LETTERS: Final = 8
NUMBER_LETTERS: Final = frozenset("0123456789.,%％‰²³<>≤≥=±~～-–—一二三四五六七八九十百千万〇零半")
"""A quotation that begins or ends inside a run of these has cut a number, a sign or a unit."""


def quote(store: sqlite3.Connection, document: str, version: str, span: str) -> Citation:
    """The citation of ``span`` in that version of a guideline.

    Runs of spaces and line ends count as one space, on both sides; nothing else is forgiven. Two
    places that have the span give the first.

    Raises
    ------
    KnowledgeError
        ``not-known``, ``not-approved``, ``superseded``, ``span-too-short``; or ``no-such-span``: it
        does not stand there, or only as a part of a number or a word ("5 %" in "15 %").
    """
    subject = f"{document} {version}"
    wanted = re.sub(r"\s+", " ", span).strip()
    if len(wanted) < LEAST_LETTERS:
        raise KnowledgeError(subject, "span-too-short", {"least": LEAST_LETTERS})
    with reading(store):
        entry = _entry(store, document, version, subject)
        text = str(entry["text"])
        pattern = re.escape(wanted).replace(r"\ ", r"\s+")
        for match in re.finditer(pattern, text):
            if _whole(text, match.start(), match.end()):
                return Citation(
                    provenance=provenance_of(entry),
                    place=_place(store, entry["id"], match.start()),
                    span=match[0],
                    sentence=sentence_around(text, match.start(), match.end()),
                    digest=entry["digest"],
                    start=match.start(),
                )
    raise KnowledgeError(subject, "no-such-span")


def _entry(store: sqlite3.Connection, document: str, version: str, subject: str) -> Any:
    rows = store.execute(
        "SELECT * FROM entry WHERE kind = 'guideline' AND name = ?", (document,)
    ).fetchall()
    entry = next((row for row in rows if row["version"] == version), None)
    if entry is None:
        raise KnowledgeError(subject, "not-known")
    if entry["state"] == "superseded":
        current = next((row["version"] for row in rows if row["state"] == "approved"), "?")
        raise KnowledgeError(subject, "superseded", {"version": current})
    if entry["state"] != "approved":
        raise KnowledgeError(subject, "not-approved")
    return entry


def _place(store: sqlite3.Connection, entry: int, start: int) -> str:
    row = store.execute(
        "SELECT place FROM passage WHERE entry = ? AND start <= ? ORDER BY start DESC LIMIT 1",
        (entry, start),
    ).fetchone()
    return "" if row is None else str(row["place"])


def _whole(text: str, start: int, end: int) -> bool:
    """Whether neither end cuts a Latin word, a number, or what belongs to a number."""
    return not (_cuts(text[:start], text[start], before=True)) and not _cuts(
        text[end:], text[end - 1], before=False
    )


def _cuts(outside: str, edge: str, *, before: bool) -> bool:
    """Whether ``edge``, the outermost letter, goes on in ``outside``."""
    near = outside[-2:][::-1] if before else outside[:2]
    if not near:
        return False
    next_letter = near[0]
    if edge.isascii() and edge.isalnum() and next_letter.isascii() and next_letter.isalnum():
        return True
    if edge not in NUMBER_LETTERS:
        return False
    if next_letter == " " and len(near) > 1:  # "≥ 20 %", "20 %"
        next_letter = near[1]
        return next_letter in ("<>≤≥±~～" if before else "%％‰")
    ends_sentence = (
        not before and next_letter in ".,-–—" and (len(near) < 2 or not near[1].isdigit())
    )
    return next_letter in NUMBER_LETTERS and not ends_sentence
