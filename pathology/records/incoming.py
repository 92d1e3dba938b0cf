"""Orders as they come in: what was understood, and what was not, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from pathology.records.intake_reasons import INTAKE_REASONS
from pathology.records.manifest import ManifestRow, Priority
from pathology.records.reasons import Language
from pathology.records.result import Analysis
from pathology.records.stain import StainKind
from pathology.records.work import Claim, SlideIdentity, WorkOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingOrder:
    """One analysis of one slide as the LIS orders it. It names no file."""

    source: Literal["hl7", "fhir"]
    place: int  # of the order in its file, from 1
    control: Literal["new", "cancel"]
    identity: SlideIdentity = field(repr=False)
    analysis: Analysis
    marker: str | None = None
    priority: Priority = "routine"
    deadline_utc: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeProblem:
    """What could not be taken: a file (``place`` 0), or the row or order at ``place``.

    ``code`` is a key of ``records.intake_reasons``. Facts hold no identity and no file name.
    """

    place: int
    code: str
    facts: Mapping[str, object] = field(default_factory=dict)

    def text(self, language: Language = "en") -> str:
        """Problem and remedy in a person's language."""
        reason = INTAKE_REASONS[self.code]
        wording = reason.zh if language == "zh" else reason.en
        stop = "。" if language == "zh" else ". "
        told = f"{wording.problem}{stop}{wording.remedy}".format_map(self.facts)
        return told if self.place == 0 else f"{self.place}: {told}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersRead:
    """What one message file came to."""

    orders: tuple[IncomingOrder, ...] = ()
    problems: tuple[IntakeProblem, ...] = ()
    not_ours: Mapping[str, int] = field(default_factory=dict)  # order codes without an analysis
    unfinished: bool = False  # cut short: the sender may still be writing


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRead:
    """A manifest as a night reads it: the rows that are right, and each one that is not."""

    rows: tuple[ManifestRow, ...] = ()
    problems: tuple[IntakeProblem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSlide:
    """A slide that has stopped growing, with what its name and its label say."""

    path: Path = field(repr=False)
    said: tuple[Claim, ...] = ()
    folder: str = field(default="", repr=False)  # of it, within the watched one; "/" between parts
    stain: StainKind | None = None  # None: not looked at
    watched: bool = True  # False: named by a manifest only


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Slides and orders brought together; nothing is in two places."""

    work: tuple[WorkOrder, ...] = ()  # to be enrolled, the held ones too
    waiting: tuple[IncomingOrder, ...] = ()  # no slide has come for them
    absent: tuple[ManifestRow, ...] = ()  # their slide is not there
    unasked: tuple[FoundSlide, ...] = ()  # no order and no rule says what to do with them


class NotUnderstood(Exception):
    """Raised while one order is read; its problem is reported, and the rest goes on."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code, facts)
        self.code, self.facts = code, facts

    def at(self, place: int) -> IntakeProblem:
        """As a problem of the order at this place."""
        return IntakeProblem(place=place, code=self.code, facts=self.facts)
