"""Nights in zones whose clocks change; truths read from the zones' own rules by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.config import build_record
from pathology.errors import ConfigError
from pathology.nightly.window import night_of, window_at
from pathology.records.settings.nightly import DAYS, WindowSettings
from pathology.records.wall_clock import instant_utc

HOUR = timedelta(hours=1)


def night(zone="Europe/Berlin", begins="20:00", ends="06:00", days=DAYS) -> WindowSettings:
    return WindowSettings(source="s", zone=zone, begins=begins, ends=ends, days=days)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "begins", "hours"),
    [
        ("Europe/Berlin", date(2030, 3, 29), utc(2030, 3, 29, 19), 10),
        ("Europe/Berlin", date(2030, 3, 30), utc(2030, 3, 30, 19), 9),  # clocks ahead at 02:00
        ("Europe/Berlin", date(2030, 3, 31), utc(2030, 3, 31, 18), 10),
        ("Europe/Berlin", date(2030, 10, 26), utc(2030, 10, 26, 18), 11),  # back at 03:00
        ("America/New_York", date(2030, 3, 9), utc(2030, 3, 10, 1), 9),
        ("America/New_York", date(2030, 11, 2), utc(2030, 11, 3, 0), 11),
        ("Asia/Shanghai", date(2030, 3, 30), utc(2030, 3, 30, 12), 10),
        ("Australia/Lord_Howe", date(2030, 4, 6), utc(2030, 4, 6, 9), 10.5),  # half an hour back
    ],
)
def test_a_night_is_as_long_as_its_clocks_make_it(zone, day, begins, hours) -> None:
    window = night_of(day, night(zone))
    assert window.begins_utc == begins
    assert window.length == hours * HOUR
    assert window.night == day


def test_an_hour_that_does_not_come_is_the_moment_of_the_jump() -> None:
    window = night_of(date(2030, 3, 31), night(begins="02:30", ends="05:00"))
    assert window.begins_utc == utc(2030, 3, 31, 1)  # 02:00 became 03:00
    assert window.length == 2 * HOUR


def test_an_hour_that_comes_twice_is_the_first_time() -> None:
    window = night_of(date(2030, 10, 26), night(ends="02:30"))
    assert window.ends_utc == utc(2030, 10, 27, 0, 30)


def test_a_night_inside_the_hour_that_does_not_come_is_passed_over() -> None:
    rules = night(begins="02:10", ends="02:50")
    assert window_at(utc(2030, 3, 31, 0), rules).night == date(2030, 4, 1)


def test_a_whole_day_that_does_not_come_is_jumped() -> None:
    """Samoa had no 30 December 2011."""
    moment = instant_utc(datetime(2011, 12, 30, 12), ZoneInfo("Pacific/Apia"))
    assert moment == utc(2011, 12, 30, 10)


def test_the_night_that_is_and_the_one_to_come() -> None:
    rules = night("Asia/Shanghai")
    running = window_at(utc(2030, 1, 1, 21), rules)  # five in the morning
    assert (running.night, running.holds(utc(2030, 1, 1, 21))) == (date(2030, 1, 1), True)
    coming = window_at(utc(2030, 1, 1, 22), rules)  # six: it is over
    assert (coming.night, coming.holds(utc(2030, 1, 1, 22))) == (date(2030, 1, 2), False)


def test_days_are_those_on_which_nights_begin() -> None:
    rules = night("UTC", days=("fri",))
    assert window_at(utc(2030, 1, 5, 3), rules).night == date(2030, 1, 4)  # Friday's, on Saturday
    assert window_at(utc(2030, 1, 5, 7), rules).night == date(2030, 1, 11)


def test_begin_and_end_alike_are_a_whole_day() -> None:
    window = window_at(utc(2030, 1, 5, 3), night("UTC", begins="00:00", ends="00:00"))
    assert (window.begins_utc, window.length) == (utc(2030, 1, 5), 24 * HOUR)


@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Africa/Casablanca"]),
    begins=st.times(), ends=st.times(),
    days=st.sets(st.sampled_from(DAYS), min_size=1),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_the_window_found_is_the_first_that_has_not_ended(now, zone, begins, ends, days) -> None:
    rules = night(zone, f"{begins:%H:%M}", f"{ends:%H:%M}", tuple(days))
    moment = now.replace(tzinfo=UTC)
    window = window_at(moment, rules)
    assert window.ends_utc > moment
    assert window.begins_utc < window.ends_utc
    assert window.begins_utc - moment < timedelta(days=9)
    assert DAYS[window.night.weekday()] in days
    if window.holds(moment):
        assert window_at(window.begins_utc, rules) == window or len(days) > 1


@pytest.mark.parametrize(
    ("key", "value"),
    [("zone", "Europe/Berlim"), ("zone", "../etc/passwd"), ("zone", ""), ("begins", "24:00"),
     ("ends", "6:00"), ("days", []), ("days", ["Fr"])],
)  # fmt: skip
def test_a_window_that_means_nothing_is_refused(key, value) -> None:
    table = {"source": "s", "zone": "UTC", "begins": "20:00", "ends": "06:00", "days": ["mon"]}
    with pytest.raises(ConfigError, match=key):
        build_record({**table, key: value}, WindowSettings, where="nightly.toml: window")
