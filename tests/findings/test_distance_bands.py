"""The margin and its bands: rings of known area, and tissue that belongs to none."""

import numpy as np
import pytest

from pathology.findings.cell_density import MappedCells
from pathology.findings.distance_bands import bands_of, margin_of, signed_distance_um
from pathology.findings.invasive_front import invasive_front
from tests.findings.painted_tissue import MPP, RULES, disc, middles, scattered

SIDE = 6000
X, Y = middles(SIDE)
TISSUE = np.ones(X.shape, bool)
NO_CELLS = MappedCells.on_map(np.empty((0, 2)), X.shape, MPP)


def margin(bed, tissue=TISSUE, mpp=MPP):
    front = invasive_front(bed, tissue, mpp, RULES.front)
    return margin_of(front, bed, mpp, RULES.margin.half_width_um)


def mm2(mask, mpp=MPP):
    return mask.sum() * mpp**2 / 1e6


def ring(low_um, high_um):
    return np.pi * (high_um**2 - low_um**2) / 1e6


@pytest.mark.parametrize("mpp", [4.0, 8.0, 16.0])
def test_the_margins_of_a_disc_are_rings(mpp):
    x, y = middles(SIDE, mpp)
    found = margin(disc(x, y, (3000, 3000), 1500), np.ones(x.shape, bool), mpp)
    assert mm2(found.inner, mpp) == pytest.approx(ring(1000, 1500), rel=0.02)
    assert mm2(found.outer, mpp) == pytest.approx(ring(1500, 2000), rel=0.02)
    assert not (found.inner & found.outer).any()


def test_distances_are_from_the_border_and_negative_inside():
    distance = signed_distance_um(disc(X, Y, (3000, 3000), 1000), MPP, 500)
    truth = np.hypot(X - 3000, Y - 3000) - 1000
    near = np.abs(truth) < 490
    assert np.abs(distance - truth)[near].max() < MPP
    assert (np.sign(distance) == np.sign(truth)).all()
    assert np.isinf(distance[np.abs(truth) > 520]).all()


def test_a_straight_edge_is_at_half_a_pixel():
    distance = signed_distance_um(X < 3000, MPP, 500)
    near = np.abs(X - 3000) <= 500
    assert np.allclose(distance[near], (X - 3000)[near], atol=1e-3)


def test_bands_of_a_straight_front_are_stripes():
    """Outside 50 µm along 5.8 mm of front; inside the slide's border takes a corner at each end."""
    found = margin(X < 3000)
    bands = list(bands_of(found, NO_CELLS, RULES.margin))
    assert [b.from_um for b in bands] == list(range(-500, 500, 50))
    assert [b.to_um for b in bands] == list(range(-450, 550, 50))
    areas = np.array([b.area_mm2 for b in bands])
    # 50 µm are 6.25 pixels: a band has 6 or 7 rows of them.
    assert areas[10:] == pytest.approx(5.8 * 0.05, rel=0.16)
    assert areas[10:].sum() == pytest.approx(2.9, rel=0.02)
    corner = 0.1 * 0.1 + (0.5**2 - 0.1**2) / 2  # nearer to the slide's border, or within 100 µm
    assert areas[:10].sum() == pytest.approx(3 - 2 * corner, rel=0.02)
    assert areas.sum() == pytest.approx(mm2(found.both))


def test_bands_hold_the_cells_that_lie_in_them():
    cells = scattered(SIDE, 300)
    on_map = MappedCells.on_map(cells, X.shape, MPP)
    found = margin(disc(X, Y, (3000, 3000), 1500))
    bands = list(bands_of(found, on_map, RULES.margin))
    assert sum(b.count for b in bands) == on_map.count_in(found.both)
    assert all(b.low <= b.density <= b.high for b in bands)
    assert sum(b.low <= 300 <= b.high for b in bands) >= 17  # of 20, at 95 in 100


def test_a_band_of_too_little_area_has_a_count_and_no_density():
    bed = disc(X, Y, (3000, 3000), 300)
    inmost = list(bands_of(margin(bed), NO_CELLS, RULES.margin))[:6]
    assert all(b.density is None and b.low is None for b in inmost if b.area_mm2 < 0.02)
    assert any(b.density is None for b in inmost)
    assert inmost[0].area_mm2 == 0  # 450 to 500 µm inside a disc of 300


def test_tissue_beside_a_border_at_the_edge_belongs_to_no_margin():
    tissue = X > 1000
    bed = (X > 1000) & (X < 1050) | disc(X, Y, (4000, 3000), 600)
    found = margin(bed, tissue)
    assert found.both[375, 440]  # beside the disc
    assert not found.both[100, 140]  # beside the strip along the edge


def test_the_margin_of_half_a_disc_ends_where_the_tissue_does():
    tissue = X > 1000
    found = margin(disc(X, Y, (1000, 3000), 1500) & tissue, tissue)
    assert not found.inner[375, 130]  # the middle of the cut side, 40 µm from it
    # A ring of half a turn, short of what is nearer to the last 100 µm at either end.
    assert mm2(found.outer) == pytest.approx(ring(1500, 2000) / 2 - 0.1 * 0.5 * 2, rel=0.06)


def test_a_turned_slide_has_the_same_margins():
    bed = disc(X, Y, (2800, 3100), 900) | disc(X, Y, (3700, 3300), 500)
    first = margin(bed)
    for turn in (1, 2, 3):
        again = margin(np.rot90(bed, turn))
        assert mm2(again.inner) == pytest.approx(mm2(first.inner), rel=0.001)
        assert mm2(again.outer) == pytest.approx(mm2(first.outer), rel=0.001)
