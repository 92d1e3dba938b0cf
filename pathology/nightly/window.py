"""Which instants a night is, in the site's own time zone, on days whose clocks change too.

Local times become instants as ``records.wall_clock`` says.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pathology.records.night import Window
from pathology.records.settings.nightly import DAYS, WindowSettings
from pathology.records.wall_clock import instant_utc

DAY: Final = timedelta(days=1)
SEARCHED: Final = 9  # days: a week, and a day on either side for the zone


def window_at(now_utc: datetime, settings: WindowSettings) -> Window:
    """The night that is, or the next one. ``window.holds(now_utc)`` tells which.

    A night that the clocks jump over whole is passed over.
    """
    zone = ZoneInfo(settings.zone)
    first = now_utc.astimezone(zone).date() - DAY
    for night in (first + DAY * i for i in range(SEARCHED + 1)):
        window = night_of(night, settings)
        is_ahead = max(now_utc, window.begins_utc) < window.ends_utc
        if is_ahead and DAYS[night.weekday()] in settings.days:
            return window
    raise ValueError("no night begins on any day")  # the settings refuse to be without one


def night_of(night: date, settings: WindowSettings) -> Window:
    """The night that begins on this date, whatever the day; empty where the clocks jump it."""
    zone = ZoneInfo(settings.zone)
    begins, ends = time.fromisoformat(settings.begins), time.fromisoformat(settings.ends)
    last = night if ends > begins else night + DAY
    return Window(
        night=night,
        begins_utc=instant_utc(datetime.combine(night, begins), zone),
        ends_utc=instant_utc(datetime.combine(last, ends), zone),
    )
