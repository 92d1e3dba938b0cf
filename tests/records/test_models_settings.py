"""What a site may say about its models."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pathology.config import load_record, shipped_configs
from pathology.errors import ConfigError
from pathology.models.catalogue import load_catalogue
from pathology.records.model import CLASSICAL
from pathology.records.settings.site import ModelsSettings, SiteSettings

SHIPPED = (shipped_configs() / "site.toml").read_text(encoding="utf-8")


def read(folder: Path, key: str, line: str) -> ModelsSettings:
    """The shipped settings with another line for one key of [models]."""
    text, hits = re.subn(rf"^{key} = .*$", line, SHIPPED, flags=re.MULTILINE)
    assert hits == 1
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return load_record(path, SiteSettings).models


def test_the_shipped_settings_choose_what_is_shipped_and_accept_nothing() -> None:
    models = load_record(shipped_configs() / "site.toml", SiteSettings).models
    chosen = {models.nuclei_he, models.nuclei_ihc, models.tissue_he}
    assert chosen <= load_catalogue().keys() | {CLASSICAL}
    assert not models.accept_research_weights
    assert models.allowed_torchscript_sha256 == ()
    assert models.site_folder is None


def test_a_site_may_choose_otherwise(tmp_path: Path) -> None:
    assert read(tmp_path, "tissue_he", 'tissue_he = "own-3"').tissue_he == "own-3"
    own = read(tmp_path, "folder", 'folder = "/data/models"')
    assert own.site_folder == Path("/data/models")
    sha256 = "ab" * 32
    line = f'allowed_torchscript_sha256 = ["{sha256}"]'
    allowed = read(tmp_path, "allowed_torchscript_sha256", line)
    assert allowed.allowed_torchscript_sha256 == (sha256,)


@pytest.mark.parametrize(
    ("key", "line", "why"),
    [
        ("tissue_he", 'tissue_he = "../tissue"', "is no name of a model"),
        ("tissue_he", 'tissue_he = ""', "is no name of a model"),
        ("tissue_he", "", "lacks .*tissue_he"),
        ("tissue_he", 'tissue = "tissue-1"', "unknown keys"),
        ("folder", 'folder = "models"', "must be an absolute path"),
        ("accept_research_weights", "accept_research_weights = 1", "is not bool"),
        ("allowed_torchscript_sha256", 'allowed_torchscript_sha256 = ["ABCD"]', "is no sha256"),
        ("allowed_torchscript_sha256", 'allowed_torchscript_sha256 = "all"', "'all' is not"),
    ],
)
def test_a_slip_is_refused_by_its_key(tmp_path: Path, key: str, line: str, why: str) -> None:
    with pytest.raises(ConfigError, match=f"models.*{why}"):
        read(tmp_path, key, line)
