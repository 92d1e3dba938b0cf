"""What persons say of findings: decisions, readings of their own, differences from the AI."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Literal, NamedTuple

DecisionKind = Literal["accept", "reject", "override"]


class FindingKey(NamedTuple):
    """One finding of one result."""

    result_id: str
    finding_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnValue:
    """A person's own number; a share is told in percent, where the AI's unit is "fraction"."""

    value: float
    unit: str  # "%", "1/mm2", "mm2", "mm": as the finding's, but "%" for "fraction"

    def __post_init__(self) -> None:
        if not isfinite(self.value) or self.value < 0:
            raise ValueError(f"{self.value} is no value of a finding")
        if self.unit == "%" and self.value > 100:
            raise ValueError(f"{self.value} % is no share")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Accept, reject or override of one finding. What is not accepted has a reason."""

    of: FindingKey
    kind: DecisionKind
    reason: str = ""
    own: OwnValue | None = None  # of an override, and of nothing else

    def __post_init__(self) -> None:
        if (self.own is not None) != (self.kind == "override"):
            raise ValueError("an override has a value of its own, and nothing else has one")
        if self.kind != "accept" and not self.reason.strip():
            raise ValueError(f"{self.kind} needs a reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReading:
    """What a person reads on the slide, told before the AI's number is shown (blind-first)."""

    of: FindingKey
    own: OwnValue


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondReading:
    """What the second reader says of the decisions as they stand."""

    agrees: bool
    note: str = ""

    def __post_init__(self) -> None:
        if not self.agrees and not self.note.strip():
            raise ValueError("a second reader who differs says in what")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision as it was recorded."""

    decision: Decision
    by: str
    at_utc: datetime
    entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFirst:
    """A reading as it was recorded. ``blind`` is false where its reader had seen the result."""

    reading: OwnReading
    by: str
    at_utc: datetime
    entry: int
    blind: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondRead:
    """A second reading as it was recorded."""

    reading: SecondReading
    by: str
    at_utc: datetime
    entry: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where a reader and the AI differ by more than the site's setting."""

    of: FindingKey
    by: str
    ai: float | None  # in ``unit``; None where the AI has no value
    own: float
    unit: str
