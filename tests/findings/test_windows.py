"""Windows of a given number of nuclei, the fields and hot spots made of them."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from pathology.findings.ki67_fields import fields_of, levels_of
from pathology.findings.ki67_hotspot import hot_spot
from pathology.findings.windows import Ground, unseen_share, window_of, windows_at
from pathology.records.settings.ki67 import ChanceRule, HotSpotRule
from tests.findings.painted_nuclei import RULES, called, ground, spread


def test_a_window_holds_the_nearest_nuclei_and_is_as_wide_as_the_furthest():
    nuclei = called(np.array([[10.0, 0], [0, 20], [30, 0], [0, 41]]), 1.0)
    windows = windows_at(np.array([[0.0, 0]]), nuclei, count=3, most_mm2=1)
    window = window_of("w", windows, 0, nuclei)
    assert (window.counted, window.radius_um) == (3, 30)
    assert window.area_mm2 == pytest.approx(np.pi * 30**2 / 1e6)


def test_too_wide_windows_are_none():
    nuclei = called(spread(1000, per_mm2=400), 0.1)
    centre = np.array([[500.0, 500]])
    needed = 100 / 400  # mm²
    assert len(windows_at(centre, nuclei, count=100, most_mm2=needed * 1.3)) == 1
    assert len(windows_at(centre, nuclei, count=100, most_mm2=needed * 0.7)) == 0
    assert len(windows_at(centre, nuclei, count=401, most_mm2=100)) == 0


def test_the_share_beyond_the_tissue_is_that_of_the_disc():
    nuclei = called(spread(2000), 0.1)
    centres = np.array([[1000.0, 1000], [0, 1000], [0, 0]])
    windows = windows_at(centres, nuclei, count=200, most_mm2=2)
    share = unseen_share(windows, ground(2000))
    assert share == pytest.approx([0, 0.5, 0.75], abs=0.04)


def test_a_hot_spot_keeps_away_from_edges_and_holes():
    places = spread(3000)
    nuclei = called(places, np.where(places[:, 0] < 200, 0.9, 0.1))  # hottest at the very edge
    mask = np.ones((375, 375), bool)
    mask[:, :25] = False
    found = hot_spot("hotspot", nuclei, Ground(analysed=mask, mpp=8), RULES.hotspot, RULES.chance)
    assert found.window.centre_um[0] - found.window.radius_um > 150


def test_the_bias_of_the_search_is_that_of_the_best_of_many():
    """200 windows of 500 that do not overlap, at 15 %: the best averages 19.5 % (simulated)."""
    cells = np.stack(np.meshgrid(np.arange(20), np.arange(10)), -1).reshape(-1, 2) * 1000.0 + 500
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, (len(cells), 500))
    radius = np.random.default_rng(1).uniform(5, 60, (len(cells), 500))
    places = cells[:, None] + np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)
    nuclei = called(places.reshape(-1, 2), 0.15)
    rule = HotSpotRule(
        source="test",
        nuclei=500,
        most_mm2=1,
        step_um=1000,
        most_unseen_share=1,
        most_lymphocyte_share=1,
    )
    chance = ChanceRule(source="test", simulations=300, level=0.95, seed=1)
    found = hot_spot("hotspot", nuclei, ground(20_000, 100), rule, chance)
    assert found.search.windows == 200
    assert found.search.expected_by_chance == pytest.approx(0.195, abs=0.004)


def test_in_an_even_tumour_all_is_one_level():
    rng = np.random.default_rng(0)
    scored = np.full(50, 200)
    even = levels_of(rng.binomial(200, 0.2, 50), scored, RULES.fields)
    uneven = levels_of(np.repeat([10, 60, 120, 190], [20, 10, 10, 10]), scored, RULES.fields)
    assert set(even) == {0}
    assert np.bincount(uneven).tolist() == [20, 10, 10, 10]


@given(
    squares=st.lists(
        st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
        min_size=2,
        max_size=12,
    )
)
def test_whether_squares_differ_is_pearsons_test(squares):
    positive, scored = np.array(squares, np.int64).T
    table = np.stack([positive, scored - positive])
    one_kind = not table.sum(axis=1).all()
    p = 1.0 if one_kind else float(stats.chi2_contingency(table, correction=False).pvalue)
    assume(abs(p - RULES.fields.homogeneous_p) > 1e-9)
    one_level = not levels_of(positive, scored, RULES.fields).any()
    assert one_level == (p >= RULES.fields.homogeneous_p)


def test_levels_that_are_present_get_a_field_first():
    places = spread(3000)
    share = np.select([places[:, 0] < 600, places[:, 0] < 1200], [0.9, 0.5], 0.05)
    chosen = fields_of(called(places, share), ground(3000), RULES.fields, {})
    shares = sorted(f.window.positive / f.window.counted for f in chosen)
    assert len(chosen) == 4
    assert shares[0] < 0.2
    assert 0.3 < shares[-2] < 0.8
    assert shares[-1] > 0.8
    hottest = max(chosen, key=lambda f: f.window.positive)
    assert hottest.weight == pytest.approx(0.2, abs=0.05)


def test_a_slide_with_room_for_two_fields_has_two():
    places = np.concatenate([spread(300), spread(300, seed=2) + np.array([600.0, 0])])
    chosen = fields_of(called(places, 0.2), ground(900), RULES.fields, {})
    assert len(chosen) == 2


@settings(max_examples=20, deadline=None)
@given(turn=st.integers(0, 3), mirrored=st.booleans())
def test_the_index_of_windows_does_not_hang_on_how_the_slide_lies(turn, mirrored):
    side = 2400.0
    places = spread(side)
    nuclei = called(places, np.where(np.hypot(*(places - 600).T) < 500, 0.6, 0.1))

    def turned(points):
        points = points - side / 2
        for _ in range(turn):
            points = points @ np.array([[0, 1.0], [-1, 0]])
        return points * ((-1, 1) if mirrored else (1, 1)) + side / 2

    again = called(turned(places), nuclei.positive.astype(float))
    rule, chance = RULES.hotspot, RULES.chance
    first = hot_spot("h", nuclei, ground(side), rule, chance).window
    second = hot_spot("h", again, ground(side), rule, chance).window
    assert second.positive == pytest.approx(first.positive, abs=15)
    assert second.counted == first.counted
