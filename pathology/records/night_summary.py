"""What a night came to: the nouns of its one-page summary. No identity, no file name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal

from pathology.records.drafting import DraftCounts
from pathology.records.manifest import Priority
from pathology.records.result import Analysis
from pathology.records.work import WorkState

NightEnd = Literal["running", "all-done", "window", "hard-limit", "asked", "broken"]
"""running: not ended; all-done: nothing was left to begin; window: the night's end came;
hard-limit: what ran was ended with it; asked: somebody stopped it; broken: it could not go on."""

NotBegunWhy = Literal[
    "too-late", "too-long", "no-room", "pausing", "place-away", "elsewhere", "night-ended"
]
"""elsewhere: leased by another operator; place-away: its share or folder was not to be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt of the story that a slide set aside has."""

    number: int
    started_utc: datetime
    seconds: float | None  # None: it was lost with its process
    reason_code: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A slide by its pseudonym, with its reason; ``story`` has every attempt, oldest first."""

    name: str
    analysis: Analysis
    priority: Priority
    reason_code: str
    facts: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 0
    story: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotBegun:
    """A slide that waits for another night, and why."""

    name: str
    analysis: Analysis
    priority: Priority
    why: NotBegunWhy


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """Seconds of one stage over the slides done; quantiles by slide."""

    stage: str
    slides: int
    median_s: float
    p95_s: float
    total_s: float


DriftState = Literal["steady", "drifted", "not-enough"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One measure of one scanner and analysis: tonight against the days before.

    ``spread`` is 1.4826 times the median absolute deviation of the days before. Numbers are None
    where there are not enough slides.
    """

    scanner: str
    analysis: Analysis
    measure: str  # carries its unit
    tonight_n: int
    before_n: int
    tonight: float | None = None  # median
    before: float | None = None  # median
    spread: float | None = None
    state: DriftState = "not-enough"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that the site must know and that no single slide answers for."""

    at_utc: datetime
    code: str  # a key of nightly.words.INCIDENTS
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NightSummary:
    """One night, told on one page."""

    shift_id: int | None
    night: date | None  # None: outside any window
    zone: str
    actor: str
    began_utc: datetime
    ended_utc: datetime | None
    window_ends_utc: datetime | None
    expected_end_utc: datetime | None  # as foreseen when the night began
    end: NightEnd
    done: int
    kept: int  # of these: results that lay there whole already
    failed: tuple[Named, ...] = ()
    set_aside: tuple[Named, ...] = ()
    stopped: tuple[Named, ...] = ()  # identities disagree; the facts name fields, never values
    not_begun: tuple[NotBegun, ...] = ()
    stages: tuple[StageTime, ...] = ()
    drift: tuple[Drift, ...] = ()
    incidents: tuple[Incident, ...] = ()
    counts: Mapping[WorkState, int] = field(default_factory=dict)  # the whole ledger, now
    free_gib: float | None = None
    reserve_gib: float = 0.0
    tissue_mm2: float = 0.0
    overhead_s: float = 0.0  # of the night's own work, all slides together
    drafts: DraftCounts | None = None  # None: this night made none; no slide is counted here

    @property
    def exit_code(self) -> int:
        """0 everything done; 1 some failed or were left."""
        left = self.failed or self.set_aside or self.stopped or self.not_begun
        return 1 if left or self.end == "broken" else 0


PRIORITIES: Final[tuple[Priority, ...]] = ("stat", "asap", "urgent", "routine")
"""From most to least pressing."""
