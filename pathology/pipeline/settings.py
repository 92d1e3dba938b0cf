"""Settings are read once, at the door, and travel as one frozen record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from pathology.config import build_record, load_record, shipped_configs
from pathology.errors import ConfigError, UsageError
from pathology.predictions.segment import reach_um
from pathology.records.result import Analysis
from pathology.records.settings.access import AccessSettings
from pathology.records.settings.deciding import DecidingSettings
from pathology.records.settings.exchange import ExchangeSettings
from pathology.records.settings.infiltration import InfiltrationSettings
from pathology.records.settings.ki67 import Ki67Settings
from pathology.records.settings.knowledge import KnowledgeSettings
from pathology.records.settings.ledger import ArchiveSettings
from pathology.records.settings.llm import LlmSettings
from pathology.records.settings.predictions import PredictionSettings
from pathology.records.settings.review import ReviewSettings
from pathology.records.settings.run import RunSettings
from pathology.records.settings.site import SiteSettings
from pathology.records.settings.tiles import TilesSettings

FILES: Mapping[str, type[Any]] = {
    "site": SiteSettings,
    "tiles": TilesSettings,
    "predictions": PredictionSettings,
    "ki67": Ki67Settings,
    "infiltration": InfiltrationSettings,
    "exchange": ExchangeSettings,
    "ledger": ArchiveSettings,
    "llm": LlmSettings,
    "knowledge": KnowledgeSettings,
    "review": ReviewSettings,
    "deciding": DecidingSettings,
    "access": AccessSettings,
}

OF_THE_NIGHT = ("nightly", "costs")
"""Settings that a site's folder may hold beside them, read by another door."""

OF_SITE = ("scale", "nucleus_size", "damage")
"""Tables of the site's settings that can change a number."""


def load_settings(folder: Path | None = None) -> RunSettings:
    """Shipped settings, with the files of ``folder`` in place of theirs.

    Raises
    ------
    ConfigError
        The folder does not exist, holds no TOML file or one that no analysis knows (a typo in a
        name would otherwise be a silent default); a file is wrong, see ``config.load_record``; or
        two files do not fit each other.
    """
    own = _own_files(folder)
    read = {name: load_record(_file(name, own), kind) for name, kind in FILES.items()}
    settings = RunSettings(**read)
    _check_halo(settings)
    return settings


def _own_files(folder: Path | None) -> Mapping[str, Path]:
    if folder is None:
        return {}
    try:
        own = {path.stem: path for path in folder.iterdir() if path.suffix == ".toml"}
    except (FileNotFoundError, NotADirectoryError) as cause:
        raise ConfigError(f"--settings {folder.name}: there is no such folder") from cause
    except OSError as cause:
        raise ConfigError(f"--settings: the folder cannot be read ({cause.strerror})") from cause
    if not own:
        raise ConfigError(
            f"--settings {folder.name}: there are no settings in this folder; they are "
            f"{sorted(FILES)} (.toml). Leave --settings out for the shipped ones."
        )
    if strangers := sorted(own.keys() - FILES.keys() - set(OF_THE_NIGHT)):
        raise ConfigError(
            f"{folder.name}: no analysis reads {strangers}; settings are {sorted(FILES)} (.toml)"
        )
    return own


def settings_file(name: str, folder: Path | None) -> Path:
    """Where settings of this name are read from: the site's own folder, else the shipped ones.

    Raises
    ------
    ConfigError
        As ``load_settings`` for the folder.
    """
    return _file(name, _own_files(folder))


def _check_halo(settings: RunSettings) -> None:
    """Refuse tiles too narrow for the search for nuclei: seams would change the count."""
    halo_um, predictions = settings.tiles.tiling.halo_um, settings.predictions
    searches = {"nuclei_he": predictions.nuclei_he, "nuclei_ihc": predictions.nuclei_ihc}
    for section, search in searches.items():
        needed_um = reach_um(search)
        if halo_um < needed_um:
            raise ConfigError(
                f"tiles.toml: tiling: halo_um is {halo_um:g} µm, and [{section}] of "
                f"predictions.toml needs {needed_um:.6g} µm or more"
            )


def _file(name: str, own: Mapping[str, Path]) -> Path:
    return own.get(name, shipped_configs() / f"{name}.toml")


def settings_in_force(settings: RunSettings, analysis: Analysis) -> dict[str, object]:
    """The values that can change this analysis's result, as plain types.

    Who keys pseudonyms and where certificates lie is not among them: it changes no number, and
    paths of a machine belong in no result.
    """
    return {
        **{name: plain(getattr(settings.site, name)) for name in OF_SITE},
        "tiles": plain(settings.tiles),
        "predictions": plain(settings.predictions),
        analysis: plain(getattr(settings, analysis)),
    }


def settings_sha256(settings: RunSettings, analysis: Analysis) -> str:
    """Hash of ``settings_in_force``; the same values give the same hash on every machine."""
    text = json.dumps(settings_in_force(settings, analysis), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def settings_again(
    told: Mapping[str, object], sha256: str, analysis: Analysis, site: RunSettings
) -> RunSettings:
    """The settings that a result was made with, from what it tells of them.

    ``told`` is ``settings_in_force`` and ``sha256`` its hash, as the result has them. What is in
    neither comes from ``site``, whose own values count where another version's cannot be read.

    Raises
    ------
    UsageError
        Neither gives the hash.
    """
    candidates = [site]
    with suppress(ConfigError):  # keys of another version: the site's may have the same values
        candidates.insert(0, _rebuilt(told, analysis, site))
    for settings in candidates:
        if settings_sha256(settings, analysis) == sha256:
            return settings
    raise UsageError(
        "the result was made with settings that this version cannot read back, and those at hand "
        "are others. Give the folder of the settings it was made with: --settings FOLDER"
    )


def _rebuilt(told: Mapping[str, object], analysis: Analysis, site: RunSettings) -> RunSettings:
    def record(name: str, like: Any) -> Any:
        table = told.get(name)
        if not isinstance(table, Mapping):
            raise ConfigError(f"run.json: lacks the settings of {name}")
        return build_record(table, type(like), where=f"run.json: {name}")

    own = site.site
    parts = {name: record(name, getattr(own, name)) for name in OF_SITE}
    others = {n: record(n, getattr(site, n)) for n in ("tiles", "predictions", analysis)}
    return replace(site, site=replace(own, **parts), **others)


def plain(value: Any) -> Any:
    """A settings record as dicts, lists and scalars."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return [plain(v) for v in value]
    return value
