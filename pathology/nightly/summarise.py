"""From the ledger to the summary of a night: counts, reasons, stories, stages, drift."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from statistics import median
from typing import cast, get_args

from pathology.nightly.drift import Seen, drifts
from pathology.nightly.redact import redacted
from pathology.records.ledger import WorkLedger
from pathology.records.night import Decision
from pathology.records.night_summary import Drift, Named, NotBegun, NotBegunWhy, StageTime, Try
from pathology.records.reasons import REASONS
from pathology.records.result import Analysis
from pathology.records.settings.operating import DriftSettings
from pathology.records.work import Attempt, Outcome, WorkItem, WorkState

UNKNOWN = "bug"
"""Told for a reason that this version has no words for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the ledger knows of a night."""

    tonight: Sequence[Attempt] = ()
    before: Sequence[Attempt] = ()
    items: Mapping[int, WorkItem] = field(default_factory=dict)  # of tonight's attempts
    left: Sequence[WorkItem] = ()  # waiting or leased now
    stories: Mapping[int, Sequence[Attempt]] = field(default_factory=dict)  # of those set aside
    counts: Mapping[WorkState, int] = field(default_factory=dict)


def account_of(work: WorkLedger, since_utc: datetime, days: int) -> Account:
    """Read it. With ``days`` 0 nothing of earlier nights is read: quick enough to ask often.

    Raises
    ------
    LedgerAway
        Try again.
    """
    attempts = work.attempts_since(since_utc - timedelta(days=days))
    tonight = [a for a in attempts if a.ended_utc is not None and a.ended_utc >= since_utc]
    items = {item.item_id: item for item in work.items(ids=[a.item_id for a in tonight])}
    aside = [i for i in items.values() if i.state == "set-aside"]
    return Account(
        tonight=tonight,
        before=[a for a in attempts if a.ended_utc is not None and a.ended_utc < since_utc],
        items=items,
        left=work.items(("waiting", "leased")),
        stories={item.item_id: work.attempts(item.item_id) for item in aside},
        counts=work.counts(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a summary that an account tells."""

    done: int
    kept: int
    failed: tuple[Named, ...]
    set_aside: tuple[Named, ...]
    stopped: tuple[Named, ...]
    not_begun: tuple[NotBegun, ...]
    stages: tuple[StageTime, ...]
    tissue_mm2: float


def parts_of(account: Account, decision: Decision, unreachable: Iterable[int]) -> Parts:
    """Every item of the night in one of the parts."""
    by_state: dict[WorkState, list[WorkItem]] = defaultdict(list)
    for item in account.items.values():
        by_state[item.state].append(item)
    done = [a.outcome for a in account.tonight if a.outcome and a.outcome.kind == "done"]
    return Parts(
        done=len(by_state["done"]),
        kept=sum(not outcome.stage_s for outcome in done),
        failed=tuple(_named(item, account) for item in by_state["failed"]),
        set_aside=tuple(_named(item, account) for item in by_state["set-aside"]),
        stopped=tuple(_named(item, account) for item in by_state["stopped"]),
        not_begun=_not_begun(account.left, decision, set(unreachable)),
        stages=_stages(done),
        tissue_mm2=sum(outcome.tissue_mm2 or 0.0 for outcome in done if outcome.stage_s),
    )


def known_reason(outcome: Outcome | None) -> str:
    """The code of an outcome's reason, one that there are words for."""
    code = outcome.reason_code if outcome else None
    return code if code is not None and code in REASONS else UNKNOWN


def _named(item: WorkItem, account: Account) -> Named:
    last = item.last
    return Named(
        name=item.name,
        analysis=item.order.analysis,
        priority=item.order.priority,
        reason_code=known_reason(last),
        facts=redacted(last.facts if last else {}, item.order),
        attempts=item.attempts,
        story=tuple(_try(one, item) for one in account.stories.get(item.item_id, ())),
    )


def _try(attempt: Attempt, item: WorkItem) -> Try:
    outcome, ended = attempt.outcome, attempt.ended_utc
    lost = outcome is None or ended is None
    return Try(
        number=attempt.number,
        started_utc=attempt.started_utc,
        seconds=None
        if lost or ended is None
        else max(0.0, (ended - attempt.started_utc).total_seconds()),
        reason_code="night-died" if lost else known_reason(outcome),
        facts=redacted(outcome.facts if outcome else {}, item.order),
    )


def _not_begun(
    left: Sequence[WorkItem], decision: Decision, unreachable: set[int]
) -> tuple[NotBegun, ...]:
    why: dict[int, NotBegunWhy] = dict.fromkeys(decision.pausing, "pausing")
    why |= dict.fromkeys(decision.too_late, "too-late")
    why |= dict.fromkeys(decision.too_long, "too-long")
    why |= dict.fromkeys(decision.no_room, "no-room")
    why |= dict.fromkeys(unreachable, "place-away")
    return tuple(
        NotBegun(
            name=item.name,
            analysis=item.order.analysis,
            priority=item.order.priority,
            why="elsewhere" if item.state == "leased" else why.get(item.item_id, "night-ended"),
        )
        for item in left
    )


def _stages(done: Iterable[Outcome]) -> tuple[StageTime, ...]:
    """Every stage in the order in which slides pass it."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for outcome in done:
        for stage, took in outcome.stage_s.items():
            seconds[stage].append(took)
    return tuple(
        StageTime(
            stage=stage,
            slides=len(all_s),
            median_s=median(all_s),
            p95_s=sorted(all_s)[ceil(0.95 * len(all_s)) - 1],
            total_s=sum(all_s),
        )
        for stage, all_s in seconds.items()
    )


def drift_of(account: Account, settings: DriftSettings) -> tuple[Drift, ...]:
    """Tonight's drift of stain and focus by scanner."""
    return drifts(_seen(account.tonight), _seen(account.before), settings)


def _seen(attempts: Iterable[Attempt]) -> Iterable[Seen]:
    for attempt in attempts:
        outcome = attempt.outcome
        if outcome and outcome.kind == "done" and outcome.drift:
            analysis = analysis_of(outcome)
            if analysis is not None:
                yield Seen(analysis, outcome)


def analysis_of(outcome: Outcome) -> Analysis | None:
    """The analysis as a result's id has it: slide/analysis-key."""
    name = (outcome.result_id or "").rpartition("/")[2].rpartition("-")[0]
    return cast(Analysis, name) if name in get_args(Analysis) else None
