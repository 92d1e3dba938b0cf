"""Facts into placeholders: the only place where a number enters a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from re import Match

from pathology.errors import DraftRejected
from pathology.records.reasons import Language
from pathology.records.report import Fact, WrittenSection
from pathology.records.settings.reports import PLACEHOLDER, placeholders


def fill(sentence: str, facts: Mapping[str, Fact], citations: int, language: Language) -> str:
    """``sentence`` with its facts as they are worded, and citations as ``[1]``.

    Raises
    ------
    DraftRejected
        It names a fact without a value, or a citation that is not there; or it has a hole.
    """

    def worded(match: Match[str]) -> str:
        name = match[1]
        if name.startswith("cite."):
            number = name.removeprefix("cite.")
            if not number.isascii() or not number.isdigit() or not 1 <= int(number) <= citations:
                raise DraftRejected(
                    f"it cites {name}, and there are {citations} passages", "citation"
                )
            return f"[{int(number)}]"
        fact = facts.get(name)
        if fact is None or fact.text is None:
            raise DraftRejected(f"it names {name}, which has no value", "fact")
        return fact.text.told(language)

    try:
        placeholders(sentence)
    except ValueError as cause:
        raise DraftRejected(str(cause)) from cause
    return PLACEHOLDER.sub(worded, sentence)


def fill_sections(
    sections: tuple[WrittenSection, ...], facts: Mapping[str, Fact], citations: int
) -> tuple[WrittenSection, ...]:
    """All sentences of both languages, filled."""
    return tuple(
        WrittenSection(
            id=section.id,
            en=tuple(fill(s, facts, citations, "en") for s in section.en),
            zh=tuple(fill(s, facts, citations, "zh") for s in section.zh),
        )
        for section in sections
    )
