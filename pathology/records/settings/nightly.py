"""The night of a site: when, how hard it tries, what it reads orders from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from pathology.records.settings.drafts import DraftsSettings
from pathology.records.settings.identity import IdentitySettings
from pathology.records.settings.incoming import IncomingSettings
from pathology.records.settings.operating import DriftSettings, OperatingSettings
from pathology.records.settings.ranges import check_names, check_positive

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSettings:
    """When the night is, by the site's own clock; begin and end alike mean all day long."""

    source: str
    zone: str  # IANA, such as "Europe/Berlin"
    begins: str  # "20:00"
    ends: str  # "06:00"
    days: tuple[str, ...]  # on which a night begins: "mon", "tue", ...

    def __post_init__(self) -> None:
        for name in ("begins", "ends"):
            if not CLOCK.fullmatch(getattr(self, name)):
                raise ValueError(f"{name} must be a time of day such as 20:00")
        if not self.days or set(self.days) - set(DAYS):
            raise ValueError(f"days must name some of {', '.join(DAYS)}")
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError) as cause:
            raise ValueError(
                f"zone: {self.zone!r} is no IANA time zone such as Asia/Shanghai"
            ) from cause


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcesSettings:
    """Where orders come from; absolute paths. The command line may name others."""

    source: str
    slides: tuple[str, ...]  # watched folders
    messages: tuple[str, ...]  # folders into which HL7 and FHIR files are dropped
    manifests: tuple[str, ...]

    def __post_init__(self) -> None:
        for path in (*self.slides, *self.messages, *self.manifests):
            if not Path(path).is_absolute():
                raise ValueError(f"{path!r} must be an absolute path")


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """When a file has stopped growing, and when a share counts as gone."""

    source: str
    look_every_s: float
    still_s: float  # size and times of all files of a slide unchanged for so long
    least_looks: int
    marker_file: str  # name of a file that a watched share always holds; empty: none

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "look_every_s", "still_s")
        if self.least_looks < 2:
            raise ValueError("least_looks must be 2 or more: one look cannot see growth")
        if self.marker_file != Path(self.marker_file).name:
            raise ValueError("marker_file must be a name without a folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class TryingSettings:
    """How often and how long a slide is tried, and how leases are held."""

    source: str
    slots: int  # slides in flight; 0: ``slots_a_worker`` for each worker
    slots_a_worker: float
    attempts: int
    first_pause_s: float
    pause_growth: float
    longest_pause_s: float
    ageing_h: float  # 0: routine slides never age
    lease_s: float
    heartbeat_s: float
    limit_least_s: float  # time limit of one slide: this, or
    limit_times_expected: float  # so many times what it is expected to take, whichever is more

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "attempts", "first_pause_s", "lease_s", "heartbeat_s")
        check_positive(self, "slots_a_worker", "limit_least_s")
        if self.pause_growth < 1 or self.longest_pause_s < self.first_pause_s:
            raise ValueError("pauses must grow (1 or more) up to a longest one")
        if self.lease_s < 3 * self.heartbeat_s:
            raise ValueError("lease_s must be at least three times heartbeat_s: beats get lost")
        if self.limit_times_expected < 1:
            raise ValueError("limit_times_expected must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """What the night leaves on disk."""

    source: str
    result_mib_per_mm2: float
    result_mib: float  # of each slide, whatever its area
    reserve_gib: float

    def __post_init__(self) -> None:
        check_names(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """How long the night keeps what it no longer needs, days."""

    source: str
    messages_days: int  # orders read, with the reasons of those refused
    logs_days: int
    summaries_days: int

    def __post_init__(self) -> None:
        check_names(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlySettings:
    """``nightly.toml``."""

    window: WindowSettings
    sources: SourcesSettings
    watch: WatchSettings
    trying: TryingSettings
    identity: IdentitySettings
    incoming: IncomingSettings
    storage: StorageSettings
    retention: RetentionSettings
    operating: OperatingSettings
    drift: DriftSettings
    drafts: DraftsSettings = field(default_factory=DraftsSettings)
