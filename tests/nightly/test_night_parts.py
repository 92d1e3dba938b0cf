"""Clock, owners, log, metrics, redaction, units: the night's small parts."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pathology.errors import UsageError
from pathology.nightly import guard, owner
from pathology.nightly.install import UNITS, Installation, unit_texts, write_units
from pathology.nightly.journal import JsonLines, journal, tell
from pathology.nightly.lookout import Lookout
from pathology.nightly.metrics import Metrics, exposed
from pathology.nightly.options import NightOptions, NightSettings, NightWatcher, load_night_settings
from pathology.nightly.places import place_away
from pathology.nightly.redact import HIDDEN, redacted
from pathology.nightly.service import Audience, serve
from pathology.records.night_summary import NightSummary
from pathology.records.work import Claim, SlideIdentity, WorkOrder
from tests.nightly.small_night import HandClock
from tests.nightly.test_night_page import worst
from tests.pipeline import faults


def test_a_clock_set_back_goes_on_and_is_told() -> None:
    hand = HandClock()
    clock = hand.clock()
    before = clock.now()
    hand.passes(10)
    hand.set_back(3600)
    hand.passes(5)
    assert clock.now() - before == timedelta(seconds=15)
    hand.passes(5)
    assert clock.now() - before == timedelta(seconds=20)
    assert [round(step.total_seconds()) for _, step in clock.steps] == [-3600]


def test_a_clock_set_forward_is_followed() -> None:
    hand = HandClock()
    clock = hand.clock()
    before = clock.now()
    hand.set_back(-7200)
    assert clock.now() - before == timedelta(hours=2)
    hand.passes(1)
    assert clock.now() - before == timedelta(hours=2, seconds=1)
    assert [round(step.total_seconds()) for _, step in clock.steps] == [7200]


def test_an_owner_is_known_dead_only_where_that_can_be_known() -> None:
    assert not owner.died_here(owner.own_name())
    code = "from pathology.nightly.owner import own_name; print(own_name())"
    gone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    name = gone.stdout.strip()
    assert owner.died_here(name)
    machine, boot, space, pid, start = name.split(":")
    assert not owner.died_here(f"elsewhere:{boot}:{space}:{pid}:{start}")
    assert not owner.died_here(f"{machine}:{boot}:other-container:{pid}:{start}")
    assert owner.died_here(f"{machine}:another-boot:{space}:{os.getpid()}:{start}")
    assert not owner.died_here("somebody")


def test_facts_lose_what_names_a_patient_and_keep_what_helps() -> None:
    order = WorkOrder(
        path=Path("/mnt/scans/2026/Mueller_Anna S26-1234.svs"),
        analysis="ki67",
        source="folder",
        said=(Claim(source="label", identity=SlideIdentity(accession="S26-1234")),),
        identity=SlideIdentity(barcode="王小明"),
    )
    facts = {
        "a": "cannot open Mueller_Anna S26-1234.svs",
        "b": "case 1234 of ANNA",
        "c": "[Errno 5] /data/x/y.svs",
        "d": "病人王小明",
        "e": "tile 3 of level 2 is short",
        "f": "accession: hl7 ≠ label",
        "seen": "H&E",
    }
    kept = {"e", "f", "seen"}
    told = redacted(facts, order)
    assert {name for name, fact in told.items() if fact != HIDDEN} == kept
    assert {name: told[name] for name in kept} == {name: facts[name] for name in kept}


def test_the_log_is_one_object_a_line_rotated_and_closed_to_free_text(tmp_path: Path) -> None:
    with journal(tmp_path, most_mib=0.001, files=2, days=90) as path:
        for number in range(40):
            tell("begun", item=number, slide="S1", seconds=1.5)
        with pytest.raises(ValueError, match="path"):
            tell("begun", path="/scans/Mueller.svs")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "night.jsonl",
        "night.jsonl.1",
        "night.jsonl.2",
    ]
    last = json.loads(path.read_text().splitlines()[-1])
    assert (last["event"], last["item"], last["slide"], last["level"]) == (
        "begun",
        39,
        "S1",
        "info",
    )
    tell("after the night")  # nobody listens, nothing is written
    assert "after the night" not in path.read_text()


def test_logs_are_kept_as_long_as_the_site_says(tmp_path: Path) -> None:
    log = tmp_path / "night.jsonl"
    for days in (91, 89):
        then = datetime.now(UTC) - timedelta(days=days)
        (tmp_path / f"night.jsonl.{days}").write_text("{}\n")
        os.utime(tmp_path / f"night.jsonl.{days}", (then.timestamp(), then.timestamp()))
    (other := tmp_path / "night.jsonl.kept").touch()
    os.utime(other, (0, 0))
    for first, files in ((89, 1), (91, 2)):
        began = datetime.now(UTC) - timedelta(days=first)
        log.write_text(json.dumps({"time": began.isoformat(), "event": "old"}) + "\n")
        with journal(tmp_path, most_mib=1, files=9, days=90):
            tell("night-begins")
        lines = log.read_text().splitlines()
        assert len(lines) == 3 - files, "a file whose first line is too old is laid aside"
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"night.jsonl", "night.jsonl.1", "night.jsonl.89", "night.jsonl.kept"}
    log.write_text("no line of ours\n")
    with journal(tmp_path, most_mib=1, files=9, days=90):
        tell("night-begins")
    assert len(log.read_text().splitlines()) == 2, "what cannot be read is left as it is"


def test_an_exception_in_the_log_is_its_kind_and_never_its_words() -> None:
    problem = OSError("cannot open /scans/Mueller.svs")
    told = (OSError, problem, None)
    record = logging.LogRecord("n", 40, __file__, 1, "failed", (), told)
    line = JsonLines().format(record)
    assert json.loads(line)["error"] == "OSError"
    assert "Mueller" not in line


def test_metrics_are_served_on_loopback_and_the_port_is_given_back() -> None:
    metrics = Metrics()
    metrics.count({"waiting": 3})
    metrics.outcome("done", {"tiles": 2.0})
    metrics.beats(12.5, None)
    with exposed(metrics, 0) as address:
        assert address is None
    for _ in range(2):  # a second night of one process
        with exposed(Metrics(), 19751):
            pass
    with exposed(metrics, 19751) as address:
        assert address is not None
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - loopback
            text = answer.read().decode()
        with pytest.raises(UsageError, match="19751"), exposed(Metrics(), 19751):
            pass
    assert 'pathology_items{state="waiting"} 3.0' in text
    assert 'pathology_attempts_total{outcome="done"} 1.0' in text
    labels = set(re.findall(r'(\w+)="', text))
    assert labels == {"state", "outcome", "stage", "le"}


def test_a_lookout_that_hangs_keeps_its_last_answer() -> None:
    go_on, answers = threading.Event(), iter([1, 2])

    def look() -> int:
        answer = next(answers)
        if answer == 2:
            go_on.wait(10)
        return answer

    lookout = Lookout("test", look, 0.01)
    while lookout.seen is None:
        pass
    assert lookout.seen == 1
    go_on.set()
    lookout.close()


def test_the_highest_folder_that_shows_nothing_is_the_place_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    (tmp_path / "other").write_text("")
    assert place_away(tmp_path / "share" / "day" / "1.svs") == tmp_path / "share"
    (tmp_path / "share" / "day").mkdir()
    assert place_away(tmp_path / "share" / "day" / "1.svs") == tmp_path / "share" / "day"
    (tmp_path / "share" / "day" / "2.svs").write_text("")
    assert place_away(tmp_path / "share" / "day" / "1.svs") is None


@pytest.fixture(scope="module")
def shipped() -> NightSettings:
    return load_night_settings()


def test_units_hold_this_installation_and_systemd_reads_them(
    shipped: NightSettings, tmp_path: Path
) -> None:
    window = replace(shipped.nightly.window, zone="Asia/Shanghai", days=("fri", "mon"))
    site = replace(shipped, nightly=replace(shipped.nightly, window=window))
    where = Installation(out=Path("/data/results"), settings=Path("/etc/pathology"), user="root")
    texts = unit_texts(site, where)
    assert set(texts) == set(UNITS)
    command = f"{sys.executable} -m pathology nightly run --out /data/results"
    assert f"ExecStart={command} --settings /etc/pathology" in texts["pathology-night.service"]
    assert "OnCalendar=Mon,Fri *-*-* 20:00:00 Asia/Shanghai" in texts["pathology-night.timer"]
    assert "Persistent=true" in texts["pathology-night.timer"]
    assert f"0 20 * * 1,5 root {command}" in texts["pathology-night.cron"]
    written = write_units(texts, tmp_path / "units")
    assert all("{" not in path.read_text() for path in written)
    if (program := shutil.which("systemd-analyze")) is not None:  # what is above holds without
        units = [str(p) for p in written if p.suffix in (".service", ".timer")]
        read = subprocess.run([program, "verify", *units], capture_output=True, text=True)
        assert read.returncode == 0, read.stderr
        assert "pathology-night" not in read.stderr, read.stderr


@pytest.mark.parametrize("out", ["/data/two words", "/data/a;b", "relative", "/data/$HOME"])
def test_paths_that_units_would_misread_are_refused(shipped: NightSettings, out: str) -> None:
    with pytest.raises(UsageError):
        unit_texts(shipped, Installation(out=Path(out)))


def test_a_night_refuses_research_weights_that_nobody_accepted(shipped: NightSettings) -> None:
    with pytest.raises(UsageError, match="accept_research_weights"):
        guard.check_weights(shipped.run)
    models = replace(shipped.run.site.models, accept_research_weights=True)
    accepted = replace(shipped.run, site=replace(shipped.run.site, models=models))
    guard.check_weights(accepted)


def test_several_operators_need_a_database_for_several(shipped: NightSettings) -> None:
    operating = replace(shipped.nightly.operating, several_operators=True)
    several = replace(shipped, nightly=replace(shipped.nightly, operating=operating))
    with pytest.raises(UsageError, match="PostgreSQL"):
        guard.check_operators(several)


def test_a_day_is_told_when_its_night_begins(shipped: NightSettings) -> None:
    hand = HandClock()
    hand.set_back(8 * 3600)
    with pytest.raises(UsageError, match="2030-03-01 20:00"):
        guard.window_of(shipped, hand.clock(), now=False)
    assert guard.window_of(shipped, hand.clock(), now=True) is None


def test_the_service_runs_each_night_once_though_the_clock_is_set_back(
    shipped: NightSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand, watcher, begun = HandClock(), NightWatcher(), []

    def night(*_: object) -> NightSummary:
        begun.append(hand.wall)
        hand.wall = hand.wall.replace(hour=6, minute=0) + timedelta(days=1)
        if len(begun) == 1:
            hand.set_back(3600)  # 05:00 of the same night once more
        return worst()

    def waits(seconds: float) -> bool:
        assert seconds <= 60
        hand.passes(seconds)
        if len(begun) == 3:
            watcher.stop.is_set = lambda: True  # type: ignore[method-assign]
        return False

    monkeypatch.setattr("pathology.nightly.service.run_night", night)
    monkeypatch.setattr(watcher.stop, "wait", waits)
    audience = Audience(on_night=lambda _: None, on_problem=lambda _: None)
    assert serve(lambda: shipped, NightOptions(clock=hand.clock()), watcher, audience) == 3
    assert [moment.day for moment in begun] == [1, 2, 3]


def test_looks_that_take_long_are_made_less_often() -> None:
    looks: list[float] = []

    def look() -> int:
        looks.append(time.monotonic())
        time.sleep(0.1)
        return len(looks)

    lookout = Lookout("slow", look, 0.0, most_share=0.1)
    faults.until(lambda: len(looks) == 3, "three looks")
    lookout.forget()
    faults.until(lambda: len(looks) == 4, "a hurried look")
    lookout.close()
    first, second, third, hurried = looks
    assert min(second - first, third - second) >= 0.99, "nine times as long as a look"
    assert hurried - third < third - second
