"""Settings of sites: without networks, or with their own."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from pathology.config import shipped_configs
from pathology.records.model import CLASSICAL
from pathology.records.settings.run import RunSettings

CHOICES = ("nuclei_he", "nuclei_ihc", "tissue_he")


def classical(settings: RunSettings, **models: str) -> RunSettings:
    """The settings without networks but for the ``models`` that are named."""
    chosen = replace(settings.site.models, **{**dict.fromkeys(CHOICES, CLASSICAL), **models})
    return replace(settings, site=replace(settings.site, models=chosen))


def write_classical(folder: Path) -> Path:
    """A folder of settings that chooses no network; ``--settings`` takes it."""
    text = (shipped_configs() / "site.toml").read_text(encoding="utf-8")
    for key in CHOICES:
        text, hits = re.subn(rf"^{key} = .*$", f'{key} = "{CLASSICAL}"', text, flags=re.MULTILINE)
        assert hits == 1
    (folder / "site.toml").write_text(text, encoding="utf-8")
    return folder
