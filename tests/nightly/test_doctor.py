"""What the doctor says of tonight; every red line says what to do, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pathology.config import shipped_configs
from pathology.nightly.doctor import examine_night
from pathology.pipeline.check import Check
from pathology.pipeline.doctor import examine_installation
from tests.sites import write_classical


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site that has set up nights: classical eyes, results on this disk."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (folder := tmp_path / "settings").mkdir()
    (tmp_path / "out").mkdir()
    change(write_classical(folder), out=f'"{tmp_path / "out"}"', reserve_gib="0.001")
    return folder


def change(folder: Path, **values: str) -> None:
    path = folder / "nightly.toml"
    text = (path if path.exists() else shipped_configs() / "nightly.toml").read_text("utf-8")
    for key, value in values.items():
        text, hits = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        assert hits == 1, key
    path.write_text(text, encoding="utf-8")


def checks(folder: Path) -> dict[str, Check]:
    return {check.name: check for check in examine_night(folder, None)}


def test_a_night_that_may_begin_is_all_green(site: Path) -> None:
    told = checks(site)
    assert {check.state for check in told.values()} == {"good"}
    assert {"night", "night: may begin", "night: disk"} <= told.keys()


@pytest.mark.parametrize(
    ("name", "changed", "says"),
    [
        ("night: settings", {"zone": '"Europe/Berln"'}, "Berln"),
        ("night: may begin", {"several_operators": "true"}, "PostgreSQL"),
        ("night: disk", {"reserve_gib": "1e9"}, "GiB free"),
    ],
)
def test_what_stands_in_the_way_is_red_with_a_remedy(
    site: Path, name: str, changed: dict[str, str], says: str
) -> None:
    change(site, **changed)
    check = checks(site)[name]
    assert check.state == "bad"
    assert says in check.detail
    assert check.remedy
    assert re.search(r"[\u4e00-\u9fff]", check.remedy_zh)


def test_weights_for_research_stand_in_the_way_until_somebody_accepts_them(site: Path) -> None:
    (site / "site.toml").unlink()
    check = checks(site)["night: may begin"]
    assert check.state == "bad"
    assert "accept_research_weights" in check.detail


def test_a_folder_that_takes_nothing_is_red_with_a_remedy(site: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    [check] = [c for c in examine_installation(site, tmp_path / "file") if c.name == "output"]
    assert check.state == "bad"
    assert "--out" in check.remedy


def test_a_red_line_without_a_remedy_cannot_be_said() -> None:
    with pytest.raises(ValueError, match="what to do"):
        Check(name="disk", state="bad", detail="full", remedy="Make room.")
