"""The night's settings, read once at the door, and the policy they make."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pathology.config import load_record
from pathology.pipeline.settings import settings_file
from pathology.records.night import Policy, Window
from pathology.records.settings.costs import CostsSettings
from pathology.records.settings.nightly import NightlySettings, TryingSettings


def load_nightly(folder: Path | None = None) -> NightlySettings:
    """Shipped settings of the night, or those of the site's ``folder``.

    Raises
    ------
    ConfigError
        As ``config.load_record``.
    """
    return load_record(settings_file("nightly", folder), NightlySettings)


def load_costs(folder: Path | None = None) -> CostsSettings:
    """What slides cost, shipped or of the site's ``folder``; raises as ``load_nightly``."""
    return load_record(settings_file("costs", folder), CostsSettings)


def policy_of(settings: NightlySettings, window: Window | None, *, workers: int) -> Policy:
    """The rules of a night; without a ``window`` it has no end."""
    trying = settings.trying
    ageing_h = trying.ageing_h
    return Policy(
        slots=trying.slots or max(1, round(workers * trying.slots_a_worker)),
        attempts=trying.attempts,
        first_pause=timedelta(seconds=trying.first_pause_s),
        pause_growth=trying.pause_growth,
        longest_pause=timedelta(seconds=trying.longest_pause_s),
        ends_utc=window.ends_utc if window else None,
        longest=window.length if window else None,
        ageing=timedelta(hours=ageing_h) if ageing_h else None,
        reserve_gib=settings.storage.reserve_gib,
    )


def time_limit_s(trying: TryingSettings, expected_s: float) -> float:
    """How long one slide may take before its worker is taken to hang, seconds."""
    return max(trying.limit_least_s, expected_s * trying.limit_times_expected)
