"""Which instants a night is, in the site's own time zone, on days whose clocks change too."""

from __future__ import annotations

from datetime import datetime

from pathology.records.night import Window
from pathology.records.settings.nightly import WindowSettings


def window_at(now_utc: datetime, settings: WindowSettings) -> Window:
    """The night that is, or the next one. ``window.holds(now_utc)`` tells which."""
    raise NotImplementedError
