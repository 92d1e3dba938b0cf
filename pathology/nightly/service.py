"""Night after night in one process, for sites with neither systemd nor cron."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from pathology.errors import PathologyError
from pathology.nightly.clock import NightClock
from pathology.nightly.night import run_night
from pathology.nightly.options import NightOptions, NightSettings, NightWatcher
from pathology.nightly.window import window_at
from pathology.records.night import Window
from pathology.records.night_summary import NightSummary

LONGEST_NAP_S: Final = 60.0
"""Naps are short and the wall clock is asked after each: a clock that was set, or a machine that
slept, moves the next night's begin with it."""
AGAIN: Final = timedelta(minutes=5)
"""Before a night that could not begin is tried again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who hears of each night: what it came to, or why it could not begin."""

    on_night: Callable[[NightSummary], None]
    on_problem: Callable[[PathologyError], None]


def serve(
    settings: Callable[[], NightSettings],
    options: NightOptions,
    watcher: NightWatcher,
    audience: Audience,
) -> int:
    """Run nights until ``watcher.stop`` is set; the number of nights that ran.

    Settings are read anew for each night. A night that cannot begin is tried again every few
    minutes while its window lasts; one that ended is not begun a second time.
    """
    nights, over = 0, None
    while not watcher.stop.is_set():
        clock = replace_clock(options.clock)
        window = _next(settings, clock, audience)
        if window is None or not window.holds(clock.now()) or window.night == over:
            watcher.stop.wait(_nap_s(window, clock.now(), over))
            continue
        try:
            summary = run_night(settings(), replace(options, clock=clock, now=False), watcher)
        except PathologyError as problem:
            audience.on_problem(problem)
            watcher.stop.wait(AGAIN.total_seconds())
            continue
        nights += 1
        audience.on_night(summary)
        if summary.end == "broken":
            watcher.stop.wait(AGAIN.total_seconds())
        else:
            over = window.night
    return nights


def replace_clock(clock: NightClock) -> NightClock:
    """A fresh clock of the same sources: what the wall's steps did to the last night is over."""
    return NightClock(wall=clock.wall, ticks=clock.ticks)


def _next(
    settings: Callable[[], NightSettings], clock: NightClock, audience: Audience
) -> Window | None:
    """The window that is or comes; None while the settings cannot be read."""
    try:
        return window_at(clock.now(), settings().nightly.window)
    except PathologyError as problem:
        audience.on_problem(problem)
        return None


def _nap_s(window: Window | None, now: datetime, over: object) -> float:
    if window is None:
        return LONGEST_NAP_S
    wanted = window.ends_utc if window.night == over else window.begins_utc
    return min(LONGEST_NAP_S, max(0.05, (wanted - now).total_seconds()))
