"""Passages for a question, each language searched apart.

A language's own words find nothing in the other; the glossary's concepts do. So each language has
its index, its own best, and its own share of rare concepts; what they found is merged by scores
that mean the same in both. How the parts of a score are weighed is a setting, weighed on labelled
questions (docs/benchmarks/knowledge.md).
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pathology.knowledge.curate import provenance_of
from pathology.knowledge.embed import Embedder, Vectors
from pathology.knowledge.index import LANGUAGES
from pathology.knowledge.store import reading
from pathology.knowledge.words import Words
from pathology.records.knowledge import Hit, KnowledgeKind, Passage, TextLanguage
from pathology.records.settings.knowledge import FusionSettings

MOST_WORDS: Final = 64
OF_KIND: Final = (
    "AND (?2 = '' OR +rowid IN (SELECT passage.id FROM passage JOIN entry "
    "ON entry.id = passage.entry WHERE entry.kind = ?2)) ORDER BY rank LIMIT ?3"
)
"""Before the best are taken, else many cases leave no room for a guideline. The plus keeps SQLite
from asking the index once a passage."""
FIND: Final = {
    "zh": (
        "SELECT rowid AS id, bm25(words_zh) AS rank FROM words_zh "  # noqa: S608 -- our own words
        f"WHERE words_zh MATCH ?1 {OF_KIND}"
    ),
    "en": (
        "SELECT rowid AS id, bm25(words_en) AS rank FROM words_en "  # noqa: S608 -- our own words
        f"WHERE words_en MATCH ?1 {OF_KIND}"
    ),
}
MARKS: Final = (
    "SELECT passage.id, passage.concepts, passage.organ, passage.diagnosis "
    "FROM passage JOIN entry ON entry.id = passage.entry "
    "WHERE entry.state = 'approved' AND passage.id IN (SELECT value FROM json_each(?1)) "
    "AND (?2 = '' OR entry.kind = ?2) AND (?3 = '' OR passage.pseudonym <> ?3)"
)
"""What is scored; the texts of the few that are shown are read afterwards."""
ROWS: Final = (
    "SELECT passage.*, entry.kind, entry.name, entry.version, entry.source, entry.licence "
    "FROM passage JOIN entry ON entry.id = passage.entry "
    "WHERE passage.id IN (SELECT value FROM json_each(?))"
)
VECTORS: Final = (
    "SELECT vector.passage, vector.numbers, entry.kind FROM vector "
    "JOIN passage ON passage.id = vector.passage JOIN entry ON entry.id = passage.entry "
    "WHERE vector.language = ?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A question, and what may answer it."""

    text: str
    kind: KnowledgeKind | None = None
    most: int = 10
    not_of: str = ""  # the pseudonym of the case at hand: nobody is his own past case


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Likeness:
    """Vectors of one language, and the passages they belong to."""

    ids: NDArray[np.int64]
    kinds: NDArray[np.str_]
    vectors: Vectors

    def found(self, question: Vectors, most: int, kind: KnowledgeKind | None) -> dict[int, float]:
        """The likest passages of a kind; 1 is the likest, 0 as like as they are on average."""
        likeness, ids = self.vectors @ question, self.ids
        if kind is not None:
            likeness, ids = likeness[self.kinds == kind], ids[self.kinds == kind]
        if not len(ids):
            return {}
        average, best = float(likeness.mean()), float(likeness.max())
        first = np.argpartition(-likeness, min(most, len(likeness) - 1))[:most]
        span = max(best - average, 1e-6)
        return {int(ids[i]): max((float(likeness[i]) - average) / span, 0.0) for i in first}


@dataclass(slots=True)
class _Question:
    """The question as tokens, and what it names."""

    words: Sequence[str]
    concepts: Sequence[str]
    organ: str
    diagnosis: str
    vector: Vectors | None = None
    rarity: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


class Candidate(NamedTuple):
    """A passage that may answer, and how: parts in 0..1, each with its weight in the settings."""

    passage_id: int
    shared: tuple[str, ...]
    words: float
    concepts: float
    organ: float
    diagnosis: float
    meaning: float

    def score(self, fusion: FusionSettings) -> float:
        """The weighted sum of the parts."""
        return (
            fusion.words * self.words
            + fusion.concepts * self.concepts
            + fusion.organ * self.organ
            + fusion.diagnosis * self.diagnosis
            + fusion.meaning * self.meaning
        )


class Search:
    """Looks for passages; holds the vectors of what is approved in memory. One thread's."""

    def __init__(
        self,
        store: sqlite3.Connection,
        words: Words,
        fusion: FusionSettings,
        embedder: Embedder | None = None,
    ) -> None:
        self._store, self._words, self._fusion = store, words, fusion
        self._embedder = embedder
        self._like: dict[str, _Likeness] = {}
        self._like_of = (-1, -1)  # the state of the file that the vectors in memory are of

    def find(self, wanted: Wanted) -> list[Hit]:
        """The best hits of both languages, the best first; none where nothing fits.

        Raises
        ------
        IntranetError
            The house's embedder was asked for, and is away.
        KnowledgeError
            The knowledge base cannot be read.
        """
        question = self._question(wanted.text)
        with reading(self._store):
            fit = [one for one in self._candidates(question, wanted) if self._fits(one, question)]
            scored = sorted(((-one.score(self._fusion), one) for one in fit), key=_order)
            best = scored[: wanted.most]
            ids = json.dumps([one.passage_id for _, one in best])
            rows = {row["id"]: row for row in self._store.execute(ROWS, (ids,))}
        return [
            Hit(passage=passage_of(rows[one.passage_id]), score=-score, shared=one.shared)
            for score, one in best
        ]

    def candidates(self, wanted: Wanted) -> list[Candidate]:
        """What ``find`` chooses from, for who weighs the parts of a score."""
        with reading(self._store):
            return self._candidates(self._question(wanted.text), wanted)

    def _candidates(self, question: _Question, wanted: Wanted) -> list[Candidate]:
        self._load_vectors()
        return [c for language in LANGUAGES for c in self._found_in(language, question, wanted)]

    def _fits(self, one: Candidate, question: _Question) -> bool:
        return not question.concepts or one.concepts >= self._fusion.least_concepts_share

    def _question(self, text: str) -> _Question:
        named = self._words.glossary.named(text)
        first = {n.kind: n.concept for n in reversed(named)}
        return _Question(
            words=list(dict.fromkeys(self._words.words(text)))[:MOST_WORDS],
            concepts=list(dict.fromkeys(self._words.concepts(text)))[:MOST_WORDS],
            organ=first.get("organ", ""),
            diagnosis=first.get("diagnosis", ""),
            vector=None if self._embedder is None else self._embedder.question(text),
        )

    def _found_in(
        self, language: TextLanguage, question: _Question, wanted: Wanted
    ) -> list[Candidate]:
        rarity = self._rarity(language, question.concepts)
        lexical = self._lexical(language, question, wanted.kind)
        meant: Mapping[int, float] = {}
        if question.vector is not None and language in self._like:
            like, most = self._like[language], self._fusion.candidates
            meant = like.found(question.vector, most, wanted.kind)
        best = max(lexical.values(), default=1.0) or 1.0
        whole = sum(rarity.values()) or 1.0
        ids = json.dumps([*(lexical.keys() | meant.keys())])
        found = []
        for row in self._store.execute(MARKS, (ids, wanted.kind or "", wanted.not_of)):
            has = set(row["concepts"].split())
            shared = tuple(concept for concept in question.concepts if concept in has)
            found.append(
                Candidate(
                    passage_id=row["id"],
                    shared=shared,
                    words=lexical.get(row["id"], 0.0) / best,
                    concepts=sum(rarity[concept] for concept in shared) / whole,
                    organ=bool(question.organ) and row["organ"] == question.organ,
                    diagnosis=bool(question.diagnosis) and row["diagnosis"] == question.diagnosis,
                    meaning=meant.get(row["id"], 0.0),
                )
            )
        return found

    def _lexical(
        self, language: TextLanguage, question: _Question, kind: KnowledgeKind | None
    ) -> dict[int, float]:
        """BM25 of the best passages of a kind by words or concepts; larger is better."""
        terms = [f'words : "{_quoted(word)}"' for word in question.words]
        terms += [f'concepts : "{_quoted(concept)}"' for concept in question.concepts]
        if not terms:
            return {}
        asked = (" OR ".join(terms), kind or "", self._fusion.candidates)
        rows = self._store.execute(FIND[language], asked)
        return {row["id"]: -row["rank"] for row in rows}

    def _rarity(self, language: TextLanguage, concepts: Sequence[str]) -> dict[str, float]:
        """How much each concept tells: the logarithm of how few passages have it."""
        counted = self._store.execute(
            "SELECT concept, passages FROM concept_count WHERE language = ? "
            "AND concept IN (SELECT value FROM json_each(?))",
            (language, json.dumps(list(concepts))),
        )
        known = {row["concept"]: row["passages"] for row in counted}
        (total,) = self._store.execute(
            "SELECT coalesce(max(passages), 0) FROM concept_count WHERE language = ?", (language,)
        ).fetchone()
        return {c: math.log1p((total + 1) / (known.get(c, 0) + 1)) for c in concepts}

    def _load_vectors(self) -> None:
        """Vectors of this embedder into memory, again when the file has changed."""
        if self._embedder is None:
            return
        (others,) = self._store.execute("PRAGMA data_version").fetchone()
        state = (others, self._store.total_changes)  # changed by others, and by this connection
        if state == self._like_of:
            return
        made = self._store.execute("SELECT value FROM made_by WHERE what = 'vectors'").fetchone()
        self._like = {}
        if made is not None and made["value"] == self._embedder.name:
            for language in LANGUAGES:
                rows = self._store.execute(VECTORS, (language,)).fetchall()
                if rows:
                    flat = np.frombuffer(b"".join(row["numbers"] for row in rows), np.float32)
                    self._like[language] = _Likeness(
                        ids=np.array([row["passage"] for row in rows], np.int64),
                        kinds=np.array([row["kind"] for row in rows]),
                        vectors=flat.reshape(len(rows), -1),
                    )
        self._like_of = state


def _order(scored: tuple[float, Candidate]) -> tuple[float, int]:
    return scored[0], scored[1].passage_id


def passage_of(row: Any) -> Passage:
    """Of a row of ``ROWS``."""
    return Passage(
        passage_id=row["id"],
        kind=row["kind"],
        provenance=provenance_of(row),
        language=row["language"],
        place=row["place"],
        text=row["text"],
        fields=json.loads(row["fields"]),
    )


def _quoted(term: str) -> str:
    return term.replace('"', '""')
