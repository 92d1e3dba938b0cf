"""When a file has stopped growing, by a clock that nobody sets."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pathology.nightly.settings import load_nightly
from pathology.nightly.settling import Settling, looked, settled

RULES = load_nightly().watch  # a minute, three looks
A = Path("/s/a.svs")


def stamp(size: int = 9, at: int = 0):
    return (("a.svs", size, at),)


def after(looks):
    """The memory after looks of (time, stamp), and whether the slide had settled by each."""
    memory, answers = Settling(), []
    for now_s, seen in looks:
        memory = looked(memory, {} if seen is None else {A: seen}, now_s)
        answers.append(A in settled(memory, now_s, RULES))
    return answers


def test_a_slide_settles_once_it_was_still_for_long_enough_over_enough_looks() -> None:
    same = stamp()
    assert after([(0, same), (20, same), (40, same), (60, same)]) == [False] * 3 + [True]
    assert after([(0, same), (90, same)]) == [False, False], "two looks are not three"


def test_any_growth_begins_the_wait_again() -> None:
    looks = [(0, stamp(1)), (30, stamp(2)), (60, stamp(2)), (89, stamp(2)), (90, stamp(2))]
    assert after(looks) == [False] * 4 + [True]
    touched = [(0, stamp(at=1)), (30, stamp(at=1)), (60, stamp(at=2)), (90, stamp(at=2))]
    assert after(touched) == [False] * 4


def test_a_file_dated_tomorrow_or_of_1970_settles_like_any_other() -> None:
    """Its own time is only compared with itself: scanners' clocks may say anything."""
    for at in (-(10**18), 0, 10**19):
        assert after([(n * 30, stamp(at=at)) for n in range(3)])[-1]


def test_a_share_that_was_away_begins_the_wait_again() -> None:
    assert after([(0, stamp()), (30, None), (60, stamp()), (90, stamp())]) == [False] * 4


def test_a_file_of_no_bytes_has_to_be_still_for_longer() -> None:
    looks = [(n * 60, stamp(0)) for n in range(11)]
    assert after(looks) == [False] * 10 + [True]


def test_a_timer_that_goes_back_settles_nothing_early() -> None:
    assert after([(100, stamp()), (160, stamp()), (0, stamp()), (30, stamp())]) == [False] * 4


@given(
    gaps=st.lists(st.floats(0, 100), min_size=1, max_size=20),
    sizes=st.lists(st.integers(1, 3), min_size=20, max_size=20),
)
def test_nothing_settles_that_changed_within_the_minute(gaps, sizes) -> None:
    times = [sum(gaps[:n]) for n in range(len(gaps))]
    looks = list(zip(times, map(stamp, sizes), strict=False))
    for n, has_settled in enumerate(after(looks)):
        recent = {s for t, s in looks[: n + 1] if t > times[n] - RULES.still_s}
        if has_settled:
            assert len(recent) == 1
            assert n >= RULES.least_looks - 1
