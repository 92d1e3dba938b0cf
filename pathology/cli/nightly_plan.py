"""``pathology nightly plan``: what tonight will do, and ``--what-if`` for other machines."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from pathology.cli.messages import say, speak
from pathology.cli.nightly_told import told_plan, told_what_if, what_if_json
from pathology.errors import UsageError
from pathology.nightly.capacity import needed, throughput
from pathology.nightly.clock import NightClock
from pathology.nightly.drafts_planned import with_drafts
from pathology.nightly.foresight import plan_tonight
from pathology.nightly.options import NightSettings, load_night_settings
from pathology.nightly.plan_document import plan_document
from pathology.nightly.site_sources import SiteSources, has_sources
from pathology.pipeline.ledger_open import opened_ledger
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
    told = plan_tonight(
        settings, ledger.work, datetime.now(UTC), workers=given.workers, out=given.out
    )
    out = given.out or settings.nightly.operating.out
    told = with_drafts(told, settings, ledger.work, Path(out) if out else None)
    if given.json:
        print(json.dumps(plan_document(told), ensure_ascii=False, allow_nan=False))
    else:
        print(told_plan(told, speak(), ZoneInfo(settings.nightly.window.zone)))


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
