"""Whether tonight's slides of a scanner look other than those of the days before.

Medians, so that a few odd slides decide nothing. Two things must hold together: the difference is
large beside the spread between slides, and too large for chance beside its standard error.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite, pi, sqrt
from statistics import median
from typing import Final, NamedTuple

from pathology.records.night_summary import Drift
from pathology.records.result import Analysis
from pathology.records.settings.operating import DriftSettings
from pathology.records.work import Outcome

MAD_TO_SIGMA: Final = 1.4826
"""1 / Phi^-1(3/4): the median absolute deviation of a normal distribution in standard deviations.
P. J. Rousseeuw, C. Croux, "Alternatives to the Median Absolute Deviation", JASA 88 (1993) 1273."""
MEDIAN_ERROR: Final = sqrt(pi / 2)
"""Standard error of a median over that of a mean, for large normal samples."""


class Seen(NamedTuple):
    """One slide done: its analysis (stains differ with it) and what was measured of it."""

    analysis: Analysis
    outcome: Outcome


class _Group(NamedTuple):
    scanner: str
    analysis: Analysis
    measure: str


def drifts(
    tonight: Iterable[Seen], before: Iterable[Seen], settings: DriftSettings
) -> tuple[Drift, ...]:
    """One row for each scanner, analysis and watched measure of which there is a slide tonight.

    Slides without a scanner's name are one group of their own (""), as they cannot be told apart.
    """
    now, then = _grouped(tonight, settings), _grouped(before, settings)
    return tuple(
        _held(group, values, then.get(group, ()), settings) for group, values in sorted(now.items())
    )


def _grouped(slides: Iterable[Seen], settings: DriftSettings) -> Mapping[_Group, list[float]]:
    found: dict[_Group, list[float]] = defaultdict(list)
    for analysis, outcome in slides:
        for measure in settings.measures:
            value = outcome.drift.get(measure)
            if value is not None and isfinite(value):
                found[_Group(outcome.scanner or "", analysis, measure)].append(value)
    return found


def _held(
    group: _Group, now: Sequence[float], then: Sequence[float], settings: DriftSettings
) -> Drift:
    few = min(len(now), len(then)) < settings.least_slides
    if few:
        return Drift(**group._asdict(), tonight_n=len(now), before_n=len(then))
    middle, usual = median(now), median(then)
    spread = MAD_TO_SIGMA * median(abs(value - usual) for value in then)
    error = MEDIAN_ERROR * spread * sqrt(1 / len(now) + 1 / len(then))
    apart = abs(middle - usual)
    # Without any spread (a measure that is zero on most slides) every difference of medians counts.
    is_far = apart > max(settings.least_spreads * spread, settings.least_errors * error)
    return Drift(
        **group._asdict(),
        tonight_n=len(now),
        before_n=len(then),
        tonight=middle,
        before=usual,
        spread=spread,
        state="drifted" if is_far else "steady",
    )
