"""Scores of areas: cases counted by hand, properties, and the same by the book."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.training.bootstrap import pooled
from pathology.training.overlap import (
    aji,
    area_counts,
    dice,
    iou,
    mean_iou,
    overlaps,
    panoptic_quality,
)

seeds = st.integers(0, 2**32 - 1)


def blobs(seed: int, side: int = 60, most: int = 12) -> np.ndarray:
    """Rectangles over one another, numbered with gaps."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.int32)
    for _ in range(rng.integers(1, most)):
        x, y = rng.integers(0, side - 8, 2)
        labels[y : y + rng.integers(3, 20), x : x + rng.integers(3, 20)] = rng.integers(1, 1000)
    return labels


def aji_by_the_book(truth: np.ndarray, found: np.ndarray) -> float:
    shared = whole = 0
    used = set()
    for g in sorted(set(truth[truth > 0])):
        candidates = sorted(set(found[(truth == g) & (found > 0)]))
        scores = [
            ((truth == g) & (found == s)).sum() / ((truth == g) | (found == s)).sum()
            for s in candidates
        ]
        if not candidates:
            whole += (truth == g).sum()
            continue
        s = candidates[int(np.argmax(scores))]
        shared += ((truth == g) & (found == s)).sum()
        whole += ((truth == g) | (found == s)).sum()
        used.add(s)
    whole += sum((found == s).sum() for s in set(found[found > 0]) - used)
    return shared / whole


def pq_by_the_book(truth: np.ndarray, found: np.ndarray) -> float:
    names = [sorted(set(x[x > 0])) for x in (truth, found)]
    scores = [
        ((truth == g) & (found == s)).sum() / ((truth == g) | (found == s)).sum()
        for g in names[0]
        for s in names[1]
    ]
    return sum(s for s in scores if s > 0.5) / ((len(names[0]) + len(names[1])) / 2)


@settings(max_examples=40, deadline=None)
@given(seeds, seeds)
def test_the_same_as_by_the_book(a: int, b: int) -> None:
    truth, found = blobs(a), blobs(b)
    seen = overlaps(truth, found)
    assert aji(seen) == pytest.approx(aji_by_the_book(truth, found))
    assert panoptic_quality(seen).both == pytest.approx(pq_by_the_book(truth, found))


@settings(max_examples=25, deadline=None)
@given(seeds, seeds)
def test_names_of_labels_do_not_matter(a: int, b: int) -> None:
    truth, found = blobs(a), blobs(b)
    name = np.append(0, np.random.default_rng(a).permutation(5000) + 1)
    one, other = overlaps(truth, found), overlaps(name[truth], name[found])
    assert panoptic_quality(one) == pytest.approx(panoptic_quality(other)) or (
        panoptic_quality(one).both == pytest.approx(panoptic_quality(other).both)
    )
    assert len(one.iou) == len(other.iou)
    assert sorted(one.iou) == pytest.approx(sorted(other.iou))


@given(seeds)
def test_a_picture_against_itself_is_perfect(seed: int) -> None:
    seen = overlaps(blobs(seed), blobs(seed))
    told = panoptic_quality(seen)
    assert (aji(seen), told.detection, told.segmentation, told.both) == (1, 1, 1, 1)


def test_pictures_that_share_nothing_score_nothing() -> None:
    truth, found = np.zeros((2, 20, 20), int)
    truth[2:6, 2:6], found[10:14, 10:14] = 1, 1
    told = panoptic_quality(overlaps(truth, found))
    assert aji(overlaps(truth, found)) == told.detection == told.segmentation == told.both == 0


def test_by_hand() -> None:
    truth, found = np.zeros((2, 10, 20), int)
    truth[0:4, 0:5] = 1  # 20 px
    found[0:4, 0:4] = 7  # 16 px, all inside: IoU 16 / 20
    truth[6:8, 0:5] = 2  # 10 px, missed
    found[0:5, 10:20] = 8  # 50 px, invented
    seen = overlaps(truth, found)
    told = panoptic_quality(seen)
    assert aji(seen) == pytest.approx(16 / (20 + 10 + 50))
    assert told.detection == pytest.approx(1 / 2)
    assert told.segmentation == pytest.approx(0.8)
    assert told.both == pytest.approx(0.4)


def test_an_iou_of_one_half_is_no_match() -> None:
    truth, found = np.zeros((2, 4, 4), int)
    truth[0, :2], found[0, :1] = 1, 1
    assert panoptic_quality(overlaps(truth, found)).detection == 0


def test_one_found_nucleus_may_serve_two_true_ones() -> None:
    truth, found = np.zeros((2, 4, 8), int)
    truth[:, :4], truth[:, 4:], found[:] = 1, 2, 3
    assert aji(overlaps(truth, found)) == pytest.approx(32 / (32 + 32))


def test_nothing_on_either_side_is_not_measurable() -> None:
    empty = np.zeros((5, 5), int)
    assert np.isnan(aji(overlaps(empty, empty)))
    assert np.isnan(panoptic_quality(overlaps(empty, empty)).both)
    full = np.ones((5, 5), int)
    assert aji(overlaps(full, empty)) == aji(overlaps(empty, full)) == 0
    assert aji(overlaps(full, full)) == 1


def test_other_grids_are_refused() -> None:
    with pytest.raises(ValueError, match="not on one grid"):
        overlaps(np.zeros((5, 5), int), np.zeros((5, 6), int))


def test_a_tile_of_700_nuclei_takes_well_under_a_second() -> None:
    rng = np.random.default_rng(0)
    truth, found = np.zeros((2, 1000, 1000), np.int32)
    for i, (y, x) in enumerate(rng.integers(0, 970, (700, 2)), start=1):
        truth[y : y + 25, x : x + 25] = i
        found[y + 2 : y + 27, x + 1 : x + 26] = i
    start = time.process_time()
    seen = overlaps(truth, found)
    assert 0.5 < aji(seen) < 1
    assert 0.5 < panoptic_quality(seen).both < 1
    assert time.process_time() - start < 0.8


def test_areas_by_hand() -> None:
    truth = np.array([[1, 1, 0, 0]], bool)
    found = np.array([[0, 1, 1, 0]], bool)
    counts = area_counts(truth, found)
    assert counts.tolist() == [1, 2, 2]
    assert dice(counts) == pytest.approx(0.5)
    assert iou(counts) == pytest.approx(1 / 3)
    unjudged = area_counts(truth, found, np.array([[1, 1, 0, 1]], bool))
    assert unjudged.tolist() == [1, 1, 2]


def test_mean_iou_is_the_mean_over_classes() -> None:
    counts = np.array([[1.0, 2, 2, 4, 4, 4], [0, 0, 0, 2, 3, 3]])
    np.testing.assert_allclose(mean_iou(counts)[0], (1 / 3 + 1) / 2)
    told = pooled(counts, mean_iou)
    assert told.value == pytest.approx((1 / 3 + 6 / 8) / 2)
    assert np.isnan(mean_iou(counts)[1])  # a class that is nowhere has no IoU
