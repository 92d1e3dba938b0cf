"""What the knowledge base holds and gives back. Everything here is data, never an instruction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

KnowledgeKind = Literal["guideline", "cases"]
TextLanguage = Literal["zh", "en"]
EntryState = Literal["waiting", "approved", "superseded", "withdrawn"]
"""waiting: added, not to be found yet; superseded: a later version was approved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a text comes from and on what terms; all of it is asked for when it is added."""

    name: str  # of the guideline, or of the collection of cases
    version: str
    source: str  # publication, page, department
    licence: str

    def __post_init__(self) -> None:
        for part in (self.name, self.version, self.source, self.licence):
            if not part.strip() or len(part) > 300 or not part.isprintable():
                raise ValueError("name, version, source and licence are 1 to 300 letters each")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A place that reads like an order to a machine, or hides letters; shown to who approves."""

    kind: str
    place: str  # "line 12", "case 3"
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One guideline in one version, or one collection of cases."""

    entry_id: int
    kind: KnowledgeKind
    provenance: Provenance
    state: EntryState
    digest: str  # sha256 of the text as kept; an approval names it
    passages: int
    added_by: str
    added_utc: datetime
    approved_by: str | None = None
    approved_utc: datetime | None = None
    removed: Mapping[str, int] = field(default_factory=dict)  # identities taken out, by kind
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a guideline, or one past case, as it is kept."""

    passage_id: int
    kind: KnowledgeKind
    provenance: Provenance
    language: TextLanguage
    place: str  # heading or page of a guideline, number of a case in its collection
    text: str
    fields: Mapping[str, str] = field(default_factory=dict)  # of a case; its structured part


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage and how well it fits, from 0 up; comparable within one search only."""

    passage: Passage
    score: float
    shared: tuple[str, ...]  # concepts of the glossary in question and passage: why it was found


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A quotation that was found, letter for letter, in an approved guideline in force."""

    provenance: Provenance
    place: str
    span: str  # as it stands there
    sentence: str  # the whole of it: half a sentence can say the contrary
    digest: str  # of the guideline's text
    start: int  # of the span, in that text
