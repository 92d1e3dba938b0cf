"""Findings of one result as facts: each number worded once, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from pathology.records.finding import (
    AreaShare,
    Finding,
    Measurement,
    NotMeasurable,
    Proportion,
    WeightedProportion,
)
from pathology.records.report import Fact, FactRole, FactSource, Worded
from pathology.records.result import StoredResult
from pathology.records.settings.reports import ReportWording, Rounding
from pathology.reports.retell import retold, saying
from pathology.reports.rounding import Told, half_up, told_number, written

UNITS: Final = MappingProxyType(
    {
        "%": Worded(en=" %", zh=" %"),
        "/mm2": Worded(en=" per mm²", zh=" 个/mm²"),
        "mm2": Worded(en=" mm²", zh=" mm²"),
        "mm": Worded(en=" mm", zh=" mm"),
        "{nuclei}": Worded(en="", zh=""),
        "/2mm2": Worded(en=" per 2 mm²", zh=" 个/2 mm²"),
    }
)
"""How a unit follows its number."""
UCUM: Final = MappingProxyType({"1/mm2": "/mm2", "mm2": "mm2", "mm": "mm", "fraction": "%"})
CATEGORISED: Final = ("ki67.global", "ki67.global_unweighted", "ki67.net_hotspot")
"""Topics that a rule may grade once a person confirmed the region."""
UNTOLD: Final = ("til.profile", "tumour.nests")
"""A curve and a mere count: in the result and its picture, not in a report's sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What wording needs at hand."""

    wording: ReportWording
    rounding: Rounding


def finding_facts(result: StoredResult, desk: Desk) -> tuple[Fact, ...]:
    """All facts of a result's findings."""
    return tuple(
        fact
        for finding in result.findings
        if finding.name not in UNTOLD
        for fact in _facts(finding, result, desk)
    )


def _facts(finding: Finding, result: StoredResult, desk: Desk) -> Iterator[Fact]:
    whose = _Whose(finding, result, desk)
    answer = finding.answer
    if isinstance(answer, NotMeasurable):
        yield whose.silent("value", "not-measurable", retold(answer.reason, desk.wording))
        return
    yield from _numbers(whose, answer)
    if isinstance(answer, Proportion | WeightedProportion):
        yield whose.number("positive", (Fraction(answer.part),), "{nuclei}")
        yield whose.number("counted", (Fraction(answer.whole),), "{nuclei}")
    if (other := finding.clustered) is not None:
        yield whose.number("clustered", (_exact(other.low), _exact(other.high)), whose.unit)
    if (search := finding.search) is not None:
        yield whose.number("chance", (100 * _exact(search.expected_by_chance),), "%")
    yield from _category(whose)


def _numbers(
    whose: _Whose, answer: Proportion | WeightedProportion | AreaShare | Measurement
) -> Iterator[Fact]:
    if isinstance(answer, Measurement):
        exact = _exact(answer.value)
    elif isinstance(answer, Proportion):
        exact = Fraction(100 * answer.part, answer.whole)
    elif isinstance(answer, AreaShare):
        exact = Fraction(100 * answer.part_um2, answer.whole_um2)
    else:
        exact = 100 * _exact(answer.value)
    yield whose.number("value", (exact,), whose.unit)
    if answer.low is not None and answer.high is not None:
        yield whose.number("interval", (_exact(answer.low), _exact(answer.high)), whose.unit)


def _category(whose: _Whose) -> Iterator[Fact]:
    finding, wording = whose.finding, whose.desk.wording
    if finding.name not in CATEGORISED:
        return
    if finding.category is None:
        if whose.result.tumour_region_source == "automatic":
            yield whose.silent("category", "refused", saying(wording, "no_category"))
        return
    rule, name = finding.category.rule, finding.category.name
    words = wording.words["category"].get(name) or saying(wording, "own_category", name=name)
    code = name
    if finding.category.borderline:
        words, code = saying(wording, "borderline", name=words), f"{name}, borderline"
    yield whose.coded("category", code, words)
    yield whose.coded("rule", rule, Worded(en=rule, zh=rule))


def _exact(number: float) -> Fraction:
    """The float as its shortest decimal: what the result's file says."""
    return Fraction(repr(float(number)))


@dataclass(frozen=True, slots=True)
class _Whose:
    """One finding, ready to be told."""

    finding: Finding
    result: StoredResult
    desk: Desk

    @property
    def unit(self) -> str:
        """Unit that the value is told in."""
        answer = self.finding.answer
        return UCUM[answer.unit] if isinstance(answer, Measurement) else "%"

    @property
    def source(self) -> FactSource:
        """The finding, with its result and slide."""
        return FactSource(
            kind="finding",
            name=f"{self.finding.id} {self.finding.protocol}",
            result_id=self.result.result_id,
            slide_id=self.result.slide_id,
        )

    def silent(self, role: FactRole, state: str, why: Worded) -> Fact:
        """A fact without a value."""
        return Fact(
            id=f"{self.finding.name}.{role}",
            topic=self.finding.name,
            role=role,
            state="refused" if state == "refused" else "not-measurable",
            name=self.name,
            source=self.source,
            why=why,
        )

    def coded(self, role: FactRole, code: str, words: Worded) -> Fact:
        """A fact that is a word."""
        return Fact(
            id=f"{self.finding.name}.{role}",
            topic=self.finding.name,
            role=role,
            state="value",
            name=self.name,
            source=self.source,
            text=words,
            code=code,
        )

    def number(self, role: FactRole, exact: tuple[Fraction, ...], unit: str) -> Fact:
        """A fact of one number, or of the two ends of an interval given as shares."""
        if len(exact) == 2 and unit == "%":
            exact = (100 * exact[0], 100 * exact[1])
        shown = self._shown(role, exact, unit)
        tail = UNITS[unit]
        if len(exact) == 1:
            text = Worded(en=shown[0].text + tail.en, zh=shown[0].text + tail.zh)
        else:
            ends = {"low": shown[0].text, "high": shown[1].text}
            text = saying(self.desk.wording, role, unit=tail, **ends)
        return Fact(
            id=f"{self.finding.name}.{role}",
            topic=self.finding.name,
            role=role,
            state="value",
            name=self.name,
            source=self.source,
            text=text,
            unit=unit,
            numbers=tuple(float(e) for e in exact),
            decimals=shown[0].decimals,
        )

    def _shown(self, role: FactRole, exact: tuple[Fraction, ...], unit: str) -> list[Told]:
        rounding = self.desk.rounding
        area = isinstance(self.finding.answer, AreaShare) and unit == "%"
        decimals = rounding.decimals["share" if area else unit]
        if role == "value" and unit == "%" and not area:
            return [told_number(exact[0], decimals, rounding.cut_offs)]
        return [Told(written(half_up(e, decimals), decimals), decimals) for e in exact]

    @property
    def name(self) -> Worded:
        """Name of the topic."""
        known = self.desk.wording.topics.get(self.finding.name)
        return known or Worded(en=self.finding.name, zh=self.finding.name)
