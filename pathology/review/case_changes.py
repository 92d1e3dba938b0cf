"""What persons do to a case: a name of the address, the act it needs, and what its body says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from pathology.pipeline.desk_text import edited_text
from pathology.pipeline.report_settings import ReportRules
from pathology.records.actor import Act
from pathology.records.case_ledger import CaseLedger
from pathology.records.case_review import Change, Changed
from pathology.records.decision import Decision, OwnReading, SecondReading
from pathology.records.plain import rebuilt
from pathology.records.report import WrittenSection


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A change that somebody asks for."""

    cases: CaseLedger
    case: str
    body: Mapping[str, Any]  # looked at by the doing: KeyError, TypeError, ValueError where wrong
    change: Change
    rules: ReportRules

    def text(self, name: str) -> str:
        """A text of the body."""
        value = self.body[name]
        if not isinstance(value, str):
            raise TypeError(f"{name} is no text")
        return value


Doing = Callable[[Asked], Changed]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChange:
    """One kind of change."""

    do: Doing
    act: Act = "review-case"
    of_own: bool = True  # of a case that the account may see; a claim is how it comes to see it


def _write(asked: Asked) -> Changed:
    """Other sentences: those of the body, in the sections that the text has."""
    read = asked.cases.case(asked.case)
    if read.text is None:
        raise ValueError("the case has no text")
    given = {s["id"]: s for s in asked.body["sections"]}
    if given.keys() != {s.id for s in read.text.sections}:
        raise ValueError("the sections are not those of the text")
    sections = [_section(s, given[s.id]) for s in read.text.sections]
    text = edited_text(read.text, sections, asked.rules)
    return asked.cases.write(asked.case, text, asked.text("why"), asked.change)


def _section(section: WrittenSection, given: Mapping[str, Any]) -> WrittenSection:
    en, zh = (tuple(_line(s) for s in given[language]) for language in ("en", "zh"))
    return replace(section, en=en, zh=zh)


def _line(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_SENTENCE:
        raise TypeError("a sentence is a text")
    return value


LONGEST_SENTENCE: Final = 4000
CHANGES: Final[Mapping[str, CaseChange]] = MappingProxyType(
    {
        "claim": CaseChange(do=lambda a: a.cases.claim(a.case, a.change), of_own=False),
        "release": CaseChange(do=lambda a: a.cases.release(a.case, a.change)),
        "assign": CaseChange(
            do=lambda a: a.cases.assign(a.case, a.text("to"), a.change),
            act="assign-case",
            of_own=False,
        ),
        "second": CaseChange(do=lambda a: a.cases.ask_second(a.case, a.text("reader"), a.change)),
        "read": CaseChange(
            do=lambda a: a.cases.read(a.case, rebuilt(a.body["reading"], OwnReading), a.change)
        ),
        "decide": CaseChange(
            do=lambda a: a.cases.decide(a.case, rebuilt(a.body["decision"], Decision), a.change)
        ),
        "second-read": CaseChange(
            do=lambda a: a.cases.second_read(
                a.case, rebuilt(a.body["reading"], SecondReading), a.change
            )
        ),
        "confirm": CaseChange(
            do=lambda a: a.cases.confirm_region(a.case, a.text("result_id"), a.change)
        ),
        "saw": CaseChange(
            do=lambda a: a.cases.saw(a.case, a.text("result_id"), a.text("overlay"), a.change)
        ),
        "write": CaseChange(do=_write),
        "reject": CaseChange(do=lambda a: a.cases.reject(a.case, a.text("why"), a.change)),
        "reopen": CaseChange(do=lambda a: a.cases.reopen(a.case, a.text("why"), a.change)),
        "drop": CaseChange(do=lambda a: a.cases.drop_amendment(a.case, a.text("why"), a.change)),
    }
)
"""Every change but the signature, which needs proof of who signs."""
