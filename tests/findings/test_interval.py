"""Intervals against golden values and as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.findings.interval import poisson_interval, wilson_interval


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        (25, 500, 3.4, 7.3),
        (100, 500, 16.7, 23.7),
        (150, 500, 26.1, 34.2),
        (0, 500, 0.0, 0.8),
        (5, 100, 2.2, 11.2),
    ],
)
def test_wilson_gives_the_published_per_cents(part, whole, low, high):
    bounds = wilson_interval(part, whole)
    assert [round(100 * b, 1) for b in bounds] == [low, high]


@given(whole=st.integers(1, 10**7), share=st.floats(0, 1))
def test_wilson_holds_the_share_and_stays_between_nothing_and_all(whole, share):
    part = min(whole, round(share * whole))
    low, high = wilson_interval(part, whole)
    assert 0 <= low <= part / whole <= high <= 1


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.390)]
)
def test_poisson_gives_garwoods_table(count, low, high):
    assert poisson_interval(count) == pytest.approx((low, high), abs=1e-3)


@given(st.integers(0, 10**6))
def test_poisson_holds_the_count(count):
    low, high = poisson_interval(count)
    assert 0 <= low <= count < high
