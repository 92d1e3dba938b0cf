"""What request form and laboratory state, as facts: told as stated, never judged here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pathology.errors import UsageError
from pathology.records.case_data import CaseData, Receptor
from pathology.records.report import Fact, FactRole, FactSource, SourceKind, Worded
from pathology.records.settings.reports import ReportWording
from pathology.reports.finding_facts import UNITS
from pathology.reports.rounding import as_stated

PLAIN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./-]{0,15}")
"""A block's name that may be printed; anything else is left out."""
DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def stated_facts(case: CaseData, wording: ReportWording) -> tuple[Fact, ...]:
    """Facts of everything that is stated of the case.

    Raises
    ------
    UsageError
        A code is not one of ``wording.toml``.
    """
    return tuple(_all(case, _Stated(wording)))


def _all(case: CaseData, told: _Stated) -> Iterator[Fact]:
    specimen = case.specimen
    yield from told.coded("specimen", "side", specimen.side, "request")
    yield from told.coded("specimen", "organ", specimen.organ, "request")
    yield from told.coded("specimen", "procedure", specimen.procedure, "request")
    yield from told.coded("specimen", "tumour_type", specimen.tumour_type, "request")
    yield from told.plain("specimen.block", specimen.block, "request")
    yield from _receptor("er", case.er, told)
    yield from _receptor("pr", case.pr, told)
    yield from told.coded("her2", "score", case.her2.score, "laboratory")
    yield from told.coded("her2", "ish", case.her2.ish, "laboratory")
    yield from told.coded("her2", "status", case.her2.status, "laboratory")
    yield from told.worded("stain.clone", "clone", case.staining.clone)
    yield from told.worded("stain.control", "control", case.staining.control)
    yield from told.number("mitoses.value", case.mitoses_per_2mm2, "/2mm2")
    yield from told.coded("mitoses", "grade", case.mitotic_grade, "laboratory")
    for topic, code in case.presence.items():
        if topic not in ("lvi", "in_situ", "necrosis"):
            raise UsageError(f"{case.case_id}: presence of {topic!r} is not known here")
        yield from told.coded(topic, "presence", code, "request")
    yield from _previous(case, told)


def _receptor(topic: str, receptor: Receptor, told: _Stated) -> Iterator[Fact]:
    yield from told.number(f"{topic}.value", receptor.percent, "%")
    yield from told.coded(topic, "status", receptor.status, "laboratory")
    yield from told.coded(topic, "intensity", receptor.intensity, "laboratory")


def _previous(case: CaseData, told: _Stated) -> Iterator[Fact]:
    """The newest earlier specimen that has a Ki-67 index."""
    dated = [p for p in case.previous if p.ki67_percent is not None and DATE.fullmatch(p.date)]
    if not dated:
        return
    newest = max(dated, key=lambda p: p.date)
    yield from told.number("previous.value", newest.ki67_percent, "%")
    yield told.fact("previous.date", Worded(en=newest.date, zh=newest.date), "laboratory")


class _Stated:
    """Makes facts of stated values; silence makes none."""

    def __init__(self, wording: ReportWording) -> None:
        self.wording = wording

    def fact(
        self, fact_id: str, text: Worded, kind: SourceKind, *, code: str | None = None
    ) -> Fact:
        """A fact in words."""
        topic, role = fact_id.rsplit(".", 1)
        known: FactRole = role if role in _ROLES else "text"  # type: ignore[assignment]
        return Fact(
            id=fact_id,
            topic=topic,
            role=known,
            state="value",
            name=self.wording.topics[topic],
            source=FactSource(kind=kind, name=fact_id),
            text=text,
            code=code,
        )

    def coded(self, topic: str, role: str, code: str | None, kind: SourceKind) -> Iterator[Fact]:
        """A coded value by the words for it."""
        if code is None:
            return
        words = self.wording.words[role].get(code)
        if words is None:
            known = sorted(self.wording.words[role])
            raise UsageError(f"case data: {topic} {role} is {code!r}; it may be one of {known}")
        yield self.fact(f"{topic}.{role}", words, kind, code=code)

    def worded(self, fact_id: str, table: str, code: str | None) -> Iterator[Fact]:
        """A coded value that is shown in the table of fields only."""
        if code is None:
            return
        if (words := self.wording.words[table].get(code)) is None:
            known = sorted(self.wording.words[table])
            raise UsageError(f"case data: {fact_id} is {code!r}; it may be one of {known}")
        yield self.fact(fact_id, words, "laboratory", code=code)

    def plain(self, fact_id: str, text: str | None, kind: SourceKind) -> Iterator[Fact]:
        """An identifier, if it looks like one."""
        if text is not None and PLAIN_ID.fullmatch(text):
            yield self.fact(fact_id, Worded(en=text, zh=text), kind)

    def number(self, fact_id: str, number: float | None, unit: str) -> Iterator[Fact]:
        """A number as it was stated."""
        if number is None:
            return
        topic = fact_id.rsplit(".", 1)[0]
        shown, tail = as_stated(number), UNITS[unit]
        yield Fact(
            id=fact_id,
            topic=topic,
            role="value",
            state="value",
            name=self.wording.topics[topic],
            source=FactSource(kind="laboratory", name=fact_id),
            text=Worded(en=shown.text + tail.en, zh=shown.text + tail.zh),
            unit=unit,
            numbers=(float(number),),
            decimals=shown.decimals,
        )


_ROLES: Final = frozenset(
    {
        "side",
        "organ",
        "procedure",
        "tumour_type",
        "status",
        "intensity",
        "score",
        "ish",
        "presence",
        "grade",
        "date",
    }
)
