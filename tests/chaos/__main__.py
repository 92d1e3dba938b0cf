"""Whole nights with every fault that is to be survived: ``scripts/chaos``.

    scripts/chaos [--nights 3] [--seed N] [--only WORDS] [--json]

Each night is `pathology nightly run` as a process of its own on painted slides; what is done to it
is really done (kill -9, a full disk, a database that crashes). After each: no finished result lost
or doubled, no slide without a row, the exit code true, the audit chain whole, no process left.
Stages are drawn by chance; the same ``--seed`` draws the same. Exit code 1 where any was wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tests.chaos.checks import faults_of, processes_of
from tests.chaos.faults import FAULTS, Fault, Trial
from tests.postgres import PostgresServer, programs, quick_folder


@dataclass(frozen=True, kw_only=True)
class Told:
    """What became of one night."""

    fault: str
    drawn: tuple[str, ...]
    seconds: float
    wrong: tuple[str, ...]
    left_out: str = ""  # why it was not done here


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=1, help="of each fault")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("--only", default="", help="faults whose name holds these words")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(words)
    if not any(given.only in fault.name for fault in FAULTS):
        parser.error(f"--only: no fault is called {given.only!r}")
    told: list[Told] = []
    if not given.json:
        print(f"seed {given.seed}\n\n| fault | stage | s | result |\n|---|---|---|---|", flush=True)
    with server_if_any() as server:
        for fault in (f for f in FAULTS if given.only in f.name):
            for number in range(given.nights):
                one = night_with(fault, drawing(f"{given.seed}{fault.name}{number}"), server)
                told.append(one)
                if not given.json:
                    print(line(one), flush=True)
    if given.json:
        print(json.dumps({"seed": given.seed, "nights": [asdict(one) for one in told]}))
    return 1 if any(one.wrong for one in told) else 0


def drawing(seed: str) -> random.Random:
    """Chance that can be had again."""
    return random.Random(seed)  # noqa: S311 -- draws stages, hides nothing


def night_with(fault: Fault, chance: random.Random, server: PostgresServer | None) -> Told:
    """One fault done to one night, and what was wrong afterwards."""
    if lacking := lacks(fault, server):
        return Told(fault=fault.name, drawn=(), seconds=0, wrong=(), left_out=lacking)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        trial = Trial(folder=Path(name), chance=chance, server=server, slides=fault.slides)
        with trial.after:
            try:
                code = fault.do(trial)
                wrong = faults_of(trial.site, code, trial.expected)
            except AssertionError as problem:
                wrong = [str(problem)]
            finally:
                end_all(str(trial.folder / "state"))
    seconds = round(time.monotonic() - began, 1)
    return Told(fault=fault.name, drawn=tuple(trial.did), seconds=seconds, wrong=tuple(wrong))


def lacks(fault: Fault, server: PostgresServer | None) -> str:
    """What this machine lacks for a fault."""
    if fault.needs == "root" and os.geteuid() != 0:
        return "only root may mount a small disk"
    if fault.needs == "postgresql" and server is None:
        return "no PostgreSQL server: apt-get install postgresql"
    if fault.needs == "cc" and shutil.which("cc") is None:
        return "no C compiler for a clock that can be set: apt-get install gcc libc6-dev"
    return ""


def end_all(mark: str) -> None:
    """End what a failed trial left."""
    for process in processes_of(mark):
        with suppress(psutil.NoSuchProcess):
            process.kill()


@contextmanager
def server_if_any() -> Iterator[PostgresServer | None]:
    """A PostgreSQL server, where one is installed."""
    where = programs()
    if where is None:
        yield None
        return
    with quick_folder() as folder, ExitStack() as stack:
        server = PostgresServer(where, folder)
        stack.callback(server.stop)
        yield server


def line(told: Told) -> str:
    """A row of the table."""
    result = (
        f"left out: {told.left_out}"
        if told.left_out
        else " ".join("; ".join(told.wrong).split()) or "good"
    )
    return f"| {told.fault} | {', '.join(told.drawn)} | {told.seconds:.0f} | {result} |"


if __name__ == "__main__":
    sys.exit(main())
