"""Drift by median and median absolute deviation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from pathology.nightly.drift import MAD_TO_SIGMA, Seen, drifts
from pathology.nightly.settings import load_nightly
from pathology.records.night_summary import Drift
from pathology.records.work import Outcome

RULES = load_nightly().drift
MEASURE = "glass_red"


def seen(values: list[float], scanner: str = "A") -> list[Seen]:
    return [Seen("ki67", Outcome(kind="done", scanner=scanner, drift={MEASURE: v})) for v in values]


def one(tonight: list[float], before: list[float]) -> Drift:
    [row] = drifts(seen(tonight), seen(before), RULES)
    return row


def normal(mean: float, number: int, seed: int) -> list[float]:
    return np.random.default_rng(seed).normal(mean, 2.0, number).tolist()


def test_a_shift_of_one_spread_is_drift_and_none_is_steady() -> None:
    before = normal(240, 900, 1)
    assert one(normal(240, 100, 2), before).state == "steady"
    moved = one(normal(242, 100, 3), before)
    assert moved.state == "drifted"
    assert moved.spread == pytest.approx(2.0, rel=0.1)


def test_chance_is_called_drift_seldom() -> None:
    """Both conditions must hold, so false alarms are rarer than the three standard errors say."""
    before = seen(normal(240, 900, 0))
    rows = [drifts(seen(normal(240, 20, seed)), before, RULES)[0] for seed in range(1, 101)]
    assert sum(row.state == "drifted" for row in rows) <= 2


def test_few_slides_say_nothing() -> None:
    few, many = normal(300, 19, 1), normal(240, 900, 1)
    for tonight, before in ((few, many), (many, few), (many, [])):
        row = one(tonight, before)
        assert (row.state, row.tonight, row.spread) == ("not-enough", None, None)


def test_a_fifth_of_odd_slides_decides_nothing() -> None:
    tonight = normal(240, 80, 5) + [20.0] * 20
    assert one(tonight, normal(240, 900, 6)).state == "steady"


def test_scanners_and_analyses_are_told_apart() -> None:
    rows = drifts(
        [*seen([1.0] * 20), *seen([9.0] * 20, "B")],
        [*seen([1.0] * 50), *seen([1.0] * 50, "B")],
        RULES,
    )
    assert {row.scanner: row.state for row in rows} == {"A": "steady", "B": "drifted"}


def test_the_factor_makes_a_standard_deviation_of_it() -> None:
    assert pytest.approx(1 / norm.ppf(0.75), abs=1e-4) == MAD_TO_SIGMA


@pytest.mark.parametrize("seed", range(5))
def test_units_do_not_matter(seed: int) -> None:
    tonight, before = normal(241, 60, seed), normal(240, 300, seed + 50)
    here = one(tonight, before)
    there = one([8 * v + 3 for v in tonight], [8 * v + 3 for v in before])
    assert here.state == there.state
    assert there.spread == pytest.approx(8 * (here.spread or 0))
