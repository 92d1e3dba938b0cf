"""A hospital's folder for whole nights: scans, settings, ledger, results, and the program."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pathology.config import shipped_configs
from pathology.ledger.open import OpenLedger
from pathology.pipeline.ledger_open import make_keys, opened_ledger
from pathology.pipeline.settings import load_settings
from tests import painted
from tests.sites import write_classical

PATIENCE_S: Final = 400.0
QUICK: Final[Mapping[str, str]] = MappingProxyType(
    {
        "look_every_s": "1",
        "still_s": "1",
        "least_looks": "2",
        "first_pause_s": "1",
        "longest_pause_s": "2",
        "reserve_gib": "0.001",
        "lease_s": "6",
        "heartbeat_s": "2",
        "room_look_s": "1",
        "folders": '[{ folder = ".*", analysis = "ki67", marker = "ki67" }]',
    }
)
"""Instead of the shipped minutes; the rules are the same."""


@dataclass(frozen=True, kw_only=True)
class NightSite:
    """A hospital's folder. The night runs as it does there: a process of its own."""

    folder: Path
    more: Mapping[str, str] = field(default_factory=dict)  # of the environment

    @property
    def scans(self) -> Path:
        return self.folder / "scans"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def settings(self) -> Path:
        return self.folder / "settings"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def words(self, *words: str) -> list[str]:
        own = [sys.executable, "-m", "pathology", "nightly", *words]
        return [*own, "--settings", str(self.settings)]

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATHOLOGY_LANG": "en",
            "XDG_STATE_HOME": str(self.state),
            **self.more,
        }

    def call(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            self.words(*words),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def started(self, *more: str, workers: int = 1, out: Path | None = None) -> subprocess.Popen:
        """A night that begins at once, what it says in one pipe."""
        words = ["run", "--now", "--workers", str(workers), "--out", str(out or self.out), *more]
        return subprocess.Popen(
            self.words(*words),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def results(self) -> list[Path]:
        return sorted(self.out.glob("P*/ki67-*"))

    @property
    def summary(self) -> dict[str, Any]:
        """The newest night's."""
        newest = max(self.out.glob("nights/*.json"), key=lambda p: int(p.stem.rpartition("-")[2]))
        told: dict[str, Any] = json.loads(newest.read_text(encoding="utf-8"))
        return told

    @contextmanager
    def ledger(self) -> Iterator[OpenLedger]:
        """Its ledger, opened by this process too."""
        with opened_ledger(load_settings(self.settings).ledger, make=False) as (ledger, _):
            yield ledger


def made_site(
    folder: Path,
    changes: Mapping[str, str] = QUICK,
    ledger: Mapping[str, str] = MappingProxyType({}),
    own: Mapping[str, str] = MappingProxyType({}),
) -> NightSite:
    """A site with classical eyes; other settings of nights, of the ledger, and its ``own``.

    The database and the keys lie in its own folder, wherever this process's state is.
    """
    site = NightSite(folder=folder)
    for place in (site.scans, site.settings, site.state):
        place.mkdir(parents=True, exist_ok=True)
    write_classical(site.settings)
    slides = {"slides": f'["{site.scans}"]'}
    _changed("nightly", site.settings, {**changes, **slides})
    places = {"anchor": f'"{site.state / "anchor.json"}"', **ledger}
    if "url" not in places:
        places["file"] = f'"{site.state / "ledger.sqlite"}"'
    _changed("ledger", site.settings, places, keys=site.state / "keys.json")
    _changed("site", site.settings, own)
    if "url" in places:  # as a site's administrator does once
        make_keys(load_settings(site.settings).ledger)
    site.call("install", "--out", str(site.out))
    return site


def _changed(name: str, folder: Path, changes: Mapping[str, str], keys: Path | None = None) -> None:
    """The shipped file with other values; each name must be there."""
    there = folder / f"{name}.toml"  # classical eyes were chosen in site.toml before
    text = (there if there.exists() else shipped_configs() / there.name).read_text("utf-8")
    above, vault, below = text.partition("[vault]")
    for key, value in changes.items():
        above, hits = re.subn(rf"^{key} = .*$", f"{key} = {value}", above, flags=re.MULTILINE)
        assert hits == 1, key
    if keys is not None:
        below = re.sub(r'^file = ""$', f'file = "{keys}"', below, flags=re.MULTILINE)
    there.write_text(above + vault + below, encoding="utf-8")


def paint_slide(path: Path, number: int, size: tuple[int, int] = (256, 192)) -> Path:
    """A slide of its own for every number; the smaller, the sooner it is done."""
    margin_um = 16.0 if min(size) < 300 else 40.0
    pixels = painted.paint_nuclei(
        width=size[0], height=size[1], seed=number, margin_um=margin_um
    ).pixels
    return painted.write_tiff(path, pixels, mpp=0.5)
