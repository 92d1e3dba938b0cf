"""Changes between two texts of a report, sentence by sentence, in each language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

from pathology.records.case_review import TextChange
from pathology.records.report import WrittenSection, languages


def text_changes(
    before: Sequence[WrittenSection], after: Sequence[WrittenSection]
) -> tuple[TextChange, ...]:
    """What ``after`` took out, put in and changed."""
    return tuple(_changes({s.id: s for s in before}, {s.id: s for s in after}))


def _changes(
    before: dict[str, WrittenSection], after: dict[str, WrittenSection]
) -> Iterator[TextChange]:
    for section in dict.fromkeys((*before, *after)):
        for language in languages():
            old = before[section].told(language) if section in before else ()
            new = after[section].told(language) if section in after else ()
            for was, now in _pairs(old, new):
                yield TextChange(section=section, language=language, before=was, after=now)


def _pairs(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str | None, str | None]]:
    matcher = SequenceMatcher(a=old, b=new, autojunk=False)
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        if tag != "equal":
            yield from zip_longest(old[a0:a1], new[b0:b1])
