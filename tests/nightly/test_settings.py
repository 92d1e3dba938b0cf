"""The night's settings: read whole, and every mistake named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pathology.config import shipped_configs
from pathology.errors import ConfigError
from pathology.nightly.settings import load_nightly, policy_of, time_limit_s
from pathology.nightly.window import window_at
from pathology.pipeline.settings import load_settings


def changed(folder: Path, old: str, new: str) -> Path:
    text = (shipped_configs() / "nightly.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / "nightly.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def test_the_policy_is_what_the_settings_and_the_window_say() -> None:
    settings = load_nightly()
    window = window_at(datetime(2030, 1, 1, 21, tzinfo=UTC), settings.window)
    policy = policy_of(settings, window, workers=3)
    assert (policy.slots, policy.attempts, policy.reserve_gib) == (6, 4, 20)
    assert policy.ends_utc == window.ends_utc
    assert policy.longest == timedelta(hours=10)
    assert policy.ageing == timedelta(hours=24)
    assert policy_of(settings, None, workers=1).ends_utc is None


def test_a_site_may_fix_the_slots_and_let_nothing_age(tmp_path: Path) -> None:
    changed(tmp_path, "slots = 0", "slots = 7")
    text = (tmp_path / "nightly.toml").read_text()
    (tmp_path / "nightly.toml").write_text(text.replace("ageing_h = 24", "ageing_h = 0"))
    policy = policy_of(load_nightly(tmp_path), None, workers=3)
    assert (policy.slots, policy.ageing) == (7, None)


def test_a_large_slide_may_take_longer() -> None:
    trying = load_nightly().trying
    assert time_limit_s(trying, 1) == 900
    assert time_limit_s(trying, 1000) == 5000


def test_the_night_and_the_runs_share_a_folder_of_settings(tmp_path: Path) -> None:
    changed(tmp_path, "look_every_s = 20", "look_every_s = 10")
    assert load_nightly(tmp_path).watch.look_every_s == 10
    assert load_settings(tmp_path) == load_settings()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("look_every_s", "look_evry_s", "unknown keys"),
        ('zone = "UTC"', 'zone = "Beijing"', "no IANA time zone"),
        ("least_looks = 3", "least_looks = 1", "2 or more"),
        ("slides = []", 'slides = ["scans"]', "absolute path"),
        ('marker_file = ""', 'marker_file = "a/b"', "without a folder"),
        ("lease_s = 180", "lease_s = 100", "three times heartbeat_s"),
        ("pause_growth = 4.0", "pause_growth = 0.5", "must grow"),
        ("file_names = []", "file_names = ['(?P<patient>x)']", "names"),
        ("file_names = []", "file_names = ['(?P<accession>x']", "no pattern"),
        ("file_names = []", "file_names = ['x']", "no named group"),
        ('= "barcode"', '= "barcod"', "barcod"),
        ('when_unproven = "without-case"', 'when_unproven = "guess"', "guess"),
        ("folders = []", 'folders = [{ analysis = "ki67" }]', "needs a marker"),
        ("folders = []", 'folders = [{ analysis = "infiltration", marker = "x" }]', "no marker"),
        ("folders = []", 'folders = [{ analysis = "her2" }]', "her2"),
        ('barcode = ["SAC-3.1"]', 'barcode = ["SAC3"]', "no place such as"),
        ('barcode = ["SAC-3.1"]\n', "", "places must name"),
        ('STAT = "stat"', 'stat = "stat"', "capitals"),
        ('STAT = "stat"', 'STAT = "quick"', "quick"),
    ],
)
def test_a_typo_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_nightly(changed(tmp_path, old, new))


def test_a_file_from_before_the_drafts_still_loads(tmp_path: Path) -> None:
    text = (shipped_configs() / "nightly.toml").read_text(encoding="utf-8")
    before, _, after = text.partition("[drafts]")
    (tmp_path / "nightly.toml").write_text(f"{before}[drift]{after.partition('[drift]')[2]}")
    assert load_nightly(tmp_path).drafts.make


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("tries = 3", "tries = 0", "tries"),
        ("case_data = []", 'case_data = ["relative"]', "absolute"),
        ("limit_s = 900", "limit_s = 900\nlimits = 1", "limits"),
    ],
)
def test_drafts_that_cannot_be_are_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        load_nightly(changed(tmp_path, old, new))
