"""What persons do to a case: each step by its name, from the body of a request to the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar

from pathology.records.case_ledger import CaseLedger
from pathology.records.case_note import CaseNote
from pathology.records.case_review import Change, Changed
from pathology.records.decision import Decision, OwnReading, SecondReading
from pathology.records.plain import rebuilt

LONGEST: Final = 2000
"""Characters of a reason or a note."""
T = TypeVar("T")
Asked: TypeAlias = Mapping[str, Any]
Step: TypeAlias = Callable[[CaseLedger, str, Asked, Change], Changed]


class StrangeBody(Exception):
    """A request says what no page of ours says."""


def text(asked: Asked, name: str) -> str:
    """A text of the body; raises StrangeBody where it is none, or longer than people write."""
    told = asked.get(name)
    if not isinstance(told, str) or len(told) > LONGEST:
        raise StrangeBody(name)
    return told


def record(asked: Asked, name: str, kind: type[T]) -> T:
    """A record of the body; raises StrangeBody where it is none."""
    told = asked.get(name)
    if not isinstance(told, dict) or len(str(told)) > 2 * LONGEST:
        raise StrangeBody(name)
    try:
        return rebuilt(told, kind)
    except (TypeError, ValueError, KeyError) as cause:
        raise StrangeBody(name) from cause


def _claim(cases: CaseLedger, case: str, asked: Asked, change: Change) -> Changed:
    return cases.claim(case, change)


def _release(cases: CaseLedger, case: str, asked: Asked, change: Change) -> Changed:
    return cases.release(case, change)


def _read(cases: CaseLedger, case: str, asked: Asked, change: Change) -> Changed:
    return cases.read(case, record(asked, "reading", OwnReading), change)


def _decide(cases: CaseLedger, case: str, asked: Asked, change: Change) -> Changed:
    return cases.decide(case, record(asked, "decision", Decision), change)


def _second_read(cases: CaseLedger, case: str, asked: Asked, change: Change) -> Changed:
    return cases.second_read(case, record(asked, "reading", SecondReading), change)


def _confirm(cases: CaseLedger, case: str, asked: Asked, change: Change) -> Changed:
    return cases.confirm_region(case, text(asked, "result_id"), change)


def _saw(cases: CaseLedger, case: str, asked: Asked, change: Change) -> Changed:
    return cases.saw(case, text(asked, "result_id"), text(asked, "overlay"), change)


def _reject(cases: CaseLedger, case: str, asked: Asked, change: Change) -> Changed:
    return cases.reject(case, text(asked, "why"), change)


def _reopen(cases: CaseLedger, case: str, asked: Asked, change: Change) -> Changed:
    return cases.reopen(case, text(asked, "why"), change)


def _drop(cases: CaseLedger, case: str, asked: Asked, change: Change) -> Changed:
    return cases.drop_amendment(case, text(asked, "why"), change)


def _note(cases: CaseLedger, case: str, asked: Asked, change: Change) -> Changed:
    return cases.note(case, record(asked, "note", CaseNote), change)


def _assign(cases: CaseLedger, case: str, asked: Asked, change: Change) -> Changed:
    return cases.assign(case, text(asked, "to"), change)


def _second(cases: CaseLedger, case: str, asked: Asked, change: Change) -> Changed:
    return cases.ask_second(case, text(asked, "reader"), change)


REVIEW_STEPS: Final[Mapping[str, Step]] = MappingProxyType(
    {
        "claim": _claim,
        "release": _release,
        "read": _read,
        "decide": _decide,
        "second-read": _second_read,
        "confirm": _confirm,
        "saw": _saw,
        "reject": _reject,
        "reopen": _reopen,
        "drop": _drop,
        "note": _note,
    }
)
"""Steps of who reviews (act ``review-case``)."""
ASSIGN_STEPS: Final[Mapping[str, Step]] = MappingProxyType({"assign": _assign, "second": _second})
"""Steps of who gives out work (act ``assign-case``)."""
