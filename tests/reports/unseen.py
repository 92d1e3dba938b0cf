"""Correct sentences, each tried alone on cases that have all that it tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from pathology.records.reasons import Language
from pathology.records.report import Block, CaseFacts, WrittenSection
from pathology.reports.verify.prose import Ground, check_prose
from tests.reports.drafting import breast_facts, facts_for, rules_for
from tests.reports.erring_writer import slots_of, written
from tests.reports.made_cases import dice, ki67_result, net_case, share_finding, stored

TRIED = 4  # cases a sentence
Book = Mapping[str, Mapping[str, list[str]]]


class Tried(NamedTuple):
    """A sentence, and what the check said of it in the first case that it was blocked in."""

    language: Language
    group: str
    text: str
    blocks: tuple[Block, ...]


@cache
def cases() -> tuple[tuple[str, CaseFacts], ...]:
    """Facts by template: breast, neuroendocrine, and a marker that is not Ki-67."""
    told = [("breast-ki67", breast_facts(dice(f"unseen {i}"), complete=True)) for i in range(16)]
    for i in range(16):
        rng = dice(f"unseen net {i}")
        results = [ki67_result(rng, organ="pancreas")]
        told.append(("neuroendocrine", facts_for(net_case(rng), results)))
    for i in range(4):
        rng = dice(f"unseen general {i}")
        counted = share_finding("f1", "labelling_index.global", "WSI_GLOBAL", 80 + i, 900 + 7 * i)
        told.append(("general", facts_for(net_case(rng), [stored("ki67", (counted,))])))
    return tuple(told)


def tried(book: Book) -> Iterator[Tried]:
    """Every sentence of ``book``, in its order.

    Raises
    ------
    LookupError
        No case has what a sentence tells.
    """
    for group, languages in book.items():
        for language in ("en", "zh"):
            for pattern in languages[language]:
                yield _tried(pattern, group, language)


def _tried(pattern: str, group: str, language: Language) -> Tried:
    fitting = 0
    for template, facts in cases():
        known = {f.id: f for f in facts.facts if f.state == "value"}
        if fitting == TRIED or not all(slot in known for slot in slots_of(pattern)):
            continue
        fitting += 1
        text = written(pattern, group, language, known).text()
        blocks = blocked(text, language, template, facts)
        if blocks:
            return Tried(language, group, text, blocks)
    if not fitting:
        raise LookupError(pattern)
    return Tried(language, group, pattern, ())


def blocked(text: str, language: Language, template: str, facts: CaseFacts) -> tuple[Block, ...]:
    """What the check says of one sentence of a section."""
    rules = rules_for(template)
    ground = Ground(facts=facts, words=rules.vocabulary, main_topic=rules.template.main_topic)
    section = WrittenSection(
        id="said", en=(text,) if language == "en" else (), zh=(text,) if language == "zh" else ()
    )
    return check_prose([section], ground, language).blocks
