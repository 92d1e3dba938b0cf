"""Facts after a physician's decisions: what was rejected has no value, what was overridden hers.

Interval, counts, chance and category of such a finding belong to the AI's number and go with it.
What a rule said of it is not asked anew: a physician says it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from pathology.records.decision import Decided, FindingKey, OwnValue
from pathology.records.report import CaseFacts, Fact, FactSource, SourceKind, Worded
from pathology.reports.finding_facts import UCUM, UNITS
from pathology.reports.rounding import as_stated

REJECTED: Final = Worded(
    en="the physician rejected what the analysis found", zh="医师未采纳分析结果"
)
NOT_ASKED: Final = Worded(
    en="the physician changed one of its inputs; the rule was not asked again",
    zh="医师已更改其中一项输入；未重新应用该规则",
)


def finding_key(fact: Fact, kind: SourceKind = "finding") -> FindingKey | None:
    """The finding that a fact of this kind of source tells; None for a fact of another one."""
    if fact.source.kind != kind or fact.source.result_id is None:
        return None
    return FindingKey(fact.source.result_id, fact.source.name.partition(" ")[0])


def decided_facts(facts: CaseFacts, decided: Mapping[FindingKey, Decided]) -> CaseFacts:
    """The same facts where every finding was accepted; else as the module says."""
    changed = {key: d for key, d in decided.items() if d.decision.kind != "accept"}
    touched = any(finding_key(f) in changed for f in facts.facts)
    kept = [
        new
        for fact in facts.facts
        for new in _after(fact, changed.get(finding_key(fact) or FindingKey("", "")), touched)
    ]
    return replace(facts, facts=tuple(kept))


def _after(fact: Fact, decided: Decided | None, touched: bool) -> Iterator[Fact]:
    if fact.source.kind == "rule" and touched:
        if fact.role != "rule":
            yield _silent(fact, "refused", NOT_ASKED, fact.source)
    elif decided is None:
        yield fact
    elif fact.role == "value":
        source = replace(fact.source, kind="physician")
        own = decided.decision.own
        yield (
            _silent(fact, "not-measurable", REJECTED, source)
            if own is None
            else _own(fact, own, source)
        )


def _silent(fact: Fact, state: str, why: Worded, source: FactSource) -> Fact:
    return replace(
        fact,
        state="refused" if state == "refused" else "not-measurable",
        source=source,
        text=None,
        why=why,
        unit="",
        numbers=(),
        decimals=0,
        code=None,
    )


def _own(fact: Fact, own: OwnValue, source: FactSource) -> Fact:
    unit = UCUM.get(own.unit, own.unit)
    told, tail = as_stated(own.value), UNITS.get(unit, Worded(en="", zh=""))
    return replace(
        fact,
        state="value",
        source=source,
        text=Worded(en=told.text + tail.en, zh=told.text + tail.zh),
        why=None,
        unit=unit,
        numbers=(own.value,),
        decimals=told.decimals,
    )
