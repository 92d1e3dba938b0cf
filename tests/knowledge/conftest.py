"""A knowledge base of one test, and the words that are loaded once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pathology.knowledge.curate import Desk
from pathology.knowledge.glossary import Glossary
from pathology.knowledge.store import open_store
from pathology.knowledge.words import Words
from pathology.pipeline.settings import load_settings
from pathology.records.actor import Actor
from pathology.records.knowledge import Entry, Provenance

LI = Actor(name="Li", kind="person", roles=frozenset({"curator"}))
WANG = Actor(name="Wang", kind="person", roles=frozenset({"curator"}))
Taker = Callable[..., Entry]


def terms(name: str = "book", version: str = "1") -> Provenance:
    return Provenance(name=name, version=version, source="tests", licence="own")


@pytest.fixture(scope="session")
def words() -> Words:
    loaded = Words(Glossary())
    loaded.words("病理")
    return loaded


@pytest.fixture
def desk(tmp_path: Path, words: Words) -> Iterator[Desk]:
    store = open_store(tmp_path / "knowledge", make=True)
    yield Desk(store=store, settings=load_settings().knowledge.store, words=words)
    store.close()


@pytest.fixture
def take(desk: Desk, tmp_path: Path) -> Taker:
    """Add a text or rows of cases, and have them approved unless told not to."""

    def taking(
        what: str | list[dict[str, str]],
        *,
        name: str = "book",
        version: str = "1",
        approve: bool = True,
    ) -> Entry:
        is_text = isinstance(what, str)
        file = tmp_path / ("given.md" if is_text else "given.jsonl")
        lines = what if is_text else "\n".join(json.dumps(row, ensure_ascii=False) for row in what)
        file.write_text(lines, encoding="utf-8")
        kind = "guideline" if is_text else "cases"
        entry = desk.add(kind, file, terms(name, version), LI)
        if approve:
            return desk.approve(entry.entry_id, WANG, digest=entry.digest, flags_seen=True)
        return entry

    return taking
