"""``pathology nightly plan``: what tonight will do, and ``--what-if`` for other machines."""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, get_args
from zoneinfo import ZoneInfo

from pathology.cli.messages import say, speak
from pathology.cli.nightly_told import plan_json, told_plan, told_what_if, what_if_json
from pathology.errors import UsageError
from pathology.nightly.capacity import needed, throughput
from pathology.nightly.clock import NightClock
from pathology.nightly.drafts_planned import with_drafts
from pathology.nightly.foresight import foresight, plan_of
from pathology.nightly.options import NightSettings, load_night_settings
from pathology.nightly.places import GIB
from pathology.nightly.site_sources import SiteSources, has_sources
from pathology.nightly.window import window_at
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.workers import workers_for
from pathology.records.actor import Actor
from pathology.records.capacity import Capacity, Needed, Question, Throughput
from pathology.records.ledger import Ledger
from pathology.records.result import Analysis

HALF: Final[Mapping[Analysis, float]] = MappingProxyType({"ki67": 0.5, "infiltration": 0.5})


def call(given: argparse.Namespace) -> int:
    """0, whatever the plan says; 2 wrong usage."""
    settings = load_night_settings(given.settings)
    if given.what_if:
        _what_if(given, settings)
        return 0
    with opened_ledger(settings.run.ledger) as (ledger, actor):
        ledger.accounts.require(actor, "plan-night")
        if given.look:
            _look(settings, ledger, actor)
        _plan(given, settings, ledger)
    return 0


def _plan(given: argparse.Namespace, settings: NightSettings, ledger: Ledger) -> None:
    now, nightly = datetime.now(UTC), settings.nightly
    analyses = frozenset(get_args(Analysis))
    workers = (
        given.workers or nightly.operating.workers or workers_for(settings.run, analyses, "auto")
    )
    window = window_at(now, nightly.window)
    if window.holds(now):
        window = replace(window, begins_utc=now)
    seen = foresight(settings, ledger.work, now, workers)
    out = given.out or nightly.operating.out
    free = _free_gib(Path(out)) if out else float("inf")
    told = plan_of(settings, seen, ledger.work, window, free)
    told = with_drafts(told, settings, ledger.work, Path(out) if out else None)
    if given.json:
        print(json.dumps(plan_json(told), ensure_ascii=False, allow_nan=False))
    else:
        print(told_plan(told, speak(), ZoneInfo(nightly.window.zone)))


def _free_gib(out: Path) -> float:
    """Free space where results will go; the folder itself may be yet to be made."""
    there = next(p for p in (out.absolute(), *out.absolute().parents) if p.exists())
    return shutil.disk_usage(there).free / GIB


def _look(settings: NightSettings, ledger: Ledger, actor: Actor) -> None:
    """Take in what the sources have, as the night would, until nothing there grows."""
    if not has_sources(settings):
        raise UsageError("[sources] of nightly.toml names no folder and no manifest")
    clock, rules = NightClock(), settings.nightly.watch
    sources = SiteSources(settings=settings, work=ledger.work, clock=clock)
    for _ in range(rules.least_looks + round(rules.still_s / rules.look_every_s) + 1):
        arrived = sources.look()
        if arrived.orders:
            ledger.work.enrol(arrived.orders, actor, clock.now())
        arrived.enrolled()
        time.sleep(rules.look_every_s)
    if arrived.counts.get("growing"):
        print(say("night-growing", number=arrived.counts["growing"]))


def _what_if(given: argparse.Namespace, settings: NightSettings) -> None:
    try:
        question = Question(hours=given.hours, mm2_a_slide=given.mm2, mix=HALF)
        capacity = Capacity(
            workers=given.workers or given.cores,
            cores=given.cores,
            cards=given.cards,
            gpu_s_per_mm2=given.gpu_s_per_mm2,
            storage_mb_s=given.storage_mb_s,
        )
        answers: list[Throughput | Needed] = [
            throughput(question, capacity, settings.costs),
            needed(
                given.slides,
                question,
                settings.costs,
                settings.nightly.storage,
                worker_gib=settings.run.site.running.worker_gib,
                gpu_s_per_mm2=given.gpu_s_per_mm2,
            ),
        ]
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    if given.json:
        print(json.dumps(what_if_json(answers), ensure_ascii=False, allow_nan=False))
    else:
        print(told_what_if(answers, speak()))
