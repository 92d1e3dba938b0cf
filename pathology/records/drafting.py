"""The draft of a case as the night has it made: what is asked, what came of it, tried how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pathology.records.report import DraftOutcome
from pathology.records.settings.llm import LlmSettings

DraftState = Literal["trying", "done", "refused", "set-aside"]
"""trying: not made yet; done: a report lies there; refused: it cannot be made from these results
and this case data; set-aside: it failed too often."""

DraftTrouble = Literal["case-data", "results", "template", "output", "lost"]
"""Why a try came to nothing; lost: its process was gone."""

ENDED: tuple[DraftState, ...] = ("done", "refused", "set-aside")


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftAsk:
    """A draft that a worker is to make. Paths and settings, no results: those lie on disk.

    ``key`` is made of the results and the case data: the same key is never drafted twice.
    """

    out: Path = field(repr=False)
    case_id: str  # a pseudonym
    key: str
    results: tuple[str, ...] = field(repr=False)  # folders, relative to ``out``
    case_file: Path | None = field(default=None, repr=False)
    settings: Path | None = field(default=None, repr=False)  # the site's folder
    llm: LlmSettings = field(repr=False)
    pdf: bool = True
    attempts: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftTry:
    """One try; ``ended_utc`` is None while it goes on or where its process was lost."""

    began_utc: str  # ISO 8601
    ended_utc: str | None = None
    trouble: DraftTrouble | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftStory:
    """How far the draft of a case is, as ``drafting.json`` beside its reports tells it."""

    case_id: str
    key: str
    state: DraftState = "trying"
    report: str | None = None  # file name of the report
    outcome: DraftOutcome | None = None
    tries: tuple[DraftTry, ...] = ()
    detail: str = ""  # of what was refused untried

    @property
    def ended_utc(self) -> str | None:
        """When the newest try ended."""
        return self.tries[-1].ended_utc if self.tries else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftNamed:
    """A case without a draft, by its pseudonym, and why."""

    case_id: str
    trouble: DraftTrouble
    detail: str = ""
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftCounts:
    """The drafts of a night. Nothing here is a slide."""

    made: int = 0
    by_template: int = 0  # of these: a model was to be asked, and the template stood in
    waiting: int = 0  # complete cases whose draft is still to come
    incomplete: int = 0  # cases with slides that wait, failed or were stopped
    refused: tuple[DraftNamed, ...] = ()
    set_aside: tuple[DraftNamed, ...] = ()
