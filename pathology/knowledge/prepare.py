"""From a curator's file to what may be kept: identities out, looked at again, cut into passages."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pathology.errors import KnowledgeError
from pathology.knowledge.cases import FREE, check_fields, searched_text
from pathology.knowledge.deidentify import deidentify
from pathology.knowledge.glossary import language_of
from pathology.knowledge.identity_check import Suspect, suspects
from pathology.knowledge.orders_found import orders_found
from pathology.knowledge.passages import passages, settled
from pathology.knowledge.read_file import read_cases, read_guideline
from pathology.knowledge.words import Words
from pathology.records.knowledge import Flag, KnowledgeKind
from pathology.records.settings.knowledge import StoreSettings

MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparing:
    """What preparing needs to know."""

    settings: StoreSettings
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A text that may be kept, cut into passages."""

    text: str
    rows: Sequence[tuple[object, ...]]  # for the table of passages, without their entry
    removed: Mapping[str, int]
    flags: tuple[Flag, ...]

    @property
    def digest(self) -> str:
        """sha256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def prepare(kind: KnowledgeKind, file: Path, subject: str, preparing: Preparing) -> Prepared:
    """Read ``file``; see ``curate.Desk.add`` for what is refused."""
    if kind == "guideline":
        return _guideline(read_guideline(file, subject, preparing.settings), subject, preparing)
    rows = read_cases(file, subject, preparing.settings)
    check_fields(rows, subject)
    return _cases(rows, subject, preparing.words)


def _guideline(raw: str, subject: str, preparing: Preparing) -> Prepared:
    flags = orders_found(raw)
    cleaned = deidentify(settled(raw), is_case=False)
    _refuse(suspects(cleaned.text, is_case=False), subject, "line")
    rows = [
        _row((piece.place, piece.start), piece.text, {}, preparing.words)
        for piece in passages(cleaned.text, preparing.settings.passage_letters)
    ]
    return Prepared(text=cleaned.text, rows=rows, removed=cleaned.removed, flags=flags)


def _cases(raw: Sequence[Mapping[str, str]], subject: str, words: Words) -> Prepared:
    removed: Counter[str] = Counter()
    flags: list[Flag] = []
    rows, kept, left = [], [], []
    for number, case in enumerate(raw, 1):
        clean = dict(case)
        for name in FREE:
            if name not in case:
                continue
            place = f"case {number}"
            found = orders_found(case[name])
            flags += [Flag(kind=flag.kind, place=place, excerpt=flag.excerpt) for flag in found]
            clean[name], gone = deidentify(case[name], is_case=True)
            removed += gone
            seen = suspects(clean[name], is_case=True)
            left += [Suspect(suspect.kind, number) for suspect in seen]
        kept.append(json.dumps(clean, ensure_ascii=False, sort_keys=True))
        rows.append(_row((f"case {number}", 0), clean.pop("text", ""), clean, words))
    _refuse(left, subject, "case")
    text = "\n".join(kept)
    return Prepared(text=text, rows=rows, removed=removed, flags=tuple(flags))


def _row(
    where: tuple[str, int], text: str, fields: Mapping[str, str], words: Words
) -> tuple[object, ...]:
    place, start = where
    searched = searched_text(fields, text) if fields else f"{place}\n{text}"
    first = words.glossary.first
    shown = {k: v for k, v in fields.items() if k not in ("pseudonym", "language")}
    return (
        fields.get("language") or language_of(text or searched),
        place,
        start,
        text,
        json.dumps(shown, ensure_ascii=False),
        fields.get("pseudonym", ""),
        first(fields.get("organ", ""), "organ"),
        first(fields.get("diagnosis", ""), "diagnosis"),
        " ".join(words.concepts(searched)),
    )


def _refuse(left: Sequence[Suspect], subject: str, unit: str) -> None:
    if not left:
        return
    kinds = sorted({suspect.kind for suspect in left})[:MOST_NAMED]
    lines = sorted({suspect.line for suspect in left})
    more = " ..." if len(lines) > MOST_NAMED else ""
    places = f"{unit} {', '.join(map(str, lines[:MOST_NAMED]))}{more}"
    raise KnowledgeError(subject, "identity-left", {"kinds": "; ".join(kinds), "places": places})
