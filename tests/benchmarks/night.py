"""What a whole night costs beside its slides, and whether its memory stays flat.

    scripts/bench night [--slides 3000] [--workers 2] [--rows 0] [--side 192] [--damaged 0.01]

Small painted slides, each of its own, in a watched folder; `pathology nightly run` as a process of
its own with the shipped settings, on a local cluster. ``--rows`` items are in the ledger already,
done three days ago, and every case of theirs has its draft. Printed as the night goes on: memory
of the night's process and of the foreman (scheduler and nannies). At the end, for each slide
between the first tenth and the last: processor time of either, and the time of workers that is in
no stage of a slide.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from pathology.exchange.documents import write_json
from pathology.ledger.open import OpenLedger
from pathology.nightly.drafts_due import DraftsDue
from pathology.nightly.drafts_planned import draft_place
from pathology.nightly.options import load_night_settings
from pathology.pipeline.draft import CASES
from pathology.pipeline.drafting import SCHEMA, STORY
from pathology.records.drafting import DraftStory, DraftTry
from pathology.records.work import Outcome
from tests.ledgers import OPERATOR, order
from tests.night_site import NightSite, made_site, paint_slide

MIB = 1024**2
PEOPLE = "night, foreman"
MINUTE = timedelta(minutes=1)
EARLIER = "2026-01-01T00:00:00+00:00"
FOLDERS = {"folders": '[{ folder = ".*", analysis = "ki67", marker = "ki67" }]'}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slides", type=int, default=3000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rows", type=int, default=0, help="in the ledger already")
    parser.add_argument("--side", type=int, default=192, help="of a slide, px at 0.5 µm/px")
    parser.add_argument("--damaged", type=float, default=0.01, help="share of the slides")
    parser.add_argument("--folder", type=Path, help="on the disk that is to be measured")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        site = made_site(Path(name), {**FOLDERS, "reserve_gib": "1"})
        paint(site, given)
        fill(site, given.rows)
        watched(site, given)


def paint(site: NightSite, given: argparse.Namespace) -> None:
    """Slides, a share of them cut short so that no reader opens them."""
    spoilt = round(given.slides * given.damaged)
    for number in range(given.slides):
        path = paint_slide(site.scans / f"{number:05}.tif", number, (given.side, given.side))
        if number * spoilt // given.slides != (number + 1) * spoilt // given.slides:
            path.write_bytes(path.read_bytes()[:200])
    print(f"{given.slides:,} slides of {given.side} px, {spoilt} of them cut short", flush=True)


def fill(site: NightSite, rows: int) -> None:
    """Earlier nights' items, each claimed and done as a night does it."""
    began = time.perf_counter()
    then = datetime.now(UTC) - timedelta(days=3)
    with site.ledger() as ledger:
        for first in range(0, rows, 1000):
            orders = [order(n) for n in range(first, min(rows, first + 1000))]
            for number in ledger.work.enrol(orders, OPERATOR, then).new:
                lease = ledger.work.claim(number, "elsewhere", then, MINUTE)
                assert lease
                assert ledger.work.finish(lease, done_before(number), then + MINUTE, None)
        drafted = draft(site, ledger)
    if rows:
        took_s = time.perf_counter() - began
        print(f"{rows:,} rows, {drafted:,} drafts before, made in {took_s:.0f} s", flush=True)


def draft(site: NightSite, ledger: OpenLedger) -> int:
    """Earlier nights left a story of its draft beside each complete case; how many."""
    place = draft_place(load_night_settings(site.settings), site.out, datetime.now(UTC))
    due = DraftsDue(ledger.work, place).look().due
    for ask in due:
        one = DraftTry(began_utc=EARLIER, ended_utc=EARLIER)
        story = DraftStory(
            case_id=ask.case_id,
            key=ask.key,
            state="done",
            report="report-v1.json",
            outcome="template-only",
            tries=(one,),
        )
        folder = site.out / CASES / ask.case_id
        folder.mkdir(parents=True)
        write_json(folder / STORY, {"schema": SCHEMA, **asdict(story)}, "drafting-1")
    return len(due)


def done_before(number: int) -> Outcome:
    name, key = f"P{number:016x}", f"{number:064x}"
    return Outcome(
        kind="done",
        slide_id=name,
        digest=key,
        result_id=f"{name}/ki67-{key[:8]}",
        result_key=key,
        result_folder=f"{name}/ki67-{key[:8]}",
        stage_s={"survey": 0.05, "tiles": 0.1, "write": 0.5},
        tissue_mm2=0.004,
        drift={"out_of_focus_share": 0.01, "nucleus_diameter_um": 8.0},
    )


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Processor seconds so far, and when."""

    at: float
    ended: int
    staged_s: float  # of all stages of all slides that ended
    processor: dict[str, float]


def watched(site: NightSite, given: argparse.Namespace) -> None:
    """Run the night, telling as it goes."""
    began = time.perf_counter()
    night = psutil.Popen(
        site.words(
            *("run", "--now", "--json", "--out", str(site.out), "--workers", str(given.workers))
        ),
        env=site.environment,
        stdout=(site.folder / "told").open("w"),
    )
    tell_at, tenth = max(1, given.slides // 12), max(1, given.slides // 10)
    first = last = None
    print(f"| slides | s | MiB: {PEOPLE} | processor ms a slide: {PEOPLE}, workers |", flush=True)
    print("|---|---|---|---|", flush=True)
    for ended, staged_s in progress(site, night):
        if first is None and ended >= tenth:
            first = Moment(
                at=time.perf_counter(), ended=ended, staged_s=staged_s, processor=spent(night)
            )
        if ended % tell_at == 0 or ended == given.slides:
            memory = ", ".join(f"{m.memory_info().rss / MIB:.0f}" for m in family(night).values())
            since = ""
            if first is not None and ended > first.ended:
                now = spent(night)
                each = (1000 * (now[w] - first.processor[w]) / (ended - first.ended) for w in now)
                since = ", ".join(f"{ms:.0f}" for ms in each)
            print(
                f"| {ended:,} | {time.perf_counter() - began:.0f} | {memory} | {since} |",
                flush=True,
            )
        if ended >= given.slides * 99 // 100 and last is None:  # before workers run out of work
            last = Moment(
                at=time.perf_counter(), ended=ended, staged_s=staged_s, processor=spent(night)
            )
    code = night.wait()
    print(f"exit code {code} after {time.perf_counter() - began:.0f} s")
    if first is not None and last is not None:
        told(first, last, given.workers)
    summary = site.summary
    failed = sorted(one["reason_code"] for one in summary["failed"])
    print(f"done {summary['done']}, failed {len(failed)} ({', '.join(sorted(set(failed)))})")
    print(f"the desk's own work: {1000 * summary['overhead_s'] / given.slides:.1f} ms a slide")


def progress(site: NightSite, night: psutil.Popen) -> Iterator[tuple[int, float]]:
    """How many slides have ended, and the seconds of their stages, after each of them."""
    path, ended, staged_s, over = site.out / "nights" / "night.jsonl", 0, 0.0, False
    while not path.exists() and night.poll() is None:
        time.sleep(0.2)
    with path.open(encoding="utf-8") as lines:
        while not over:
            over = night.poll() is not None  # then what is left is read, and no more
            for line in lines:
                entry = json.loads(line)
                if entry["event"] == "entered":
                    ended, staged_s = ended + 1, staged_s + entry["seconds"]
                    yield ended, staged_s
            time.sleep(0.2)


def family(night: psutil.Process) -> dict[str, psutil.Process]:
    """The night's process, the foreman, and the workers, by name."""
    (foreman,) = [c for c in night.children() if "pathology.pipeline.foreman" in c.cmdline()]
    return {"night": night, "foreman": foreman}


def spent(night: psutil.Process) -> dict[str, float]:
    """Processor seconds so far of each, the workers' together."""
    people = family(night)
    told = {who: sum(one.cpu_times()[:2]) for who, one in people.items()}
    workers = 0.0
    for child in people["foreman"].children():
        with suppress(psutil.NoSuchProcess):
            workers += sum(child.cpu_times()[:2])
    return {**told, "workers": workers}


def told(first: Moment, last: Moment, workers: int) -> None:
    slides, wall_s = last.ended - first.ended, last.at - first.at
    print(f"{slides:,} slides in {wall_s:.0f} s: {slides / wall_s:.3f} a second")
    for who in first.processor:
        ms = 1000 * (last.processor[who] - first.processor[who]) / slides
        print(f"processor, {who}: {ms:.1f} ms a slide")
    between = workers * wall_s - (last.staged_s - first.staged_s)
    print(f"time of workers in no stage of a slide: {1000 * between / slides:.0f} ms a slide")


if __name__ == "__main__":
    main()
