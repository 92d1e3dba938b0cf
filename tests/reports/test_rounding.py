from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from pathology.reports.rounding import as_stated, half_up, told_number

CUTS = (3, 5, 14, 20, 30)


@given(part=st.integers(0, 5000), whole=st.integers(1, 5000))
def test_rounding_never_carries_a_value_over_a_cut_off(part: int, whole: int) -> None:
    exact = Fraction(100 * min(part, whole), whole)
    shown = Fraction(told_number(exact, 1, CUTS).text)
    for cut in CUTS:
        assert (exact < cut) == (shown < cut)
        assert (exact > cut) == (shown > cut)


@given(st.fractions(0, 5000), st.integers(0, 4))
def test_what_is_told_is_within_half_of_the_last_place(exact: Fraction, decimals: int) -> None:
    told = told_number(exact, decimals)
    assert told.decimals == decimals
    assert abs(Fraction(told.text) - exact) <= Fraction(1, 2 * 10**decimals)


def test_golden_values_of_the_counting_table() -> None:
    assert told_number(Fraction(100 * 25, 500), 1, CUTS).text == "5.0"
    assert told_number(Fraction(2996, 100), 1, CUTS).text == "29.96"
    assert told_number(Fraction(29_999_999, 1_000_000), 1, CUTS).text == "29.9999"
    assert told_number(Fraction(20_000_001, 1_000_000), 1, CUTS).text == "20.0001"
    assert half_up(Fraction(5, 100), 1) == Fraction(1, 10)  # 0.05 to one decimal


def test_a_stated_number_keeps_its_decimals() -> None:
    assert as_stated(90.0).text == "90"
    assert as_stated(12.5) == ("12.5", 1)
