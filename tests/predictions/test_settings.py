from __future__ import annotations

import dataclasses

import pytest

from pathology.config import load_record, shipped_configs
from pathology.errors import ConfigError
from pathology.records.settings.predictions import PredictionSettings
from tests.predictions.cutting import SETTINGS


def test_every_section_names_its_source() -> None:
    for section in dataclasses.fields(SETTINGS):
        assert len(getattr(SETTINGS, section.name).source) > 20


def test_nuclei_need_0_6_um_per_px_or_finer() -> None:
    assert SETTINGS.scale.coarsest_mpp == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("he_pink_at_least = 0.45", "he_pink_at_least = 0.2"),
        ("local_weight = 0.3", "local_weight = 1.3"),
        ("blob_radii_um = [3.0, 4.5]", "blob_radii_um = []"),
        ("lowest_od = 0.10", "lowest_od = 0.50"),
        ("map_um = 8.0", "map_um = 8.0\nmap_px = 8"),
    ],
)
def test_impossible_settings_are_refused(tmp_path, old: str, new: str) -> None:
    text = (shipped_configs() / "predictions.toml").read_text(encoding="utf-8")
    assert old in text
    changed = tmp_path / "predictions.toml"
    changed.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError):
        load_record(changed, PredictionSettings)
