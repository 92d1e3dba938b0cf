"""Concepts in a text, whichever language names them, and whether the text denies them."""

from __future__ import annotations

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Final, NamedTuple

from pathology.records.knowledge import TextLanguage

DENIABLE: Final = frozenset({"feature", "marker"})
"""Only these are denied in reports ("no necrosis"); a denied organ makes no sense."""

HAN: Final = re.compile(r"[㐀-䶿一-鿿]")
HAN_SHARE: Final = 0.15
"""Chinese reports are full of Latin names of markers; English ones have no Han letters at all."""

CLAUSE: Final = re.compile(r"[,;.。;、!?\n]")
DENIED_BEFORE: Final = {
    "zh": re.compile(r"(?:未见|未查见|未发现|未检出|没有|不伴|无|否认|排除)[^,;。\n]{0,10}$"),
    "en": re.compile(
        r"\b(?:no|not|without|absent|absence of|negative for|free of|nor|denies)(?:\W+\w+){0,4}\W*$"
    ),
}
DENIED_AFTER: Final = {
    "zh": re.compile(r"^[^,;。\n]{0,6}?(?:阴性|未见|缺失|不明显|\(-\)|\(0\)|:-)"),
    "en": re.compile(
        r"^(?:\W+\w+){0,3}?\W*(?:\(-\)|negative|absent|is not|was not|not seen|not identified|none)"
    ),
}


class Named(NamedTuple):
    """A concept named in a text."""

    concept: str
    kind: str
    denied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    concept: str
    kind: str


class Glossary:
    """The words of ``glossary.toml`` and a site's own, ready to be found in text."""

    def __init__(self, more: Mapping[str, tuple[str, ...]] | None = None) -> None:
        shipped = files("pathology.knowledge").joinpath("glossary.toml").read_text("utf-8")
        tables = {k: v for k, v in tomllib.loads(shipped).items() if isinstance(v, dict)}
        tables["site"] = {concept: list(variants) for concept, variants in (more or {}).items()}
        self._zh: dict[str, _Term] = {}
        self._en: dict[str, _Term] = {}
        for kind, concepts in tables.items():
            for concept, (chinese, english) in concepts.items():
                term = _Term(concept=concept, kind=kind)
                for word in (*_variants(chinese), *map(_spaced, _variants(english))):
                    # Latin names stand in Chinese text too, and need the ends of a word there.
                    (self._en if word.isascii() else self._zh)[_spaced(word)] = term

    @cached_property
    def digest(self) -> str:
        """Of all words: an index made by other words is made anew."""
        both = [(w, t.concept, t.kind) for table in (self._zh, self._en) for w, t in table.items()]
        return hashlib.sha256(repr(sorted(both)).encode()).hexdigest()[:16]

    @property
    def chinese_words(self) -> tuple[str, ...]:
        """For who cuts Chinese text into words: these are words."""
        return tuple(self._zh)

    def named(self, text: str) -> list[Named]:
        """The concepts that ``text`` names, in order, the longest word winning."""
        spaced, language = _spaced(folded(text)), language_of(text)
        return [
            *self._found(self._zh_pattern, self._zh, spaced, language),
            *self._found(self._en_pattern, self._en, spaced, language),
        ]

    def first(self, text: str, kind: str) -> str:
        """The first concept of ``kind`` that ``text`` names, or an empty text."""
        return next((named.concept for named in self.named(text) if named.kind == kind), "")

    @cached_property
    def _zh_pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, sorted(self._zh, key=len, reverse=True))))

    @cached_property
    def _en_pattern(self) -> re.Pattern[str]:
        words = "|".join(map(re.escape, sorted(self._en, key=len, reverse=True)))
        return re.compile(rf"(?<![a-z0-9])(?:{words})(?:s|es)?(?![a-z0-9])")

    def _found(
        self,
        pattern: re.Pattern[str],
        terms: Mapping[str, _Term],
        text: str,
        language: TextLanguage,
    ) -> Iterator[Named]:
        for match in pattern.finditer(text):
            word = match[0]
            term = terms.get(word) or terms.get(word.removesuffix("s"))
            term = term or terms.get(word.removesuffix("es"))
            if term is not None:
                denied = term.kind in DENIABLE and _denied(text, match, language)
                yield Named(term.concept, term.kind, denied)


def _denied(text: str, match: re.Match[str], language: TextLanguage) -> bool:
    before, after = text[max(match.start() - 60, 0) : match.start()], text[match.end() :][:60]
    before = CLAUSE.split(before)[-1]
    after = CLAUSE.split(after)[0]
    return bool(DENIED_BEFORE[language].search(before) or DENIED_AFTER[language].search(after))


def folded(text: str) -> str:
    """One form of letters: full-width as half-width (NFKC), small, Chinese commas as commas."""
    return unicodedata.normalize("NFKC", text).lower()


def language_of(text: str) -> TextLanguage:
    """Chinese where Han letters are more than a few, else English."""
    letters = sum(1 for letter in text if letter.isalpha())
    return "zh" if letters and len(HAN.findall(text)) / letters >= HAN_SHARE else "en"


def _variants(words: str) -> list[str]:
    return [folded(word.strip()) for word in words.split("|") if word.strip()]


def _spaced(text: str) -> str:
    """Hyphens and line ends as spaces, so that "cut-off" and "cut off" are one word."""
    return re.sub(r"(?<=\w)[-‐–](?=\w)|\s+", " ", text)
