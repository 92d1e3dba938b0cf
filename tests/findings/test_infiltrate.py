"""Area of infiltrate: discs, their union, their closing, and nothing that hangs on blocks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.findings.infiltrate import infiltrate_areas
from tests.findings.painted_tissue import MPP, RULES, scattered

RULE = RULES.infiltrate
DISC = np.pi * RULE.cell_radius_um**2
STROMA = np.ones((250, 250), bool)  # 2 x 2 mm


def share(cells, stroma=STROMA, rule=RULE, mpp=MPP):
    areas = infiltrate_areas(cells, stroma, mpp, rule)
    return areas.infiltrate.sum() / areas.stroma.sum()


def lattice(step_um, side_um=2000):
    """Cells every ``step_um``, each a little off, so that pixels do not all cut them alike."""
    at = np.arange(step_um / 2, side_um, step_um)
    even = np.stack(np.meshgrid(at, at), -1).reshape(-1, 2)
    return even + np.random.default_rng(0).uniform(-1, 1, even.shape)


def test_single_cells_cover_the_area_of_their_discs():
    cells = lattice(50)
    assert share(cells) == pytest.approx(len(cells) * DISC / 4e6, rel=0.02)


def test_the_same_cell_twice_counts_once():
    cells = lattice(50)
    assert share(np.concatenate([cells, cells])) == share(cells)


def test_two_cells_that_overlap_cover_their_union():
    """The lens of two discs of radius r whose middles are r apart, in closed form; not closed."""
    r = RULE.cell_radius_um
    lens = 2 * r**2 * np.arccos(0.5) - r / 2 * np.sqrt(4 * r**2 - r**2)
    pairs = np.concatenate([lattice(100) + 0.3, lattice(100) + np.array([r + 0.3, 0.3])])
    open_rule = replace(RULE, closing_um=0.01, pixel_um=0.5)
    found = share(pairs, rule=open_rule)
    assert found == pytest.approx(400 * (2 * DISC - lens) / 4e6, rel=0.02)


def test_crowded_cells_are_one_infiltrate():
    """On a lattice of 12 µm the gaps between discs close: all of the stroma is infiltrated."""
    assert share(lattice(12)) > 0.95
    assert share(lattice(40)) == pytest.approx(DISC / 1600, rel=0.03)


def test_cells_beside_the_stroma_do_not_count():
    stroma = STROMA.copy()
    stroma[:, :125] = False
    cells = lattice(50)
    left = cells[cells[:, 0] < 990]
    assert share(left, stroma) == 0
    assert share(cells, stroma) == pytest.approx(DISC / 2500, rel=0.03)


@settings(max_examples=10, deadline=None)
@given(block=st.sampled_from([50, 130, 250, 400, 2000]), seed=st.integers(0, 99))
def test_the_answer_does_not_hang_on_the_blocks(block, seed):
    cells = scattered(2000, 900, seed)
    stroma = np.random.default_rng(seed).random((250, 250)) < 0.7
    whole = infiltrate_areas(cells, stroma, MPP, replace(RULE, block_um=2000))
    parts = infiltrate_areas(cells, stroma, MPP, replace(RULE, block_um=block))
    assert parts.stroma.sum() == whole.stroma.sum()
    assert parts.infiltrate.sum() == whole.infiltrate.sum()


@settings(max_examples=10, deadline=None)
@given(turn=st.integers(0, 3), mpp=st.sampled_from([4.0, 8.0, 10.0]))
def test_the_answer_does_not_hang_on_how_the_slide_lies_nor_on_the_map(turn, mpp):
    cells = scattered(2000, 900)
    turned = cells - 1000
    for _ in range(turn):
        turned = turned @ np.array([[0, 1.0], [-1, 0]])
    stroma = np.ones((round(2000 / mpp),) * 2, bool)
    assert share(turned + 1000, stroma, mpp=mpp) == pytest.approx(share(cells), rel=0.02)
