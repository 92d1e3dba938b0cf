"""Intervals that mind clustering, against painted clusters."""

import numpy as np
import pytest

from pathology.findings.bootstrap import block_bootstrap
from pathology.findings.clustering import (
    Blocks,
    blocks_of,
    correlation_of,
    fields_clustered,
    global_clustered,
)
from pathology.findings.interval import wilson_interval
from tests.findings.painted_nuclei import RULES, called, spread


def beta_blocks(correlation, *, blocks=400, size=100, share=0.2, seed=0):
    """Blocks whose own share is drawn from a beta distribution of that correlation."""
    rng = np.random.default_rng(seed)
    total = 1 / correlation - 1
    own = rng.beta(share * total, (1 - share) * total, blocks)
    return Blocks(positive=rng.binomial(size, own), scored=np.full(blocks, size))


@pytest.mark.parametrize("correlation", [0.02, 0.05, 0.2])
def test_the_correlation_painted_is_the_correlation_found(correlation):
    assert correlation_of(beta_blocks(correlation)) == pytest.approx(correlation, rel=0.2)


def test_chance_alone_is_no_correlation():
    rng = np.random.default_rng(0)
    blocks = Blocks(positive=rng.binomial(100, 0.2, 400), scored=np.full(400, 100))
    assert correlation_of(blocks) < 0.003
    assert correlation_of(Blocks(positive=np.zeros(9, int), scored=np.full(9, 100))) == 0


def test_four_hundred_nuclei_in_fields_are_worth_sixty_seven():
    """Correlation 0.05 and 100 nuclei a field: design effect 5.95."""
    blocks = beta_blocks(0.05, blocks=5000)
    found = fields_clustered(0.2, (100, 100, 100, 100), blocks, RULES.clustering)
    low, high = wilson_interval(0.2 * 67.2, 67.2)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.006)


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says():
    hits = 0
    for seed in range(200):
        blocks = beta_blocks(0.1, blocks=40, seed=seed)
        low, high = block_bootstrap(blocks.positive, blocks.scored, resamples=400, seed=seed)
        hits += low <= 0.2 <= high
    assert 0.88 <= hits / 200 <= 0.98


def test_blocks_are_squares_of_the_slide():
    nuclei = called(np.array([[10.0, 10], [490, 490], [510, 10]]), np.array([1.0, 0, 1]))
    blocks = blocks_of(nuclei, 500)
    assert sorted(zip(blocks.positive, blocks.scored, strict=True)) == [(1, 1), (1, 2)]


def test_too_few_blocks_say_nothing():
    nuclei = called(spread(1400), 0.2)
    assert global_clustered(blocks_of(nuclei, 500), RULES.clustering) is None
