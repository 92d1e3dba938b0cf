"""Whole nights as a site runs them: the program, a watched folder, a ledger, real workers."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from typing import Any

import psutil
import pytest

from tests.night_site import PATIENCE_S, NightSite, made_site, paint_slide

PATIENTS = ("Mustermann", "Beispielova", "王小明测试")
"""In the names of files, and nowhere else outside the encrypted ledger."""
SLIDES = 4


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> NightSite:
    """Four slides and one that is none, all named after patients; the service account is made."""
    made = made_site(tmp_path_factory.mktemp("hospital"))
    for number in range(SLIDES):
        size = (1600, 1200) if number else (512, 384)  # one ends soon, others are met at work
        paint_slide(made.scans / f"{PATIENTS[number % 2]} {number}.tif", number, size)
    (made.scans / f"{PATIENTS[2]}.svs").write_bytes(b"no slide at all" * 9)
    return made


@pytest.fixture(scope="module")
def killed_and_gone_on(site: NightSite) -> dict[str, Any]:
    """A night that is killed -9 after its first result, and the same night started again."""
    first = site.started()
    deadline = time.monotonic() + PATIENCE_S
    while not site.results:
        assert first.poll() is None, first.communicate()[0]
        assert time.monotonic() < deadline, "no result"
        time.sleep(0.05)
    family = psutil.Process(first.pid).children(recursive=True)
    seen: dict[str, Any] = {"status": json.loads(site.call("status", "--json"))}
    seen["second"] = site.call("run", "--now", "--out", str(site.out), code=2)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == [], "workers outlive their night"
    seen["died"] = json.loads(site.call("status", "--json", code=1))
    seen["before"] = {path: path.stat().st_ino for path in site.results}
    again = site.started("--json")
    out, _ = again.communicate(timeout=PATIENCE_S)
    seen["code"], seen["out"] = again.returncode, out
    return seen


@pytest.mark.slow
def test_a_killed_night_goes_on_and_loses_or_doubles_nothing(
    site: NightSite, killed_and_gone_on: dict[str, Any]
) -> None:
    seen = killed_and_gone_on
    assert seen["code"] == 1, seen["out"]
    summary = json.loads(seen["out"])
    assert summary == site.summary
    assert [one["reason_code"] for one in summary["failed"]] == ["not-a-slide"]
    assert len(site.results) == SLIDES
    assert {path: path.stat().st_ino for path in seen["before"]} == seen["before"], "made again"
    status = json.loads(site.call("status", "--json"))
    assert status["counts"] == {
        "waiting": 0, "leased": 0, "done": SLIDES, "failed": 1, "set-aside": 0, "stopped": 0,
    }  # fmt: skip
    assert status["state"] == "ended"


@pytest.mark.slow
def test_another_process_sees_the_night_while_it_runs(killed_and_gone_on: dict[str, Any]) -> None:
    status = killed_and_gone_on["status"]
    assert status["state"] == "running"
    assert status["shift"]["actor"] == "night"
    assert sum(status["counts"].values()) == SLIDES + 1
    assert killed_and_gone_on["died"]["state"] == "died"


@pytest.mark.slow
def test_a_second_operator_is_told_who_and_since_when(killed_and_gone_on: dict[str, Any]) -> None:
    told = killed_and_gone_on["second"]
    assert "night (" in told
    assert re.search(r"has been running the night since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", told)


@pytest.mark.slow
def test_a_person_with_the_right_finds_the_file_and_it_is_audited(
    site: NightSite, killed_and_gone_on: dict[str, Any]
) -> None:
    [failed] = site.summary["failed"]
    assert PATIENTS[2] in site.call("status", "--find", failed["name"])
    site.call("status", "--find", "S0000000000000000", code=1)


@pytest.mark.slow
def test_no_file_that_a_night_leaves_holds_a_name(
    site: NightSite, killed_and_gone_on: dict[str, Any]
) -> None:
    """Results, summaries, logs, and the encrypted ledger too."""
    shown = site.call("status") + site.call("status", "--json") + killed_and_gone_on["out"]
    assert not [name for name in PATIENTS if name in shown]
    secrets = [name.encode(code) for name in PATIENTS for code in ("utf-8", "gb18030", "utf-16-le")]
    looked = 0
    for folder in (site.out, site.folder / "state"):
        for path in folder.rglob("*"):
            assert not [name for name in PATIENTS if name in path.name], path
            if path.is_file():
                looked += 1
                assert not [s for s in secrets if s in path.read_bytes()], path
    assert looked > SLIDES * 5
    assert (site.out / "nights" / "night.jsonl").stat().st_size > 0
