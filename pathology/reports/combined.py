"""Statements over several facts, by the table of a guideline, never by an idea of a model.

Refused with the reason where an input is missing, rests on a tumour region that nobody confirmed,
or has an interval that holds the cut-off which decided.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from pathology.records.report import Fact, FactSource, Worded
from pathology.records.settings.reports import (
    CombinedRow,
    CombinedRule,
    Condition,
    ReportWording,
)
from pathology.reports.retell import saying

COMPARED: Final[Mapping[str, Callable[[float, float], bool]]] = MappingProxyType(
    {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
)


def combined_facts(
    facts: Mapping[str, Fact], provisional: frozenset[str], rule: CombinedRule, words: ReportWording
) -> tuple[Fact, ...]:
    """What ``rule`` says of the facts: its name for them, or why it has none.

    ``provisional`` are topics whose tumour region nobody confirmed. Nothing is said at all where
    none of the inputs was ever given, or the specimen is of an organ that is not the rule's: the
    rule was not asked.
    """
    asked = any(i in facts for i in rule.inputs if not i.startswith("specimen."))
    if not asked or _of_another_organ(facts, rule):
        return ()
    if (why := _refusal(facts, provisional, rule, words)) is not None:
        return (_fact(rule, words, why=why),)
    row = next((r for r in rule.rows if all(_holds(c, facts) for c in r.all)), None)
    if row is None:
        return (_fact(rule, words, why=saying(words, "no_row")),)
    if (why := _undecided(row, facts, rule, words)) is not None:
        return (_fact(rule, words, why=why),)
    name = Worded(en=rule.name, zh=rule.name)
    told = _fact(rule, words, text=words.words[rule.role][row.code], code=row.code)
    source = told.source
    return (
        told,
        Fact(
            id=f"{rule.topic}.rule",
            topic=rule.topic,
            role="rule",
            state="value",
            name=told.name,
            source=source,
            text=name,
            code=rule.name,
        ),
    )


def _of_another_organ(facts: Mapping[str, Fact], rule: CombinedRule) -> bool:
    organ = facts.get("specimen.organ")
    if organ is None or organ.code is None or not rule.only_for_organs:
        return False
    return organ.code not in (*rule.only_for_organs, *rule.not_for_organs)


def _refusal(
    facts: Mapping[str, Fact], provisional: frozenset[str], rule: CombinedRule, words: ReportWording
) -> Worded | None:
    organ = facts.get("specimen.organ")
    if organ is not None and organ.code in rule.not_for_organs:
        return saying(words, "organ_excluded")
    for topic in rule.confirmed:
        if topic in provisional:
            return saying(words, "provisional_rule", topic=words.topics[topic])
    for needed in rule.inputs:
        known = facts.get(needed)
        if known is None or known.state != "value":
            return saying(words, "unstated_rule", fact=_named(needed, words))
    return None


def _undecided(
    row: CombinedRow, facts: Mapping[str, Fact], rule: CombinedRule, words: ReportWording
) -> Worded | None:
    """A row that another side of a cut-off would change is not told while the interval is wide."""
    for condition in (c for r in rule.rows for c in r.all):
        interval = facts.get(rule.interval_of.get(condition.fact, ""))
        if condition.number is None or interval is None or len(interval.numbers) != 2:
            continue
        low, high = interval.numbers
        others = {
            next((r.code for r in rule.rows if all(_holds(c, moved) for c in r.all)), "")
            for moved in (_moved(facts, condition.fact, end) for end in (low, high))
        }
        if low <= condition.number <= high and others != {row.code}:
            return saying(
                words,
                "interval_over",
                fact=words.topics[facts[condition.fact].topic],
                number=f"{condition.number:g}",
            )
    return None


def _moved(facts: Mapping[str, Fact], fact_id: str, number: float) -> Mapping[str, Fact]:
    return {**facts, fact_id: replace(facts[fact_id], numbers=(number,))}


def _holds(condition: Condition, facts: Mapping[str, Fact]) -> bool:
    fact = facts[condition.fact]
    if condition.operator is None or condition.number is None:
        return _plain_code(fact) == condition.code
    return COMPARED[condition.operator](fact.numbers[0], condition.number)


def _plain_code(fact: Fact) -> str | None:
    return None if fact.code is None else fact.code.removesuffix(", borderline")


def _named(fact_id: str, words: ReportWording) -> Worded:
    topic, role = fact_id.rsplit(".", 1)
    name = words.topics[topic]
    part = words.sayings.get(f"part_{role}")
    return (
        name if part is None else Worded(en=f"{name.en} ({part.en})", zh=f"{name.zh}（{part.zh}）")
    )


def _fact(
    rule: CombinedRule,
    words: ReportWording,
    *,
    text: Worded | None = None,
    code: str | None = None,
    why: Worded | None = None,
) -> Fact:
    return Fact(
        id=f"{rule.topic}.{rule.role}",
        topic=rule.topic,
        role=rule.role,
        state="refused" if text is None else "value",
        name=words.topics[rule.topic],
        source=FactSource(kind="rule", name=rule.name, citation=rule.source),
        text=text,
        code=code,
        why=why,
    )
