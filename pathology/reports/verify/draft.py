"""A whole draft: both languages, what is missing, the fixed parts, the citations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from pathology.records.report import BANNER, Block, Draft, Fact, Quotation
from pathology.records.settings.reports import Vocabulary
from pathology.reports.verify.prose import Checked, Ground, check_prose

COMPARED: Final = frozenset(
    {"value", "category", "status", "side", "presence", "subtype", "grade", "ish", "tumour_type"}
)
"""Roles that both languages must tell alike."""
DIGITS: Final = re.compile(r"\d+(?:\.\d+)?")
CERTAIN: Final = "95"


def check_draft(
    draft: Draft,
    required: Sequence[str],
    words: Vocabulary,
    *,
    main_topic: str,
    passages: Sequence[Quotation] = (),
) -> tuple[Block, ...]:
    """Every reason why ``draft`` may not stand; none where it is machine-checked.

    ``passages`` are those that may be quoted, as the knowledge base holds them.
    """
    ground = Ground(
        facts=draft.facts, words=words, main_topic=main_topic, citations=draft.citations
    )
    english = check_prose(draft.sections, ground, "en")
    chinese = check_prose(draft.sections, ground, "zh")
    return (
        *english.blocks,
        *chinese.blocks,
        *_unlike(english, chinese, draft),
        *_missing(draft, required, english, chinese),
        *_fixed(draft),
        *_misquoted(draft.citations, passages),
        *_misworded(draft.facts.facts),
    )


def _unlike(english: Checked, chinese: Checked, draft: Draft) -> Iterator[Block]:
    facts = draft.facts.by_id
    first, second = ({i for i in c.told if facts[i].role in COMPARED} for c in (english, chinese))
    for fact_id in sorted(first ^ second):
        absent = "zh" if fact_id in first else "en"
        yield Block(
            kind="languages",
            where=absent,
            span=fact_id,
            reason="one language tells it and the other does not",
        )


def _missing(
    draft: Draft, required: Sequence[str], english: Checked, chinese: Checked
) -> Iterator[Block]:
    facts = draft.facts.by_id
    silent = {n.topic for n in draft.not_measured}
    for fact_id in required:
        fact, topic = facts.get(fact_id), fact_id.rpartition(".")[0]
        if fact is not None and fact.state == "value":
            for language, checked in (("en", english), ("zh", chinese)):
                if fact_id not in checked.told:
                    yield Block(
                        kind="omission", where=language, span=fact_id, reason="a required fact"
                    )
        elif topic not in silent and (fact is not None or f"{topic}.value" not in facts):
            yield Block(
                kind="omission",
                where="both",
                span=fact_id,
                reason="it has no value, and the draft does not say so",
            )


def _fixed(draft: Draft) -> Iterator[Block]:
    """What code writes beside the prose, held against the facts."""
    if draft.banner != BANNER or draft.state != "AI_DRAFT":
        yield Block(kind="banner", where="both", span=draft.banner.en, reason="not the banner")
    facts = draft.facts.by_id
    for field in draft.fields:
        fact = facts.get(field.fact)
        if field.text != (None if fact is None else fact.text):
            yield Block(
                kind="field", where="both", span=field.id, reason=f"not what {field.fact} says"
            )
    untold = {f.topic for f in draft.facts.facts if f.state == "value" and f.role == "value"}
    for silence in draft.not_measured:
        if silence.topic in untold and not any(
            f.topic == silence.topic and f.state != "value" for f in draft.facts.facts
        ):
            yield Block(
                kind="field",
                where="both",
                span=silence.topic,
                reason="it is said to have no value, and has one",
            )


def _misquoted(citations: Sequence[Quotation], passages: Sequence[Quotation]) -> Iterator[Block]:
    for number, cited in enumerate(citations, start=1):
        there = any(
            p.document == cited.document
            and p.version == cited.version
            and cited.text.strip()
            and " ".join(cited.text.split()) in " ".join(p.text.split())
            for p in passages
        )
        if not there:
            yield Block(
                kind="citation",
                where="both",
                span=f"[{number}]",
                reason="these words do not stand in that version of that document",
            )


def _misworded(facts: Sequence[Fact]) -> Iterator[Block]:
    """Numbers of facts, read from their wording again: rounding must not have changed them."""
    for fact in facts:
        if fact.text is None or not fact.numbers:
            continue
        for language, text in (("en", fact.text.en), ("zh", fact.text.zh)):
            body = text.replace("2 mm²", "") if fact.unit == "/2mm2" else text
            read = [Decimal(n) for n in DIGITS.findall(body)]
            if len(fact.numbers) == 2 and read and str(read[0]) == CERTAIN:
                read = read[1:]
            if not _agree(read, fact):
                yield Block(
                    kind="wording",
                    where=language,
                    span=text,
                    reason=f"is not {fact.id}: {', '.join(f'{n:.6g}' for n in fact.numbers)}",
                )


def _agree(read: Sequence[Decimal], fact: Fact) -> bool:
    if len(read) != len(fact.numbers):
        return False
    half = Decimal(1).scaleb(-fact.decimals) / 2 + Decimal("1e-9")
    return all(abs(r - Decimal(repr(n))) <= half for r, n in zip(read, fact.numbers, strict=True))
