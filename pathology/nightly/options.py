"""What a night is given: settings, options, and who is told what happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pathology.errors import UsageError
from pathology.nightly.clock import NightClock
from pathology.nightly.settings import load_costs, load_nightly
from pathology.pipeline.settings import load_settings
from pathology.records.night import Expected
from pathology.records.night_summary import Incident
from pathology.records.order import DeviceChoice
from pathology.records.progress import Progress
from pathology.records.reasons import Language
from pathology.records.settings.costs import CostsSettings
from pathology.records.settings.nightly import NightlySettings
from pathology.records.settings.run import RunSettings
from pathology.records.work import Outcome, WorkItem, WorkOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class NightSettings:
    """All settings of a site, as an unattended night needs them."""

    run: RunSettings
    nightly: NightlySettings
    costs: CostsSettings
    folder: Path | None = None  # of the site's own settings


def load_night_settings(folder: Path | None = None) -> NightSettings:
    """Those of the site's folder, the shipped ones where it has none.

    Raises
    ------
    ConfigError
        As ``pipeline.settings.load_settings``.
    """
    return NightSettings(
        run=load_settings(folder),
        nightly=load_nightly(folder),
        costs=load_costs(folder),
        folder=None if folder is None else folder.absolute(),
    )


Estimate = Callable[[WorkItem], Expected]
"""What a slide is expected to take; from measured costs, see ``nightly.plan``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NightOptions:
    """How one night is run; what is None comes from the settings."""

    out: Path | None = None
    now: bool = False  # at once and until all is done, whatever the window says
    stay: bool = True  # within the window: wait for more orders after the last one
    workers: int | None = None
    cluster: str | None = None  # address of a scheduler
    device: DeviceChoice = "auto"
    language: Language = "en"  # of the pictures; changes no number
    orders: tuple[WorkOrder, ...] = ()  # enrolled first, beside those of the sites' sources
    estimate: Estimate | None = None  # instead of the measured costs
    clock: NightClock = field(default_factory=NightClock)

    def out_folder(self, settings: NightSettings) -> Path:
        """Where results go.

        Raises
        ------
        UsageError
            Nobody says where.
        """
        named = self.out or settings.nightly.operating.out
        if not named:
            raise UsageError(
                "say where results go: --out FOLDER, or out in [operating] of nightly.toml"
            )
        return Path(named).absolute()


def _nothing(*_: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NightWatcher:
    """Who is told, from several threads; ``stop`` set asks the night to end."""

    on_progress: Callable[[Progress], None] = _nothing
    on_outcome: Callable[[WorkItem, Outcome], None] = _nothing
    on_incident: Callable[[Incident], None] = _nothing
    stop: threading.Event = field(default_factory=threading.Event)
