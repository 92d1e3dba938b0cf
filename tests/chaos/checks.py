"""What must be true after every night, whatever happened in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from pathology.exchange.summary_csv import read_summary
from pathology.ledger.open import OpenLedger
from pathology.records.work import WorkItem
from tests.night_site import NightSite

WHOLE: Final = frozenset(
    ["findings.json", "run.json", "cells.parquet", "regions.geojson", "maps.zarr", "overlay.png"]
)
OVER: Final = ("done", "failed", "set-aside", "stopped")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a night must come to."""

    slides: int
    failed: int = 0  # damaged ones
    kept: dict[Path, int] | None = None  # results that were whole before, by inode


def faults_of(site: NightSite, code: int, expected: Expected) -> list[str]:
    """Everything that is not as it must be; nothing when the night lost and doubled nothing."""
    with site.ledger() as ledger:
        items = ledger.work.items()
        found = [
            *_rows(site, items, expected),
            *_results(site, ledger, items, expected),
            *_attempts(ledger, items),
            *_code(code, items),
            *(f"audit chain: {fault}" for fault in ledger.audit.verify().faults),
        ]
    return [*found, *_folders(site, expected), *_processes(site)]


def _rows(site: NightSite, items: list[WorkItem], expected: Expected) -> Iterator[str]:
    slides = Counter(path for path in site.scans.iterdir() if path.is_file())
    rows = Counter(item.order.path for item in items)
    if slides != rows:
        yield f"slides without one row: {len((slides - rows) | (rows - slides))}"
    states = Counter(item.state for item in items)
    if states != Counter(done=expected.slides - expected.failed, failed=expected.failed):
        yield f"states: {dict(states)}"


def _results(
    site: NightSite, ledger: OpenLedger, items: list[WorkItem], expected: Expected
) -> Iterator[str]:
    """Each result that is told lies there whole, and each that lies there is told once."""
    told = Counter(
        site.out / (item.last.result_folder or "-")
        for item in items
        if item.state == "done" and item.last is not None
    )
    if told != Counter(site.results):
        yield f"results told {sum(told.values())}, results there {len(site.results)}"
    for folder in site.results:
        if missing := WHOLE - {path.name for path in folder.iterdir()}:
            yield f"a result lacks {sorted(missing)}"
    for item in items:
        key = item.last.result_key if item.last is not None else None
        if item.state == "done" and (key is None or ledger.work.result_of(key) is None):
            yield f"item {item.item_id} is done and its result is not registered"
    again = [p for p, inode in (expected.kept or {}).items() if p.stat().st_ino != inode]
    if again:
        yield f"{len(again)} finished results were made again"


def _attempts(ledger: OpenLedger, items: list[WorkItem]) -> Iterator[str]:
    for item in items:
        kinds = Counter(a.outcome.kind for a in ledger.work.attempts(item.item_id) if a.outcome)
        if kinds["done"] > 1:
            yield f"item {item.item_id} was done {kinds['done']} times"


def _code(code: int, items: list[WorkItem]) -> Iterator[str]:
    true = 0 if all(item.state == "done" for item in items) else 1
    if code != true:
        yield f"exit code {code}, not {true}"


def _folders(site: NightSite, expected: Expected) -> Iterator[str]:
    if (summary := site.out / "summary.csv").exists():
        rows = Counter(row.slide_id for row in read_summary(summary))
        if len(rows) != expected.slides or max(rows.values()) > 1:
            yield f"summary.csv has {sum(rows.values())} rows of {len(rows)} slides"


def _processes(site: NightSite) -> Iterator[str]:
    """A night's processes have its state in their environment."""
    left = processes_of(str(site.state))
    if psutil.wait_procs(left, timeout=10)[1]:
        yield f"{len(left)} processes outlive the night"


def processes_of(state: str) -> list[psutil.Process]:
    """Those that run, and have this folder of state in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("XDG_STATE_HOME") == state:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found
