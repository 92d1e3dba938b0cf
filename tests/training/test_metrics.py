"""Scores of nuclei as points: small cases counted by hand, and properties that must hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.records.prediction import CellClass, Positivity
from pathology.training import metrics
from pathology.training.bootstrap import averaged, pooled

TUMOUR, LYMPHOCYTE, STROMA = CellClass.TUMOUR, CellClass.LYMPHOCYTE, CellClass.STROMA
YES, NO, DOUBT = Positivity.POSITIVE, Positivity.NEGATIVE, Positivity.UNKNOWN
seeds = st.integers(0, 2**32 - 1)


def points(seed: int, most: int = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 30, (rng.integers(0, most), 2))


def closest_first(found: np.ndarray, truth: np.ndarray, radius: float) -> list[tuple[int, int]]:
    """The same by the book: all pairs in a list, nearest first."""
    gap = np.hypot(*(found[:, None] - truth[None]).transpose(2, 0, 1))
    ours, theirs, pairs = set(), set(), []
    for d, i, j in sorted((gap[i, j], i, j) for i, j in np.ndindex(gap.shape)):
        if d <= radius and i not in ours and j not in theirs:
            ours.add(i), theirs.add(j), pairs.append((i, j))
    return sorted(pairs)


@settings(max_examples=60, deadline=None)
@given(seeds, seeds, st.floats(0.5, 12))
def test_matching_is_closest_first(a: int, b: int, radius: float) -> None:
    found, truth = points(a), points(b)
    assert [tuple(p) for p in metrics.matched(found, truth, radius)] == closest_first(
        found, truth, radius
    )


def test_a_nucleus_is_matched_once_and_never_beyond_the_radius() -> None:
    truth = np.array([[0.0, 0.0], [10.0, 0.0]])
    found = np.array([[0.0, 1.0], [0.0, -2.0], [13.0, 0.0], [10.0, 3.5]])
    pairs = metrics.matched(found, truth, 3.0)
    assert pairs.tolist() == [[0, 0], [2, 1]]  # 3.0 is within, 3.5 is not, 2.0 came too late
    assert metrics.f1(metrics.detection_counts(pairs, 4, 2)) == pytest.approx(4 / 6)


def test_nothing_found_and_nothing_there() -> None:
    none, one = np.empty((0, 2)), np.zeros((1, 2))
    assert metrics.matched(none, one, 1).shape == (0, 2)
    assert metrics.f1(metrics.detection_counts(metrics.matched(none, one, 1), 0, 1)) == 0
    assert np.isnan(metrics.f1(metrics.detection_counts(metrics.matched(none, none, 1), 0, 0)))


@given(seeds)
def test_a_set_against_itself_is_perfect(seed: int) -> None:
    truth = points(seed)
    pairs = metrics.matched(truth, truth, 3)
    counts = metrics.detection_counts(pairs, len(truth), len(truth))
    if len(truth):
        assert metrics.f1(counts) == metrics.precision(counts) == metrics.recall(counts) == 1


def test_class_scores_by_hand() -> None:
    # Found:  0 tumour, 1 tumour, 2 stroma, 3 tumour (alone), 4 tumour (on untyped truth)
    # Truth:  0 tumour, 1 stroma, 2 tumour, 3 tumour (missed), 4 untyped
    found = np.array([TUMOUR, TUMOUR, STROMA, TUMOUR, TUMOUR])
    truth = np.array([TUMOUR, STROMA, TUMOUR, TUMOUR, -1])
    pairs = np.array([[0, 0], [1, 1], [2, 2], [4, 4]])
    plain = metrics.class_counts(found, truth, pairs, TUMOUR)
    assert plain.tolist() == [1, 3, 3]
    assert metrics.f1(plain) == pytest.approx(2 / 6)
    graham = metrics.graham_counts(found, truth, pairs, TUMOUR)
    assert graham.tolist() == [1, 1, 1, 1, 1]
    assert metrics.f1_graham(graham) == pytest.approx(2 / (2 + 2 + 2 + 1 + 1))


def test_a_wrong_class_weighs_more_with_graham_than_a_miss() -> None:
    confused, missed = np.array([8.0, 2, 0, 0, 0]), np.array([8.0, 0, 0, 0, 2])
    assert metrics.f1_graham(confused) < metrics.f1_graham(missed) < 1
    assert metrics.f1_graham(np.array([8.0, 0, 0, 0, 0])) == 1
    assert np.isnan(metrics.f1_graham(np.zeros(5)))


@given(seeds)
def test_without_wrong_classes_graham_and_plain_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 30)
    keep = np.flatnonzero(rng.random(30) < 0.7)
    found = np.append(truth[keep], rng.integers(0, 3, 5))
    pairs = np.stack([np.arange(len(keep)), keep], axis=1)
    for kind in range(3):
        ours = metrics.f1_graham(metrics.graham_counts(found, truth, pairs, kind))
        plain = metrics.f1(metrics.class_counts(found, truth, pairs, kind))
        np.testing.assert_allclose(ours, plain)


def test_positivity_leaves_doubt_out_and_says_how_much() -> None:
    found = np.array([YES, NO, DOUBT, YES, YES])
    truth = np.array([YES, YES, NO, NO, DOUBT])
    pairs = np.array([[0, 0], [1, 1], [2, 2], [3, 3], [4, 4]])
    counts = metrics.positivity_counts(found, truth, pairs)
    assert counts.tolist() == [1, 3, 4]
    assert metrics.accuracy(counts) == pytest.approx(1 / 3)


def test_index_error_is_in_points() -> None:
    found = np.array([YES] * 30 + [NO] * 70 + [DOUBT] * 50)
    truth = np.array([YES] * 5 + [NO] * 15)
    assert metrics.positive_index(found) == pytest.approx(0.30)
    assert metrics.index_error_points(found, truth) == pytest.approx(5.0)
    assert np.isnan(metrics.index_error_points(np.array([DOUBT]), truth))


def test_pooled_scores_weigh_nuclei_and_mean_scores_weigh_images() -> None:
    counts = np.array([[90.0, 100, 100], [0, 10, 10]])
    assert pooled(counts, metrics.f1).value == pytest.approx(180 / 220)
    assert averaged(metrics.f1(counts)).value == pytest.approx(0.45)


def test_intervals_are_seeded_and_hold_the_value() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(50, 200, 20).astype(float)
    counts = np.stack([truth * rng.uniform(0.6, 0.9, 20), truth, truth], axis=1)
    first = pooled(counts, metrics.f1)
    assert first == pooled(counts, metrics.f1)
    assert 0.6 < first.low < first.value < first.high < 0.9
    assert first.images == 20
    many = pooled(np.tile(counts, (9, 1)), metrics.f1)
    assert (many.high - many.low) * 3 == pytest.approx(first.high - first.low, rel=0.2)


def test_one_image_has_an_interval_of_no_width() -> None:
    told = pooled(np.array([[3.0, 4, 5]]), metrics.f1)
    assert told.low == told.value == told.high


def test_images_without_a_score_are_left_out() -> None:
    told = averaged(np.array([0.5, np.nan, 0.7]))
    assert told.images == 2
    assert told.value == pytest.approx(0.6)
    assert np.isnan(averaged(np.array([np.nan])).value)
    assert np.isnan(pooled(np.zeros((3, 3)), metrics.f1).value)


def test_an_interval_is_about_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(1).normal(0.6, 0.1, 400)
    told = averaged(values)
    wanted = 1.96 * values.std() / np.sqrt(400)
    assert (told.high - told.low) / 2 == pytest.approx(wanted, rel=0.15)
