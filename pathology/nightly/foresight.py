"""What slides are expected to take here: for the plan before the night, and the night itself."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import get_args

from pathology.nightly.capacity import expected_of, site_areas, site_costs
from pathology.nightly.options import NightSettings
from pathology.nightly.places import GIB
from pathology.nightly.plan import plan
from pathology.nightly.settings import policy_of
from pathology.nightly.summarise import analysis_of
from pathology.nightly.window import window_at
from pathology.pipeline.cluster import cores
from pathology.pipeline.workers import workers_for
from pathology.records.capacity import AreaSpread, Capacity, Plan, WorkerCost
from pathology.records.ledger import WorkLedger
from pathology.records.night import Expected, Window
from pathology.records.result import Analysis
from pathology.records.settings.nightly import StorageSettings
from pathology.records.work import WorkItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """Costs and areas, learned from the site's own past where it has one."""

    capacity: Capacity
    costs: Mapping[Analysis, WorkerCost]
    areas: Mapping[tuple[str | None, Analysis], AreaSpread]
    storage: StorageSettings

    def expected(self, item: WorkItem) -> Expected:
        """What a slide is expected to take."""
        return expected_of([item], self.costs, self.areas, self.storage)[item.item_id]

    @property
    def sources(self) -> dict[str, str]:
        """Where the numbers come from."""
        return {name: cost.source for name, cost in self.costs.items()}


def foresight(
    settings: NightSettings, work: WorkLedger, now_utc: datetime, workers: int
) -> Foresight:
    """Read the site's past and what was measured.

    Cards are not reckoned with: nobody measured them here, and a site's own past soon tells.

    Raises
    ------
    LedgerAway
        Try again.
    """
    costs = settings.costs
    past = work.attempts_since(now_utc - timedelta(days=costs.learn_days))
    analyses = {
        attempt.item_id: analysis
        for attempt in past
        if attempt.outcome and (analysis := analysis_of(attempt.outcome)) is not None
    }
    capacity = Capacity(workers=workers, cores=cores())
    return Foresight(
        capacity=capacity,
        costs=site_costs(costs, capacity, past, analyses),
        areas=site_areas(costs, past, analyses),
        storage=settings.nightly.storage,
    )


def plan_of(
    settings: NightSettings, seen: Foresight, work: WorkLedger, window: Window, free_gib: float
) -> Plan:
    """The plan of a window over what the ledger has waiting."""
    items = work.items(("waiting", "leased"))
    return plan(
        items,
        window.begins_utc,
        policy_of(settings.nightly, window, workers=seen.capacity.workers),
        seen.capacity,
        {item.item_id: seen.expected(item) for item in items},
        seen.sources,
        free_gib=free_gib,
    )


def plan_tonight(
    settings: NightSettings,
    work: WorkLedger,
    now_utc: datetime,
    *,
    workers: int | None = None,
    out: Path | None = None,
) -> Plan:
    """The plan of the window that is open or comes next, from now on; None: as the settings say.

    Raises
    ------
    LedgerAway
        Try again.
    """
    operating, window = settings.nightly.operating, window_at(now_utc, settings.nightly.window)
    if window.holds(now_utc):
        window = replace(window, begins_utc=now_utc)
    every = frozenset(get_args(Analysis))
    hands = workers or operating.workers or workers_for(settings.run, every, "auto")
    place = out or operating.out
    free_gib = _free_gib(Path(place)) if place else float("inf")
    return plan_of(settings, foresight(settings, work, now_utc, hands), work, window, free_gib)


def _free_gib(out: Path) -> float:
    """Free space where results will go; the folder itself may be yet to be made."""
    there = next(p for p in (out.absolute(), *out.absolute().parents) if p.exists())
    return shutil.disk_usage(there).free / GIB
