"""What a model answered, before anything is filled in: its form, and that it types no result."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pathology.errors import DraftRejected
from pathology.records.report import Fact, WrittenSection
from pathology.records.settings.reports import (
    NAMES_WITH_DIGITS,
    PLACEHOLDER,
    ReportSettings,
    ReportTemplate,
    placeholders,
)
from pathology.reports.prompt import section_facts

RESULT_WORDS: Final = re.compile(
    r"\b(high|low|intermediate|positive|negative|equivocal|present|absent|identified|left|right|"
    r"bilateral|amplified|weak|moderate|strong|luminal|triple|borderline)\b"
    r"|阳性(?!率|指数|比例|细胞|核|者|\s*个)|阴性|高|低|中间|可见|未见|左|右|双侧|扩增|弱|强|管腔|三阴|临界",
    re.IGNORECASE,
)
"""Words that are results: their placeholders stand for them. In Chinese, 阳性率 is no result."""
ROLE_WORDS: Final = re.compile(
    r"\bpositive (tumour )?nuclei\b|\bnuclei (are|were) positive\b|\bpositive for ki-67\b",
    re.IGNORECASE,
)


def written_sections(
    content: Mapping[str, Any],
    template: ReportTemplate,
    facts: Mapping[str, Fact],
    settings: ReportSettings,
) -> tuple[WrittenSection, ...]:
    """The sections of an answer, still with placeholders.

    Raises
    ------
    DraftRejected
        It is not of the form asked for; types a digit or a result word; names facts that are not
        of its section; or names other facts in one language than in the other.
    """
    allowed = section_facts(template, facts)
    if set(content) != set(allowed):
        raise DraftRejected(f"sections are {sorted(content)}, and {sorted(allowed)} were asked for")
    sections = tuple(_section(name, content[name], settings) for name in allowed)
    for section in sections:
        if wrong := next(_faults(section, allowed[section.id]), None):
            raise DraftRejected(f"section {section.id}: {wrong[1]}", wrong[0])
    return sections


def _section(name: str, told: Any, settings: ReportSettings) -> WrittenSection:
    if not isinstance(told, Mapping) or set(told) != {"en", "zh"}:
        raise DraftRejected(f"section {name}: not both languages")
    return WrittenSection(
        id=name,
        en=_sentences(name, told["en"], settings),
        zh=_sentences(name, told["zh"], settings),
    )


def _sentences(name: str, told: Any, settings: ReportSettings) -> tuple[str, ...]:
    if not isinstance(told, list) or not 1 <= len(told) <= settings.most_sentences:
        raise DraftRejected(f"section {name}: no list of sentences")
    for sentence in told:
        if not isinstance(sentence, str) or not sentence.strip():
            raise DraftRejected(f"section {name}: an empty sentence")
        if len(sentence) > settings.longest_sentence:
            raise DraftRejected(f"section {name}: a sentence of {len(sentence)} characters")
    return tuple(told)


def _faults(section: WrittenSection, allowed: list[str]) -> Iterator[tuple[str, str]]:
    """What is wrong, by kind and in words."""
    try:
        english = [p for s in section.en for p in placeholders(s)]
        chinese = [p for s in section.zh for p in placeholders(s)]
    except ValueError as cause:
        yield "form", str(cause)
        return
    known = {*allowed}
    if strangers := sorted(p for p in {*english, *chinese} - known if not p.startswith("cite.")):
        yield "fact", f"names {strangers}, which are no facts of this section"
    if sorted(set(english)) != sorted(set(chinese)):
        different = sorted(set(english) ^ set(chinese))
        yield "languages", f"the languages name different facts: {different}"
    for sentence in (*section.en, *section.zh):
        plain = NAMES_WITH_DIGITS.sub("", PLACEHOLDER.sub("", sentence))
        if digit := re.search(r"\S*\d\S*", plain):
            yield "digit", f"types a digit itself: {digit[0]!r}"
        if word := RESULT_WORDS.search(ROLE_WORDS.sub("", plain)):
            yield "result-word", f"types a result itself: {word[0]!r}; write its placeholder"
