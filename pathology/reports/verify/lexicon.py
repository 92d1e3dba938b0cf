"""What phrases mean: the site's vocabulary, and the words of this case's coded facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from pathology.records.reasons import Language
from pathology.records.report import Fact
from pathology.records.settings.reports import Terms, Vocabulary

MeaningKind = Literal[
    "marker",
    "scope",
    "role",
    "value",
    "rule",
    "date",
    "unit",
    "numeral",
    "comparison",
    "negation",
    "claim",
    "break",
    "plain",
]
REFUSED: Final[tuple[MeaningKind, ...]] = ("claim", "numeral", "comparison", "negation")
"""Kinds that refuse a phrase whatever else it may mean, unless a fact of the case words it so."""
ENDINGS: Final = ("s", "es", "d", "ed", "ing", "ly")
SPELLINGS: Final = (
    ("tumour", "tumor"),
    ("oestrogen", "estrogen"),
    ("labell", "label"),
    ("haemat", "hemat"),
    ("colour", "color"),
    ("analyse", "analyze"),
    ("programme", "program"),
)
"""British and American spelling of the same; words in -ise are spelt in -ize as well."""


class Meaning(NamedTuple):
    """One thing that a phrase can mean; ``name`` and ``code`` depend on the kind."""

    kind: MeaningKind
    name: str = ""
    code: str = ""


PLAIN: Final = (Meaning("plain"),)
QUIET: Final = (PLAIN, (Meaning("role", "basis"),))
"""Meanings of what asserts nothing."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase found in a text."""

    text: str
    meanings: tuple[Meaning, ...]


class Lexicon:
    """Finds the longest known phrase at a place in a text of one language."""

    def __init__(self, entries: Mapping[str, tuple[Meaning, ...]]) -> None:
        self._meanings = entries
        by_start: dict[str, set[int]] = {}
        for phrase in entries:
            by_start.setdefault(phrase[0], set()).add(len(phrase))
        self._lengths = {c: sorted(lengths, reverse=True) for c, lengths in by_start.items()}

    def longest(self, text: str, at: int) -> Phrase | None:
        """The longest phrase of lower-case ``text`` that begins at ``at``, as a whole word."""
        return next(self._known(text, at), None)

    def fitting(self, text: str, at: int) -> Phrase | None:
        """The longest, or a shorter one where a plain phrase would leave an unknown rest.

        Chinese has no spaces: 经计算机 is 经 and 计算机, and not 经计算 and a stray 机. Only plain
        phrases are cut shorter: they assert nothing, so nothing that is asserted gets lost.
        """
        first = self.longest(text, at)
        if first is None or first.meanings != PLAIN or self._goes_on(text, at, first):
            return first
        shorter = (p for p in self._known(text, at) if p.meanings in QUIET)
        return next((p for p in shorter if self._goes_on(text, at, p)), first)

    def _goes_on(self, text: str, at: int, phrase: Phrase) -> bool:
        end = at + len(phrase.text)
        return end >= len(text) or text[end].isascii() or self.longest(text, end) is not None

    def _known(self, text: str, at: int) -> Iterator[Phrase]:
        """Known phrases that begin at ``at``, the longest first."""
        if at and _joins(text[at - 1], text[at]):
            return
        for length in self._lengths.get(text[at], ()):
            end = at + length
            phrase = text[at:end]
            known = self._meanings.get(phrase)
            if known is None or (end < len(text) and _joins(text[end - 1], text[end])):
                continue
            yield Phrase(phrase, known)


def _joins(left: str, right: str) -> bool:
    """Whether two neighbours are of one word or one number."""
    return left.isascii() and right.isascii() and left.isalnum() and right.isalnum()


def lexicon_of(vocabulary: Vocabulary, facts: Iterable[Fact], language: Language) -> Lexicon:
    """The phrases of ``language``: those of the vocabulary, and those that word coded facts."""
    known = dict(_standing(_Same(vocabulary), language))
    for fact in facts:
        if fact.text is None or fact.numbers:
            continue
        meaning = _of_fact(fact)
        if meaning is not None:
            phrase = _plain(fact.text.told(language))
            kept = [m for m in known.get(phrase, ()) if m.kind in ("value", "role")]
            known[phrase] = tuple(dict.fromkeys((*kept, meaning)))
    return Lexicon(known)


class _Same:
    """A vocabulary as a key: the very record, not what it holds."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary

    def __hash__(self) -> int:
        return id(self.vocabulary)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.vocabulary is other.vocabulary


@lru_cache(maxsize=16)
def _standing(words: _Same, language: Language) -> Mapping[str, tuple[Meaning, ...]]:
    """What phrases mean in every case."""
    entries: dict[str, list[Meaning]] = {}
    for phrase, meaning in _phrases(words.vocabulary, language):
        entries.setdefault(_plain(phrase), []).append(meaning)
    settled = {p: _settled(m) for p, m in entries.items()}
    named = [p for p, m in settled.items() if any(x.kind in ("marker", "scope") for x in m)]
    return MappingProxyType(
        {p: m for p, m in settled.items() if m != PLAIN or not any(_within(n, p) for n in named)}
    )


def _within(name: str, phrase: str) -> bool:
    """Whether a plain phrase would hide a name: the name must be read, so the phrase may not be."""
    if name.isascii():
        return f" {name} " in f" {phrase.replace('-', ' ')} " or f" {name} " in f" {phrase} "
    return len(name) > 1 and name in phrase


def _of_fact(fact: Fact) -> Meaning | None:
    if fact.role == "rule":
        return Meaning("rule", fact.topic, fact.code or "")
    if fact.role == "date":
        return Meaning("date", fact.topic)
    if fact.role in ("text", "score") or fact.code is None:
        return None
    return Meaning("value", fact.role, fact.code)


def _settled(meanings: list[Meaning]) -> tuple[Meaning, ...]:
    """A phrase that asserts something asserts it, even if it also stands among the plain words."""
    strong = tuple(m for m in meanings if m.kind != "plain")
    return tuple(dict.fromkeys(strong or meanings))


def _plain(phrase: str) -> str:
    return " ".join(phrase.lower().split())


def _phrases(words: Vocabulary, language: Language) -> Iterator[tuple[str, Meaning]]:
    tables: tuple[tuple[MeaningKind, Mapping[str, Terms]], ...] = (
        ("marker", words.markers),
        ("scope", words.scopes),
        ("role", words.roles),
        ("unit", words.units),
    )
    for kind, table in tables:
        for name, terms in table.items():
            yield from ((p, Meaning(kind, name)) for p in _told(terms, language))
    for role, codes in words.values.items():
        for code, terms in codes.items():
            yield from ((p, Meaning("value", role, code)) for p in _told(terms, language))
    lists: tuple[tuple[MeaningKind, Terms], ...] = (
        ("numeral", words.numerals),
        ("comparison", words.comparisons),
        ("negation", words.negations),
        ("claim", words.claims),
        ("break", words.breaks),
    )
    for kind, terms in lists:
        yield from ((p, Meaning(kind)) for p in _told(terms, language))
    for phrase in _told(words.plain, language):
        yield from ((p, Meaning("plain")) for p in _inflected(phrase, language))


def _told(terms: Terms, language: Language) -> tuple[str, ...]:
    if language == "zh":
        return terms.zh
    return tuple(dict.fromkeys(v for phrase in terms.en for v in _spelt(phrase)))


def _spelt(phrase: str) -> Iterator[str]:
    """The phrase, in American spelling, and each with hyphens for spaces as in "hot-spot index"."""
    other = phrase
    for british, american in SPELLINGS:
        other = other.replace(british, american)
    for one in dict.fromkeys((phrase, other)):
        yield one
        if " " in one and one.replace(" ", "").isalpha():
            yield one.replace(" ", "-")


def _inflected(word: str, language: Language) -> Iterator[str]:
    """The word, and for English words their regular forms; they assert no more than the word."""
    yield word
    if language == "zh" or not word.isalpha() or len(word) < 4 or word.isupper():
        return
    stem = word[:-1] if word.endswith("e") else word
    for ending in ENDINGS:
        yield word + ending
        yield stem + ending
    if word.endswith("ise"):
        yield from _inflected(f"{word[:-3]}ize", language)
    if word.endswith("y"):
        yield from (word[:-1] + ending for ending in ("ies", "ied"))
