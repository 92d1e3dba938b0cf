"""The short form of ``scripts/chaos``, and what its checks say of a night that lost a slide."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.__main__ import drawing, lacks, night_with
from tests.chaos.checks import faults_of
from tests.chaos.faults import FAULTS, Fault, Trial

pytestmark = pytest.mark.slow
SHORT = [fault for fault in FAULTS if fault.short]


@pytest.mark.parametrize("fault", SHORT, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_night_survives(fault: Fault, request: pytest.FixtureRequest) -> None:
    wanted = fault.needs == "postgresql"
    server = request.getfixturevalue("postgres") if wanted else None
    if lack := lacks(fault, server):
        pytest.skip(lack)
    seed = os.environ.get("CHAOS_SEED", "the same in every run")
    told = night_with(fault, drawing(seed + fault.name), server)
    assert told.wrong == (), told


def test_what_is_lost_or_doubled_is_seen(tmp_path: Path) -> None:
    trial = Trial(folder=tmp_path, chance=drawing("seen"), server=None, slides=3)
    trial.make(failed=1)
    code = trial.begin().end()
    site, expected = trial.site, trial.expected
    assert faults_of(site, code, expected) == []
    assert faults_of(site, 0, expected) == ["exit code 0, not 1"]
    assert "states" in faults_of(site, code, replace(expected, failed=0))[0]
    first, second = site.results
    shutil.copytree(first, first.with_name("ki67-00000000"))
    assert faults_of(site, code, expected) == ["results told 2, results there 3"]
    shutil.rmtree(first.with_name("ki67-00000000"))
    made_again = replace(expected, kept={first: first.stat().st_ino + 1})
    assert faults_of(site, code, made_again) == ["1 finished results were made again"]
    (first / "run.json").unlink()
    assert faults_of(site, code, expected) == ["a result lacks ['run.json']"]
    shutil.rmtree(second)
    assert "results told 2, results there 1" in faults_of(site, code, expected)
    (site.scans / "late.tif").write_bytes(b"a slide nobody enrolled")
    assert "slides without one row: 1" in faults_of(site, code, expected)
