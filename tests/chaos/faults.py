"""Every fault that a night must survive, each really done to a night of its own.

A fault is a function of a ``Trial``; it does its harm and returns the last night's exit code.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

import psutil

from pathology.records.work import WorkOrder
from tests.chaos.checks import Expected
from tests.chaos.tonight import (
    STAGES,
    STAGES_OF_NIGHT,
    Stop,
    Tonight,
    fill_up,
    small_disk,
    stop_words,
    with_stops,
)
from tests.ledgers import OPERATOR
from tests.night_site import QUICK, NightSite, made_site, paint_slide
from tests.postgres import PostgresServer
from tests.tiny_models import install_tiny

CLOCK: Final = Path(__file__).parent / "clock.c"
BEFORE_RENAME: Final = "between write and rename"
Settings = Mapping[str, str]
NOTHING: Final[Settings] = MappingProxyType({})


@dataclass(slots=True, kw_only=True)
class Trial:
    """One fault's place: a site of its own, chance, and what was expected of it."""

    folder: Path
    chance: random.Random
    server: PostgresServer | None
    slides: int = 4
    expected: Expected = field(init=False)
    did: list[str] = field(default_factory=list)  # what was drawn, for the table
    site: NightSite = field(init=False)
    after: ExitStack = field(default_factory=ExitStack)  # closed when all was looked at
    _nights: int = 0

    def make(
        self,
        nightly: Settings = NOTHING,
        ledger: Settings = NOTHING,
        own: Settings = NOTHING,
        failed: int = 0,
    ) -> None:
        """A hospital with slides, some of them ``failed`` from the start."""
        self.site = made_site(self.folder, {**QUICK, **nightly}, ledger, own)
        for number in range(self.slides):
            path = paint_slide(self.site.scans / f"{number:04}.tif", self.chance.randrange(10**6))
            if number < failed:
                spoil(path, number)
        self.expected = Expected(slides=self.slides, failed=failed)

    def on_server(self) -> dict[str, str]:
        """Settings of a ledger in a fresh database of the server."""
        assert self.server is not None
        url = self.server.url(self.server.new_database())
        return {"url": f'"{url}"', "passfile": f'"{self.server.passfile}"'}

    def begin(self, stop: Stop | None = None, *words: str, workers: int = 1) -> Tonight:
        """Start a night; with ``stop`` a process of it stops there, at one of its first slides."""
        if stop is not None:
            nth = self.chance.randint(1, 2) if stop.who == "worker" else 1
            more = stop_words(stop, nth, self.folder)
            self.site = replace(self.site, more={**self.site.more, **more})
        self._nights += 1
        said = self.folder / f"said-{self._nights}"
        command = ["run", "--now", "--workers", str(workers), "--out", str(self.site.out), *words]
        with said.open("wb") as file:
            process = subprocess.Popen(
                self.site.words(*command),
                env=self.site.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        return Tonight(self.site, process, said)

    def drawn_stage(self, stages: Mapping[str, Stop] = STAGES) -> Stop:
        """A stage by chance."""
        name = self.chance.choice(sorted(stages))
        self.did.append(name)
        return stages[name]

    def remember(self) -> None:
        """What is whole now must still be the same folder at the end."""
        kept = {path: path.stat().st_ino for path in self.site.results}
        self.expected = replace(self.expected, kept=kept)


def spoil(path: Path, number: int) -> None:
    """Damage as it comes: cut short, empty, text, or a header with noise after it."""
    data = path.read_bytes()
    kinds = (data[:200], b"", b"no slide at all" * 9, data[:8] + os.urandom(len(data)))
    path.write_bytes(kinds[number % len(kinds)])


def killed(trial: Trial, whom: str, stop: Stop) -> int:
    """kill -9 while a process stands at some stage; a killed run is started again."""
    trial.make()
    night = trial.begin(stop)
    stopped = night.stopped()
    trial.remember()
    night.kill(whom, stopped)
    if whom in ("run", "power"):
        night = trial.begin()
    return night.end()


def worker_killed(trial: Trial) -> int:
    return killed(trial, "worker", trial.drawn_stage())


def scheduler_killed(trial: Trial) -> int:
    return killed(trial, "scheduler", trial.drawn_stage())


def run_killed(trial: Trial) -> int:
    return killed(trial, "run", trial.drawn_stage({**STAGES, **STAGES_OF_NIGHT}))


def power_cut(trial: Trial) -> int:
    """Everything dies at once, a result written and not yet renamed."""
    return killed(trial, "power", STAGES[BEFORE_RENAME])


def worker_hangs(trial: Trial) -> int:
    """It stays stopped; its time limit finds it."""
    trial.make(own={"slide_limit_s": "15"})
    night = trial.begin(trial.drawn_stage())
    night.stopped()
    return night.end()


def slide_replaced(trial: Trial) -> int:
    """Another file takes the slide's place while a worker writes about it."""
    trial.make()
    night = trial.begin(STAGES["writing regions"])
    stopped = night.stopped()
    held = psutil.Process(stopped).open_files()
    [slide] = {Path(file.path) for file in held if Path(file.path).parent == trial.site.scans}
    paint_slide(trial.folder / "new.tif", trial.chance.randrange(10**6)).replace(slide)
    os.kill(stopped, signal.SIGCONT)
    code = night.end()
    with trial.site.ledger() as ledger:
        [item] = [i for i in ledger.work.items() if i.order.path == slide]
        reasons = [a.outcome.reason_code for a in ledger.work.attempts(item.item_id) if a.outcome]
    assert reasons == ["slide-changed", None], reasons
    return code


def disk_full(trial: Trial) -> int:
    """The disk of the results takes nothing for a while."""
    trial.after.enter_context(small_disk(trial.folder / "out", 48))
    trial.make({"result_mib_per_mm2": "0.001"})  # else the night sees at once that it is small
    night = trial.begin(STAGES["writing regions"])
    stopped = night.stopped()
    trial.remember()
    filler = fill_up(trial.site.out)
    os.kill(stopped, signal.SIGCONT)
    night.until(lambda: "!!" in night.said.read_text(), "the full disk is told")
    time.sleep(2)
    filler.unlink()
    return night.end()


def ledger_disk_full(trial: Trial) -> int:
    """The disk of the database takes nothing for a while."""
    trial.after.enter_context(small_disk(trial.folder / "state", 48))
    trial.make()
    night = trial.begin(STAGES[BEFORE_RENAME])
    stopped = night.stopped()
    filler = fill_up(trial.site.state)
    os.kill(stopped, signal.SIGCONT)
    night.until_told("ledger-away")
    time.sleep(2)
    filler.unlink()
    return night.end()


def database_restarted(trial: Trial) -> int:
    """PostgreSQL dies as in a crash, and is back after some seconds."""
    assert trial.server is not None
    trial.make(ledger=trial.on_server())
    night = trial.begin(trial.drawn_stage())
    stopped = night.stopped()
    trial.server.stop("immediate")
    os.kill(stopped, signal.SIGCONT)
    try:
        night.until_told("ledger-away")
        time.sleep(trial.chance.uniform(0, 3))
    finally:
        trial.server.start()
    return night.end()


def second_operator(trial: Trial) -> int:
    """On SQLite the second is told who works, and does nothing."""
    trial.make()
    night = trial.begin(trial.drawn_stage())
    stopped = night.stopped()
    said = trial.site.call("run", "--now", "--out", str(trial.site.out), code=2)
    assert "has been running the night since" in said, said
    os.kill(stopped, signal.SIGCONT)
    return night.end()


def two_operators(trial: Trial) -> int:
    """On PostgreSQL both work, and no slide is done twice."""
    trial.make({"several_operators": "true"}, trial.on_server())
    first, second = trial.begin(), trial.begin()
    codes = first.end(), second.end()
    for path in sorted((trial.site.out / "nights").glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        # Who ends first leaves what the other has at work, and says so.
        elsewhere = [one for one in told["not_begun"] if one["why"] == "elsewhere"]
        assert told["not_begun"] == elsewhere, told["not_begun"]
        assert told["exit_code"] == (1 if elsewhere else 0), told
    assert 0 in codes, codes
    return min(codes)


CLAIMS = """
import os, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tests.night_site import NightSite
with NightSite(folder=Path(sys.argv[1])).ledger() as ledger:
    for item in ledger.work.items()[:2]:
        lease = timedelta(seconds=8)
        assert ledger.work.claim(item.item_id, "elsewhere:0:0:1:1", datetime.now(UTC), lease)
os.kill(os.getpid(), 9)
"""


def owner_gone(trial: Trial) -> int:
    """Leases of a machine that is gone: nobody can ask it, so they must run out."""
    trial.make()
    paths = sorted(trial.site.scans.iterdir())
    orders = [WorkOrder(path=p, analysis="ki67", source="folder", marker="ki67") for p in paths]
    with trial.site.ledger() as ledger:
        ledger.work.enrol(orders, OPERATOR, datetime.now(UTC) - timedelta(seconds=30))
    words = [sys.executable, "-c", CLAIMS, str(trial.folder)]
    done = subprocess.run(words, env=trial.site.environment, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    return trial.begin().end()


def gpu_full(trial: Trial) -> int:
    """A painted GPU whose memory is full: batches are halved; one picture too much: tried again."""
    trial.make(own={"nuclei_ihc": '"tiny"', "folder": f'"{trial.folder / "models"}"',
                    "accept_research_weights": "true"})  # fmt: skip
    (trial.folder / "models").mkdir()
    install_tiny(trial.folder / "models")
    (tickets := trial.folder / "tickets").mkdir()
    for ticket in "12":  # the first halves the batch to one picture, the second is too much for it
        (tickets / ticket).touch()
    more = {"CHAOS_GPU": str(tickets), **with_stops()}
    trial.site = replace(trial.site, more=more)
    code = trial.begin().end()
    assert not list(tickets.iterdir()), "the GPU was never full"
    with trial.site.ledger() as ledger:
        attempts = [a for i in ledger.work.items() for a in ledger.work.attempts(i.item_id)]
    reasons = [a.outcome.reason_code for a in attempts if a.outcome and a.outcome.reason_code]
    assert reasons == ["gpu-memory"], reasons
    return code


def built_clock(folder: Path) -> Path:
    """A library that sets the wall clock of the program that loads it."""
    library = folder / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, CLOCK, "-ldl"], check=True)
    return library


def clock_set_back(trial: Trial) -> int:
    """An hour, while slides are at work and a worker is about to be replaced."""
    trial.make()
    (offset := trial.folder / "offset").write_text("0")
    library = built_clock(trial.folder)
    trial.site = replace(trial.site, more={"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(offset)})
    night = trial.begin(trial.drawn_stage())
    stopped = night.stopped()
    (later := trial.folder / "later").write_text("-3600")
    later.replace(offset)
    os.kill(stopped, signal.SIGKILL)  # the one that takes its place begins an hour before
    began = time.monotonic()
    code = night.end()
    assert time.monotonic() - began < 1800
    assert any(e.get("code") == "clock-stepped" for e in night.events()), "nobody saw it"
    return code


def damaged(trial: Trial) -> int:
    """One of a hundred is damaged, or as many as there is one of."""
    trial.make(failed=max(1, round(trial.slides / 100)))
    return trial.begin(workers=2).end()


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault by its name, and what this machine needs for it."""

    name: str
    do: Callable[[Trial], int]
    needs: str = ""  # "root", "postgresql", "cc"
    slides: int = 4
    short: bool = False  # done in every run of the tests; the others have tests of their own there


FAULTS: Final = (
    Fault(name="worker killed", do=worker_killed),
    Fault(name="scheduler killed", do=scheduler_killed),
    Fault(name="run killed and started again", do=run_killed),
    Fault(name="power cut between write and rename", do=power_cut, short=True),
    Fault(name="disk of the results full", do=disk_full, needs="root", short=True),
    Fault(name="disk of the ledger full", do=ledger_disk_full, needs="root"),
    Fault(name="database restarted", do=database_restarted, needs="postgresql", short=True),
    Fault(name="second operator, SQLite", do=second_operator),
    Fault(name="two operators, PostgreSQL", do=two_operators, needs="postgresql", short=True),
    Fault(name="lease whose owner is gone", do=owner_gone),
    Fault(name="worker hangs", do=worker_hangs),
    Fault(name="GPU out of memory", do=gpu_full),
    Fault(name="slide replaced while at work", do=slide_replaced),
    Fault(name="clock set back an hour", do=clock_set_back, needs="cc", short=True),
    Fault(name="1 % damaged slides", do=damaged, slides=100),
)
