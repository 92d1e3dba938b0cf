"""Readers at the served page: ``scripts/bench readers [--readers 50] [--minutes 3] [--cases 300]``.

``pathology review serve`` as its own process, over a ledger with accounts and cases and a folder of
painted slides of 20,000 px. Every reader has an account, looks at the
worklist, opens a slide with its nuclei, and pans by half a screen every second: some six tiles, one
after the other on a connection that is kept; every half minute the worklist again, every minute
another slide. ``--minutes 30`` is the soak: the memory of the server stands beside each minute.
The readers are threads of this process and share the machine with the server.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil

from pathology.config import shipped_configs
from pathology.exchange.cells_parquet import CellsWriter
from pathology.pipeline.identity import content_digest, slide_id
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.settings import load_settings
from pathology.records.actor import Actor
from pathology.records.entrance import Entered, Visit
from tests.access import PASSWORD
from tests.benchmarks.review import NAME, SIDE, as_result, nuclei
from tests.cases_on_desk import PaintedDesk as Cases
from tests.painted_large import write_large_slide
from tests.review.conftest import free_port
from tests.review.painted_desk import paint_desk
from tests.review.sessions import COOKIE

SCREEN = (1366, 768)
SLIDES = 4
NUCLEI = 200_000
PAN_S, WORKLIST_S, SLIDE_S = 1.0, 30.0, 60.0
MIB = 1024**2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--cases", type=int, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-readers-") as name:
        folder = Path(name)
        os.environ["XDG_STATE_HOME"] = str(folder / "state")
        addresses = slides_and_results(folder)
        tokens = accounts_and_cases(given)
        print(f"{given.readers} readers, {given.cases} cases, {len(addresses)} slides", flush=True)
        served(folder, given, addresses, tokens)


def slides_and_results(folder: Path) -> list[str]:
    """Slides in ``slides``, a result of each in ``results``; where the page asks for them."""
    small = paint_desk(folder)
    (folder / "slides").mkdir()
    slides = []
    for number in range(SLIDES):
        path = write_large_slide(folder / "slides" / f"{number}.tif", SIDE, spacing_um=18 + number)
        slides.append(slide_id(path, content_digest([path])))
        where = folder / "results" / slides[-1] / NAME
        as_result(small.folder, where, slides[-1], path, SIDE, SIDE, 0.25)
        with CellsWriter(where / "cells.parquet") as writer:
            writer.add(nuclei(NUCLEI, seed=0))
    return [f"/results/{slide_id}/{NAME}" for slide_id in slides]


def accounts_and_cases(given: argparse.Namespace) -> list[str]:
    """A visit of each reader; cases on the desk that nobody has taken."""
    settings = load_settings()
    with opened_ledger(settings.ledger) as (ledger, chief):
        now = datetime.now(UTC)
        alex = Actor(name="alex", kind="person", roles=frozenset({"administrator"}))
        ledger.accounts.add(alex, chief, now)
        desk = Cases(ledger=ledger)
        for number in range(given.cases):
            desk.case = desk.book.name_of(f"case {number}")
            desk.open()
        entrance = ledger.entrance(settings.access)
        tokens = []
        for number in range(given.readers):
            name = f"reader-{number}"
            desk.person(name, "pathologist")
            first = entrance.one_time(name, alex, now)
            visit = Visit(now_utc=datetime.now(UTC), address="127.0.0.1")
            entered = entrance.change_password(name, first, PASSWORD, visit)
            assert isinstance(entered, Entered), entered
            tokens.append(entered.token)
        return tokens


@dataclass
class Took:
    """Milliseconds of every answer, by what was asked for; how often a connection was gone."""

    tile: list[float] = field(default_factory=list)
    worklist: list[float] = field(default_factory=list)
    points: list[float] = field(default_factory=list)
    again: int = 0


class Reader:
    """One person at the page, on one connection."""

    def __init__(self, port: int, token: str, addresses: list[str], seed: int) -> None:
        self._to = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {"Cookie": f"{COOKIE}={token}"}
        self._addresses, self._rng = addresses, np.random.default_rng(seed)
        self.took = Took()

    def read(self, until: float) -> None:
        """Until then (monotonic)."""
        time.sleep(self._rng.uniform(0, PAN_S))
        listed = opened = -float("inf")
        place: _Place | None = None
        while (now := time.monotonic()) < until:
            if now - listed > WORKLIST_S:
                listed = now
                self._ask("/cases/list", self.took.worklist)
            if place is None or now - opened > SLIDE_S:
                opened = now
                place = self._open(self._addresses[self._rng.integers(len(self._addresses))])
            for path in place.panned():
                self._ask(path, self.took.tile)
            time.sleep(max(0.0, now + PAN_S - time.monotonic()))
        self._to.close()

    def _open(self, address: str) -> _Place:
        levels = json.loads(self._ask(f"{address}/view"))["levels"]
        self._ask(f"{address}/points", self.took.points)
        return _Place(address, levels, self._rng)

    def _ask(self, path: str, took: list[float] | None = None) -> bytes:
        start = time.perf_counter()
        try:
            answer = self._answer(path)
        except ConnectionResetError:  # closed after seconds without a question; browsers ask again
            self._to.close()
            self.took.again += 1
            answer = self._answer(path)
        content = answer.read()
        if answer.status != 200:
            raise AssertionError(f"{answer.status} for {path}: {content[:200]!r}")
        if took is not None:
            took.append(1000 * (time.perf_counter() - start))
        return content

    def _answer(self, path: str) -> http.client.HTTPResponse:
        self._to.request("GET", path, headers=self._headers)
        return self._to.getresponse()


class _Place:
    """Where on a slide somebody looks; tiles that were seen are kept by the browser."""

    def __init__(
        self, address: str, levels: list[dict[str, int]], rng: np.random.Generator
    ) -> None:
        self._address, self._rng = address, rng
        self._number = int(rng.integers(max(1, len(levels) - 2)))
        self._level = levels[self._number]
        size = np.array([self._level["width"], self._level["height"]])
        self._at = rng.uniform(0, np.maximum(size - SCREEN, 1))
        self._size, self._had = size, set[tuple[int, int]]()

    def panned(self) -> list[str]:
        """Tiles of the screen half a screen further on, those that were not seen yet."""
        step = self._rng.uniform(-0.5, 0.5, 2) * SCREEN
        self._at = np.clip(self._at + step, 0, np.maximum(self._size - SCREEN, 0))
        tile = np.array([self._level["tile_width"], self._level["tile_height"]])
        first = (self._at // tile).astype(int)
        last = ((np.minimum(self._at + SCREEN, self._size) - 1) // tile).astype(int)
        seen = {
            (column, row)
            for column in range(first[0], last[0] + 1)
            for row in range(first[1], last[1] + 1)
        }
        new, self._had = sorted(seen - self._had), self._had | seen
        return [f"{self._address}/tiles/{self._number}/{c}/{r}" for c, r in new]


def served(
    folder: Path, given: argparse.Namespace, addresses: list[str], tokens: list[str]
) -> None:
    """Start the server, let all read, tell what it took."""
    port = free_port()
    words = [sys.executable, "-m", "pathology", "review", "serve", "--port", str(port)]
    words += ["--settings", str(without_blind_readings(folder / "settings"))]
    folders = ["--results", str(folder / "results"), "--slides", str(folder / "slides")]
    with subprocess.Popen([*words, *folders], stdout=subprocess.DEVNULL) as process:
        try:
            listens(port)
            watched(psutil.Process(process.pid), given, port, addresses, tokens)
        finally:
            process.terminate()


def without_blind_readings(folder: Path) -> Path:
    """A site's settings by which nuclei are shown at once: they are part of the load."""
    folder.mkdir()
    shipped = (shipped_configs() / "deciding.toml").read_text(encoding="utf-8")
    (told, changed) = re.subn("(?m)^blind_first = .*$", 'blind_first = "off"', shipped)
    assert changed == 1
    (folder / "deciding.toml").write_text(told, encoding="utf-8")
    return folder


def listens(port: int) -> None:
    for _ in range(600):
        with closing(socket.socket()) as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server does not listen")


def watched(
    server: psutil.Process,
    given: argparse.Namespace,
    port: int,
    addresses: list[str],
    tokens: list[str],
) -> None:
    until = time.monotonic() + 60 * given.minutes
    readers = [Reader(port, token, addresses, seed) for seed, token in enumerate(tokens)]
    crowd = ThreadPoolExecutor(len(readers))
    began, processor = time.perf_counter(), sum(server.cpu_times()[:2])
    reading = [crowd.submit(one.read, until) for one in readers]
    print("| minute | MiB of the server |\n|---|---|", flush=True)
    minute = 0
    while not all(one.done() for one in reading):
        if time.perf_counter() - began >= 60 * minute:
            print(f"| {minute} | {server.memory_info().rss / MIB:.0f} |", flush=True)
            minute += 1
        time.sleep(0.5)
    seconds = time.perf_counter() - began
    used = sum(server.cpu_times()[:2]) - processor
    for one in reading:
        one.result()  # a reader who was refused ends the measurement
    told([one.took for one in readers], seconds, used)


def told(took: list[Took], seconds: float, processor_s: float) -> None:
    print("| | answers | a second | p50, ms | p95, ms | most, ms |\n|---|---|---|---|---|---|")
    for what in ("tile", "worklist", "points"):
        ms = np.array([one for each in took for one in getattr(each, what)])
        middle, high = np.percentile(ms, (50, 95))
        print(
            f"| {what} | {len(ms):,} | {len(ms) / seconds:.1f} | {middle:.0f} | {high:.0f} | "
            f"{ms.max():.0f} |"
        )
    print(f"asked again on a new connection: {sum(each.again for each in took)}")
    print(f"the server used {processor_s / seconds:.2f} of a core; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
