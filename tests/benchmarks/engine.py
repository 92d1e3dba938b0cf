"""What the engine itself costs: many slides that are refused as soon as they are opened.

    scripts/bench engine [--slides 3000] [--workers 2] [--ledger]

Seconds and processor seconds a slide, by process, and the memory of client and foreman (scheduler
and nannies) in the middle and at the end: it must not grow with the number of slides.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
import time
from pathlib import Path

import psutil

from pathology.pipeline.crew import Crew
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.registering import registering
from pathology.pipeline.roster import Roster
from tests.pipeline import faults

MIB = 1024**2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slides", type=int, default=3000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ledger", action="store_true", help="tell a ledger of each slide")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_STATE_HOME"] = name
        measure(Path(name), given)


def measure(folder: Path, given: argparse.Namespace) -> None:
    own = faults.settings()
    if given.ledger:
        with opened_ledger(own.ledger):
            pass
    first = faults.job_of(faults.no_slide(folder / "0.svs"), folder / "out", own)
    jobs = [first]
    for number in range(1, given.slides):
        path = faults.no_slide(folder / f"{number}.svs")
        jobs.append(dataclasses.replace(first, order=dataclasses.replace(first.order, path=path)))
    with (
        Crew(Roster(workers=given.workers), own.site, lambda _: None) as crew,
        registering(own) as register,
    ):
        people = {"client": psutil.Process(), "foreman": faults.scheduler(crew)}
        people |= {f"worker {n}": w for n, w in enumerate(faults.workers(crew))}
        waiting, done, start, before = list(enumerate(jobs)), 0, 0.0, {}
        while done < given.slides:
            while waiting and crew.room:
                item, job = waiting.pop(0)
                crew.start(item, job)
            for end in crew.ended(1.0):
                register.tell(jobs[end.item], end)
                done += 1
                if done == given.slides // 10:  # libraries are loaded by now
                    start, before = time.monotonic(), seconds(people)
                if done in (given.slides // 10, given.slides // 2, given.slides):
                    print(f"after {done:,} slides: {memory(people)}", flush=True)
        counted = given.slides - given.slides // 10
        print(f"wall: {1000 * (time.monotonic() - start) / counted:.1f} ms a slide")
        for who, spent in seconds(people).items():
            print(f"processor, {who}: {1000 * (spent - before[who]) / counted:.1f} ms a slide")


def seconds(people: dict[str, psutil.Process]) -> dict[str, float]:
    return {who: sum(process.cpu_times()[:2]) for who, process in people.items()}


def memory(people: dict[str, psutil.Process]) -> str:
    return ", ".join(f"{who} {p.memory_info().rss / MIB:.0f} MiB" for who, p in people.items())


if __name__ == "__main__":
    main()
