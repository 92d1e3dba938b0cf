"""Numbers as people read them: rounded half up, and never over a cut-off.

A value of 29.96 % is below 30 %, and "30.0 %" beside the word "intermediate" would look like a
mistake of one of the two; it is told as 29.96 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor
from typing import Final, NamedTuple

MOST_DECIMALS: Final = 4


class Told(NamedTuple):
    """A number as written, and the decimals it took."""

    text: str
    decimals: int


def told_number(exact: Fraction, decimals: int, cut_offs: Sequence[float] = ()) -> Told:
    """``exact`` with ``decimals``, or with more where rounding would carry it over a cut-off.

    >>> told_number(Fraction(2996, 100), 1, (30,)).text
    '29.96'
    """
    for shown in range(decimals, MOST_DECIMALS + 1):
        number = half_up(exact, shown)
        if all(_same_side(exact, number, Fraction(str(c))) for c in cut_offs):
            return Told(written(number, shown), shown)
    toward = Fraction(floor(exact * 10**MOST_DECIMALS), 10**MOST_DECIMALS)
    if any(toward <= Fraction(str(c)) < exact for c in cut_offs):
        toward += Fraction(1, 10**MOST_DECIMALS)
    return Told(written(toward, MOST_DECIMALS), MOST_DECIMALS)


def half_up(exact: Fraction, decimals: int) -> Fraction:
    """``exact`` rounded to ``decimals``, halves away from zero for what is not negative."""
    return Fraction(floor(exact * 10**decimals + Fraction(1, 2)), 10**decimals)


def _same_side(exact: Fraction, number: Fraction, cut: Fraction) -> bool:
    return (exact < cut) == (number < cut) and (exact > cut) == (number > cut)


def written(number: Fraction, decimals: int) -> str:
    """``number``, a whole multiple of 10^-decimals, in digits."""
    whole = round(number * 10**decimals)
    if not decimals:
        return str(whole)
    digits = str(whole).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}"


def as_stated(number: float) -> Told:
    """A number that somebody stated, with the decimals it was stated with."""
    text = f"{number:g}"
    return Told(text, len(text.partition(".")[2]))
