"""The night of a site: when, how hard it tries, what it reads orders from."""

from __future__ import annotations

from dataclasses import dataclass

from pathology.records.settings.ranges import check_names, check_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSettings:
    """When the night is, by the site's own clock; begin and end alike mean all day long."""

    source: str
    zone: str  # IANA, such as "Europe/Berlin"
    begins: str  # "20:00"
    ends: str  # "06:00"
    days: tuple[str, ...]  # on which a night begins: "mon", "tue", ...


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """What the night leaves on disk."""

    source: str
    result_mib_per_mm2: float
    result_mib: float  # of each slide, whatever its area
    reserve_gib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlySettings:
    """``nightly.toml``."""

    window: WindowSettings
    trying: TryingSettings
    storage: StorageSettings
