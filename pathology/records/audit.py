"""One line of the audit chain: who did what to what, when, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """A line as chained: ``mac`` is an HMAC over all other fields and the mac before it."""

    sequence: int  # from 1, without gaps
    at_utc: datetime
    actor: str
    act: str
    subject: str  # pseudonym or id of what was acted on, never a name of a patient
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""
    previous_mac: str
    mac: str


ChainFault = Literal[
    "edited",
    "removed",
    "reordered",
    "truncated",
    "anchor-missing",
    "rewritten",
    "content-changed",
    "content-added",
]
"""The last two are of what lines tell of: a case's entry or signed version that is not there as it
was, or that no line tells of (its number is 0)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """What verifying the chain found; no faults means every line is as it was written."""

    lines: int
    head: str  # mac of the last line
    faults: tuple[tuple[int, ChainFault], ...] = ()  # line number, fault
