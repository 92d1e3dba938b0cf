"""Settings are data with their source; a typo is an error."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pathology.config import shipped_configs
from pathology.errors import ConfigError
from pathology.pipeline.settings import (
    FILES,
    OF_THE_NIGHT,
    load_settings,
    settings_in_force,
    settings_sha256,
)
from pathology.predictions.segment import reach_um


def test_every_shipped_file_is_read_and_every_read_file_is_shipped() -> None:
    assert {p.stem for p in shipped_configs().glob("*.toml")} == {*FILES, *OF_THE_NIGHT}
    load_settings()


def test_every_section_names_its_source() -> None:
    def sections(record: Any) -> list[Any]:
        inner = [getattr(record, f.name) for f in dataclasses.fields(record)]
        nested = [v for v in inner if dataclasses.is_dataclass(v)]
        numbers = any(isinstance(v, int | float) for v in inner)
        return ([record] if numbers else []) + [s for v in nested for s in sections(v)]

    for section in sections(load_settings()):
        assert len(getattr(section, "source", "")) > 10, f"{type(section).__name__} has no source"


def test_a_site_changes_one_file_and_keeps_the_rest(tmp_path: Path) -> None:
    text = (shipped_configs() / "ki67.toml").read_text()
    (tmp_path / "ki67.toml").write_text(text.replace("minimum = 100", "minimum = 150"))
    own, shipped = load_settings(tmp_path), load_settings()
    assert own.ki67.wsi_global.minimum == 150
    assert own.site == shipped.site
    assert settings_sha256(own, "ki67") != settings_sha256(shipped, "ki67")
    assert settings_sha256(own, "infiltration") == settings_sha256(shipped, "infiltration")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("minimum = 100", "minimun = 100", "unknown keys"),
        ("minimum = 100", 'minimum = "many"', "'many' is not int"),
        ("minimum = 100", "minimum = true", "True is not int"),
        ("minimum = 100", "minimum = 500", "not above limited_below"),
        ("minimum = 100\n", "", "lacks"),
        ("[wsi_global]", "[wsi_global", "not valid TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (shipped_configs() / "ki67.toml").read_text()
    assert old in text
    (tmp_path / "ki67.toml").write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=r"ki67\.toml") as problem:
        load_settings(tmp_path)
    assert message in str(problem.value)


def test_a_misspelt_file_is_no_silent_default(tmp_path: Path) -> None:
    (tmp_path / "ki-67.toml").write_text("")
    with pytest.raises(ConfigError, match="no analysis reads"):
        load_settings(tmp_path)


def test_no_path_of_the_machine_reaches_a_result() -> None:
    told = settings_in_force(load_settings(), "ki67")
    assert "key_file" not in str(told)
    assert "tls" not in str(told)


@pytest.mark.parametrize("name", [".", "no-such", "notes.txt", "x" * 300])
def test_a_folder_without_settings_is_no_silent_default(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("copied the wrong folder")
    with pytest.raises(ConfigError, match="--settings"):
        load_settings(tmp_path / name)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_no_number_that_is_none_is_read(tmp_path: Path, number: str) -> None:
    text = (shipped_configs() / "infiltration.toml").read_text()
    (tmp_path / "infiltration.toml").write_text(text.replace("= 0.5", f"= {number}"))
    with pytest.raises(ConfigError, match=r"density: minimum_mm2: is no finite number"):
        load_settings(tmp_path)


def test_a_halo_that_nuclei_do_not_fit_in_is_refused_with_both_numbers(tmp_path: Path) -> None:
    settings = load_settings()
    needed = max(map(reach_um, (settings.predictions.nuclei_he, settings.predictions.nuclei_ihc)))
    text = (shipped_configs() / "tiles.toml").read_text()
    file = tmp_path / "tiles.toml"
    file.write_text(text.replace("halo_um = 64.0", f"halo_um = {needed}"))
    assert load_settings(tmp_path).tiles.tiling.halo_um == needed
    file.write_text(text.replace("halo_um = 64.0", "halo_um = 20.0"))
    with pytest.raises(ConfigError, match=rf"halo_um.* 20 .*{needed:.4g}"):
        load_settings(tmp_path)


def test_the_halo_is_checked_against_a_sites_own_nuclei(tmp_path: Path) -> None:
    text = (shipped_configs() / "predictions.toml").read_text()
    wide = text.replace("background_um = 6.0", "background_um = 60.0")
    (tmp_path / "predictions.toml").write_text(wide)
    with pytest.raises(ConfigError, match=r" 64 .*nuclei_ihc.* 171\.75 "):
        load_settings(tmp_path)
