"""Text as the words that are indexed and searched.

jieba cuts Chinese by its dictionary. It keeps that dictionary as a file that anybody may replace in
the folder of temporary files, in a form that must not be read from strangers; so it is loaded here
from the package itself, which takes a second once a process.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from typing import Any, Final

from pathology.knowledge.glossary import HAN, Glossary, folded

RUN: Final = re.compile(r"[㐀-䶿一-鿿]+|[a-z0-9]+(?:\.[0-9]+)?")
NO_WORDS: Final = frozenset("的了和与及或在是为有等中对以其并") | {
    *("a", "an", "the", "of", "and", "or", "in", "is", "are", "was", "were", "to", "for"),
    *("with", "on", "by", "at", "as", "be", "it", "this", "that", "from"),
}


@cache
def _jieba() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba is older than some of Python's warnings
        import jieba

    return jieba


@cache
def _frequencies() -> tuple[Mapping[str, int], int]:
    """How often jieba's words are, and their sum; read once a process."""
    reader = _jieba().Tokenizer()
    words, total = reader.gen_pfdict(reader.get_dict_file())
    return words, total


class Words:
    """Cuts text into words and concepts. One a process: the dictionary is large."""

    def __init__(self, glossary: Glossary) -> None:
        self.glossary = glossary
        self._loading = threading.Lock()

    def words(self, text: str) -> list[str]:
        """Words of both languages, small letters, without the commonest."""
        found: list[str] = []
        for run in RUN.findall(folded(text)):
            found += self._cut(run) if HAN.match(run) else [run]
        return [word for word in found if word not in NO_WORDS]

    def concepts(self, text: str) -> list[str]:
        """Concepts as tokens: ``necrosis``, and ``no_necrosis`` or ``has_necrosis`` beside it."""
        tokens: list[str] = []
        for named in self.glossary.named(text):
            tokens.append(named.concept)
            if named.kind in ("feature", "marker"):
                tokens.append(f"{'no' if named.denied else 'has'}_{named.concept}")
        return tokens

    def _cut(self, run: str) -> Iterable[str]:
        with self._loading:
            cutter = self._cutter
        return (str(word) for word in cutter.cut_for_search(run, HMM=False))

    @cached_property
    def _cutter(self) -> Any:
        words, total = _frequencies()
        cutter = _jieba().Tokenizer()
        cutter.FREQ, cutter.total = dict(words), total  # a copy: words are added to it
        cutter.initialized = True
        for word in self.glossary.chinese_words:
            if HAN.match(word):
                cutter.add_word(word)
        return cutter
