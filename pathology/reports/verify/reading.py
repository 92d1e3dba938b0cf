"""A sentence as tokens: phrases with their meanings, numbers with their units, marks.

Numbers are read as decimal digits with at most one point, alone or as a range with an en dash. All
other forms of number, and every word that is not known, are faults.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from pathology.records.reasons import Language
from pathology.reports.verify.letters import is_han
from pathology.reports.verify.lexicon import REFUSED, Lexicon, Meaning

NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
RANGE: Final = re.compile(r"(\d+(?:\.\d+)?)–(\d+(?:\.\d+)?)")
CITATION: Final = re.compile(r"\[(\d{1,2})\]")
POSSESSIVE: Final = re.compile(r"(?<=[A-Za-z])['’]s(?![A-Za-z0-9])")
WORD: Final = re.compile(r"[A-Za-z]+|[A-Za-z0-9]+")
ROMAN: Final = re.compile(r"[IVXLCDM]+")
SIGNS_BEFORE: Final = "+-–^"
SLASH: Final = re.compile(r"(?<=[^\d ] )/(?= \D)")
"""Between words, with spaces, as in "ER positive / PR negative"."""
BREAKING: Final = frozenset(",;:()，；：（）、。.")
QUIET: Final = frozenset("/=&'\"“”《》")
DASHES: Final = frozenset("-–")
WHY: Final = {
    "claim": "no fact of this case says so",
    "numeral": "a number in words, or part of one: numbers are written by the program, in digits",
    "comparison": "compares, and no fact compares",
    "negation": "denies something, and no fact is worded so",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A piece of a sentence. ``fault`` is the kind of what is wrong with it."""

    text: str
    meanings: tuple[Meaning, ...] = ()
    numbers: tuple[Decimal, ...] = ()
    unit: str = ""
    citation: int | None = None
    breaks: bool = False
    fault: str | None = None
    why: str = ""

    def means(self, kind: str, name: str | None = None) -> bool:
        """Whether it can mean a thing of ``kind``, called ``name`` where one is asked for."""
        return any(m.kind == kind and name in (None, m.name) for m in self.meanings)


def read(sentence: str, lexicon: Lexicon, language: Language) -> tuple[Token, ...]:
    """The tokens of ``sentence`` in their order."""
    text = " ".join(sentence.split())
    return tuple(_tokens(text, lexicon, language))


def _tokens(text: str, lexicon: Lexicon, language: Language) -> Iterator[Token]:
    lower, at = text.lower(), 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        token, at = _next(text, lower, at, lexicon, language)
        yield token


def _next(
    text: str, lower: str, at: int, lexicon: Lexicon, language: Language
) -> tuple[Token, int]:
    if cited := CITATION.match(text, at):
        return Token(text=cited[0], citation=int(cited[1])), cited.end()
    if owned := POSSESSIVE.match(text, at):
        return Token(text=owned[0]), owned.end()
    if phrase := lexicon.fitting(lower, at):
        end = at + len(phrase.text)
        return _known(text[at:end], phrase.meanings), end
    if text[at].isdigit():
        return _number(text, lower, at, lexicon)
    if text[at] in BREAKING or SLASH.match(text, at):
        return Token(text=text[at], breaks=True), at + 1
    if text[at] in DASHES and not _joins_words(text, at):
        return _fault(text[at], "numeral", "a dash that joins no words may be a sign"), at + 1
    if text[at] in QUIET or text[at] in DASHES:
        return Token(text=text[at]), at + 1
    return _stranger(text, at, language)


def _known(words: str, meanings: tuple[Meaning, ...]) -> Token:
    for meaning in meanings:
        if meaning.kind in REFUSED:
            return Token(text=words, meanings=meanings, fault=meaning.kind, why=WHY[meaning.kind])
    return Token(text=words, meanings=meanings, breaks=any(m.kind == "break" for m in meanings))


def _number(text: str, lower: str, at: int, lexicon: Lexicon) -> tuple[Token, int]:
    match = RANGE.match(text, at) or NUMBER.match(text, at)
    if match is None:  # digits of another script; letters.py names them
        return _fault(text[at], "numeral", "no ASCII digit"), at + 1
    end = match.end()
    after, before = text[end : end + 2], text[at - 1] if at else " "
    if before in SIGNS_BEFORE or before.isalnum():
        return _fault(text[at - 1 : end], "numeral", "a sign or a letter before a number"), end
    if re.match(r"[.,][0-9]", after) or (
        after and _letter(after[0]) and not _unit(lower, end, lexicon)
    ):
        return _fault(text[at : end + 2], "numeral", "not a plain number"), end + 1
    numbers = tuple(Decimal(g) for g in (match.groups() or (match[0],)))
    unit, end = _with_unit(lower, end, lexicon)
    return Token(text=text[at:end], numbers=numbers, unit=unit), end


def _letter(sign: str) -> bool:
    return sign.isascii() and sign.isalpha()


def _unit(lower: str, at: int, lexicon: Lexicon) -> tuple[str, int] | None:
    if at >= len(lower) or lower[at].isdigit():
        return None
    phrase = lexicon.longest(lower, at)
    if phrase is None:
        return None
    unit = next((m.name for m in phrase.meanings if m.kind == "unit"), None)
    return None if unit is None else (unit, at + len(phrase.text))


def _with_unit(lower: str, end: int, lexicon: Lexicon) -> tuple[str, int]:
    for gap in (0, 1):
        if gap and lower[end : end + 1] != " ":
            break
        if found := _unit(lower, end + gap, lexicon):
            return found
    return "", end


def _joins_words(text: str, at: int) -> bool:
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    return all(c and (_letter(c) or is_han(c) or c.isdigit()) for c in (before, after)) and not (
        after.isdigit()
    )


def _stranger(text: str, at: int, language: Language) -> tuple[Token, int]:
    if (word := WORD.match(text, at)) and not is_han(text[at]):
        if ROMAN.fullmatch(word[0]):
            return _fault(word[0], "numeral", "a Roman numeral, or part of one"), word.end()
        why = "not a word of this text" if language == "en" else "no Latin word of this text"
        return _fault(word[0], "unknown-word", why), word.end()
    return _fault(text[at], "unknown-word", "not a word of this text"), at + 1


def _fault(words: str, kind: str, why: str) -> Token:
    return Token(text=words, fault=kind, why=why)
