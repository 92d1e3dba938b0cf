"""``identities.toml``: the words by which identities are found."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityWords:
    """Words before, after and in identities, by language."""

    source: str
    surnames: str  # one letter each
    compound_surnames: Sequence[str]
    people_zh: Sequence[str]
    patient_zh: Sequence[str]
    kin_zh: Sequence[str]  # of the patient
    plates: str  # first letters of plates of cars
    people_en: Sequence[str]
    titles_zh: Sequence[str]
    titles_en: Sequence[str]
    numbers_zh: Sequence[str]
    numbers_en: Sequence[str]
    phones_zh: Sequence[str]
    phones_en: Sequence[str]
    births_zh: Sequence[str]
    births_en: Sequence[str]
    addresses_zh: Sequence[str]
    addresses_en: Sequence[str]
    places_zh: Sequence[str]
    places_en: Sequence[str]
    streets_en: Sequence[str]


@cache
def identity_words() -> IdentityWords:
    """The words of the shipped file."""
    text = files("pathology.knowledge").joinpath("identities.toml").read_text("utf-8")
    return IdentityWords(**tomllib.loads(text))


def any_of(words: Sequence[str]) -> str:
    """A pattern for any of ``words``, the longest first."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
