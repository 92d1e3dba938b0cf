"""How a night is operated: where results go, who runs it, when it stops, what it tells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pathology.records.settings.ranges import check_names, check_positive

PORTS = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingSettings:
    """``[operating]`` of ``nightly.toml``."""

    source: str
    out: str  # folder of results, absolute; the command line may name another
    account: str  # the service account that answers for the night
    workers: int  # 0: by cores, memory and cards
    several_operators: bool  # more machines than one in the same night; PostgreSQL only
    hard_stop_s: float  # what still runs so long after the night's end is ended with it
    grace_s: float  # the same after a stop that somebody asked for
    ledger_patience_s: float  # a night cannot begin without its ledger; once begun it waits
    room_look_s: float  # how often a full disk or a lost folder is looked at again
    metrics_port: int  # of Prometheus on loopback; 0: off
    logs: str  # folder of logs, absolute; empty: "nights" in the folder of results
    log_mib: float  # of one file, before the next is begun
    log_files: int  # kept beside the one that is written

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "ledger_patience_s", "room_look_s", "log_mib", "log_files")
        if not self.account:
            raise ValueError("account must name a service account of the ledger")
        if not 0 <= self.metrics_port < PORTS:
            raise ValueError("metrics_port must be a port, or 0")
        for name in ("out", "logs"):
            path = getattr(self, name)
            if path and not Path(path).is_absolute():
                raise ValueError(f"{name} must be an absolute path, or empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSettings:
    """``[drift]``: when tonight's slides of a scanner differ from those of the days before."""

    source: str
    days: int
    least_slides: int  # tonight, and again in the days before; fewer say nothing
    least_spreads: float  # a difference of medians below so many spreads is small
    least_errors: float  # ... and below so many standard errors is chance
    measures: tuple[str, ...]  # that are watched, with their units

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "days", "least_spreads", "least_errors")
        if self.least_slides < 3:
            raise ValueError("least_slides must be 3 or more: fewer have no spread")
