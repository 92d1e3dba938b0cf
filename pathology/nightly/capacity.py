"""What slides cost on a site's machines, and what if there were others.

    core seconds of a slide   = sum over stages of  per slide + per mm² x area
    worker seconds            = core seconds / cores a worker has (at most as many as were measured)
    beside cards              = at least  GPU seconds x workers / cards  while all workers are busy

Processor time is taken to add up over workers; what they lose to each other is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, floor
from types import MappingProxyType
from typing import Final, get_args

import numpy as np

from pathology.records.capacity import (
    AreaSpread,
    Capacity,
    Limit,
    Needed,
    Question,
    Throughput,
    WorkerCost,
)
from pathology.records.night import Expected
from pathology.records.result import Analysis
from pathology.records.settings.costs import CostsSettings
from pathology.records.settings.nightly import StorageSettings
from pathology.records.work import Attempt, WorkItem

MIB_A_GIB: Final = 1024
HOUR_S: Final = 3600
GPU_SOURCE: Final = "the caller's own gpu_s_per_mm2; no GPU was measured for the shipped costs"


def core_seconds(
    costs: CostsSettings, analysis: Analysis, *, with_gpu: bool
) -> tuple[float, float]:
    """Seconds of one core for each slide, and for each mm² of its tissue."""
    left_out = "without-gpu" if with_gpu else "with-gpu"
    stages = [s for s in costs.stages if s.analysis == analysis and s.when != left_out]
    return sum(s.core_s_per_slide for s in stages), sum(s.core_s_per_mm2 for s in stages)


def shipped_cost(costs: CostsSettings, analysis: Analysis, capacity: Capacity) -> WorkerCost:
    """What one worker takes by the measured stages of ``costs``."""
    with_gpu = capacity.cards > 0
    slide, mm2 = core_seconds(costs, analysis, with_gpu=with_gpu)
    has = min(capacity.cores / capacity.workers, costs.most_cores_a_worker)
    slide, mm2 = slide / has, mm2 / has
    source = costs.source
    if with_gpu and capacity.gpu_s_per_mm2 is not None:
        mm2 = max(
            mm2 + capacity.gpu_s_per_mm2,
            capacity.gpu_s_per_mm2 * capacity.workers / capacity.cards,
        )
        source = f"{source}; {GPU_SOURCE}"
    return WorkerCost(s_per_slide=slide, s_per_mm2=mm2, low=1.0, high=1.0, source=source)


def site_costs(
    costs: CostsSettings,
    capacity: Capacity,
    attempts: Iterable[Attempt] = (),
    analysis_of: Mapping[int, Analysis] = MappingProxyType({}),
) -> dict[Analysis, WorkerCost]:
    """Costs by analysis: the site's own past where it has enough of it, else the shipped ones.

    ``attempts`` are those of the last ``learn_days`` days, ``analysis_of`` says what each item of
    theirs was; they count only as they ran, on the workers that the site had.
    """
    seen = list(attempts)
    found: dict[Analysis, WorkerCost] = {}
    analyses: tuple[Analysis, ...] = get_args(Analysis)
    for analysis in analyses:
        past = _past(seen, analysis, analysis_of)
        learned = _learned(past, costs) if len(past) >= costs.learn_least else None
        found[analysis] = learned or shipped_cost(costs, analysis, capacity)
    return found


def site_areas(
    costs: CostsSettings,
    attempts: Iterable[Attempt] = (),
    analysis_of: Mapping[int, Analysis] = MappingProxyType({}),
) -> dict[tuple[str | None, Analysis], AreaSpread]:
    """Tissue by scanner and analysis, and under None for all scanners, as far as there is a past.

    Tenth, half and nine tenths of what was read; the assumption of the settings where too little.
    """
    area = costs.area
    assumed = AreaSpread(
        low_mm2=area.low_mm2,
        typical_mm2=area.typical_mm2,
        high_mm2=area.high_mm2,
        source=area.source,
    )
    seen: dict[tuple[str | None, Analysis], list[float]] = {}
    for attempt in attempts:
        outcome, analysis = attempt.outcome, analysis_of.get(attempt.item_id)
        if outcome is None or outcome.tissue_mm2 is None or analysis is None:
            continue
        for scanner in {None, outcome.scanner}:
            seen.setdefault((scanner, analysis), []).append(outcome.tissue_mm2)
    analyses: tuple[Analysis, ...] = get_args(Analysis)
    found: dict[tuple[str | None, Analysis], AreaSpread] = {(None, a): assumed for a in analyses}
    for key, areas in seen.items():
        if len(areas) >= costs.learn_least:
            low, typical, high = (float(q) for q in np.quantile(areas, (0.1, 0.5, 0.9)))
            source = f"{len(areas)} slides of the last {costs.learn_days} days"
            found[key] = AreaSpread(low_mm2=low, typical_mm2=typical, high_mm2=high, source=source)
    return found


def expected_of(
    items: Iterable[WorkItem],
    costs: Mapping[Analysis, WorkerCost],
    areas: Mapping[tuple[str | None, Analysis], AreaSpread],
    storage: StorageSettings,
) -> dict[int, Expected]:
    """What each item is expected to take, by its number. An area read once before is known."""
    found: dict[int, Expected] = {}
    for item in items:
        cost, last = costs[item.order.analysis], item.last
        area = known_area_mm2(item)
        low = typical = high = area or 0.0
        if area is None:
            scanner = last.scanner if last else None
            key = (scanner, item.order.analysis)
            spread = areas.get(key) or areas[None, item.order.analysis]
            low, typical, high = spread.low_mm2, spread.typical_mm2, spread.high_mm2
        found[item.item_id] = Expected(
            seconds=cost.seconds(typical),
            low_s=cost.seconds(low) * cost.low,
            high_s=cost.seconds(high) * cost.high,
            gib=result_gib(typical, storage),
        )
    return found


def known_area_mm2(item: WorkItem) -> float | None:
    """Tissue of a slide that was read before, mm²."""
    return item.last.tissue_mm2 if item.last else None


def result_gib(area_mm2: float, storage: StorageSettings) -> float:
    """What a slide's result takes on disk, GiB."""
    return (storage.result_mib + storage.result_mib_per_mm2 * area_mm2) / MIB_A_GIB


def throughput(question: Question, capacity: Capacity, costs: CostsSettings) -> Throughput:
    """Slides that so many machines do in so many hours; each finished before the end."""
    slide_s = core_s = 0.0
    sources: dict[str, str] = {"stages": costs.source}
    for analysis, share in question.mix.items():
        cost = shipped_cost(costs, analysis, capacity)
        slide_s += share * cost.seconds(question.mm2_a_slide)
        per_slide, per_mm2 = core_seconds(costs, analysis, with_gpu=capacity.cards > 0)
        core_s += share * (per_slide + per_mm2 * question.mm2_a_slide)
    seconds = question.hours * HOUR_S
    has = min(capacity.cores / capacity.workers, costs.most_cores_a_worker)
    by_limit: dict[Limit, float] = {
        "processor": capacity.workers * floor(seconds / (core_s / has)) if core_s else float("inf")
    }
    if capacity.cards and capacity.gpu_s_per_mm2 is not None:
        card_s = capacity.gpu_s_per_mm2 * question.mm2_a_slide
        by_limit["gpu"] = capacity.cards * seconds / card_s
        by_limit["processor"] = capacity.workers * floor(seconds / (core_s / has + card_s))
        sources["gpu"] = GPU_SOURCE
    if capacity.storage_mb_s is not None:
        megabytes = costs.read_mb_per_mm2 * question.mm2_a_slide
        by_limit["storage"] = seconds * capacity.storage_mb_s / megabytes
    limit = min(by_limit, key=lambda name: by_limit[name])
    return Throughput(
        question=question,
        capacity=capacity,
        slides=floor(by_limit[limit]),
        by_limit=by_limit,
        limit=limit,
        slide_s=slide_s,
        sources=sources,
    )


def needed(
    slides: int,
    question: Question,
    costs: CostsSettings,
    storage: StorageSettings,
    *,
    worker_gib: float,
    gpu_s_per_mm2: float | None = None,
) -> Needed:
    """Cores, cards and storage for a number of slides in the hours of the question.

    A worker a core. Slides are not divided: each worker does a whole number of them.
    """
    with_gpu = gpu_s_per_mm2 is not None
    core_s = 0.0
    for analysis, share in question.mix.items():
        per_slide, per_mm2 = core_seconds(costs, analysis, with_gpu=with_gpu)
        core_s += share * (per_slide + per_mm2 * question.mm2_a_slide)
    seconds = question.hours * HOUR_S
    card_s = (gpu_s_per_mm2 or 0.0) * question.mm2_a_slide
    a_worker = floor(seconds / (core_s + card_s))
    if a_worker < 1:
        raise ValueError("one slide takes longer than these hours on one core")
    cores = ceil(slides / a_worker)
    cards = ceil(slides * card_s / seconds) if with_gpu else None
    megabytes = costs.read_mb_per_mm2 * question.mm2_a_slide
    gpu_source = {"gpu": GPU_SOURCE} if with_gpu else {"gpu": "not measured: no number of cards"}
    return Needed(
        question=question,
        slides=slides,
        cores=cores,
        cards=cards,
        storage_mb_s=slides * megabytes / seconds,
        memory_gib=cores * worker_gib,
        result_gib=slides * result_gib(question.mm2_a_slide, storage),
        sources={"stages": costs.source, "storage": storage.source, **gpu_source},
    )


def _past(
    attempts: Sequence[Attempt], analysis: Analysis, analysis_of: Mapping[int, Analysis]
) -> list[tuple[float, float]]:
    """(tissue in mm², seconds of all stages) of what was done."""
    return [
        (a.outcome.tissue_mm2, sum(a.outcome.stage_s.values()))
        for a in attempts
        if a.outcome is not None
        and a.outcome.kind == "done"
        and a.outcome.tissue_mm2 is not None
        and a.outcome.stage_s
        and analysis_of.get(a.item_id) == analysis
    ]


def _learned(past: Sequence[tuple[float, float]], costs: CostsSettings) -> WorkerCost | None:
    """Least squares of seconds on area; what would be negative is 0 and the other term refitted."""
    area, seconds = (np.asarray(column, float) for column in zip(*past, strict=True))
    spread = float(((area - area.mean()) ** 2).sum())
    slope = (
        float(((area - area.mean()) * (seconds - seconds.mean())).sum()) / spread if spread else 0.0
    )
    fixed = float(seconds.mean() - slope * area.mean())
    if slope < 0:
        slope, fixed = 0.0, float(seconds.mean())
    elif fixed < 0:
        slope, fixed = float((area * seconds).sum() / (area**2).sum()), 0.0
    fitted = fixed + slope * area
    if not (fitted > 0).all():
        return None
    low, high = (float(q) for q in np.quantile(seconds / fitted, (0.1, 0.9)))
    source = f"{len(past)} slides of the last {costs.learn_days} days"
    return WorkerCost(s_per_slide=fixed, s_per_mm2=slope, low=low, high=high, source=source)
