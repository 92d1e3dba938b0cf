"""A wall clock's time as an instant, on days whose clocks change too.

An hour that comes twice means its first time; an hour that does not come means the moment at which
the clocks jump over it. Both are the earlier reading: of a deadline, the more pressing one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


def instant_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall clock's time; see the rules above."""
    moment = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local:
        return moment
    return _jump(moment - DAY, moment + DAY, zone)


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second at which the clocks jump ahead, between two instants of which one gap lies."""
    # One jump lies between them: halves are searched until a second is left.
    offset = before.astimezone(zone).utcoffset()
    low, high = int(before.timestamp()), int(after.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        same = datetime.fromtimestamp(middle, zone).utcoffset() == offset
        low, high = (middle, high) if same else (low, middle)
    return datetime.fromtimestamp(high, UTC)
