"""The invasive front: lengths, assessability and distances in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.findings.invasive_front import invasive_front
from tests.findings.painted_tissue import MPP, RULES, disc, middles

SIDE = 6000
X, Y = middles(SIDE)
TISSUE = np.ones(X.shape, bool)


def front_of(bed, tissue=TISSUE, mpp=MPP):
    return invasive_front(bed, tissue, mpp, RULES.front)


@pytest.mark.parametrize("radius_um", [400, 1000, 2000])
def test_a_circle_is_as_long_as_a_circle(radius_um):
    front = front_of(disc(X, Y, (3000, 3000), radius_um))
    assert front.length_um == pytest.approx(2 * np.pi * radius_um, rel=0.01)
    assert front.share == 1


@pytest.mark.parametrize("mpp", [4.0, 6.3, 16.0])
def test_a_circle_is_as_long_at_any_scale_of_the_map(mpp):
    x, y = middles(SIDE, mpp)
    front = front_of(disc(x, y, (3000, 3000), 700), np.ones(x.shape, bool), mpp)
    assert front.length_um == pytest.approx(2 * np.pi * 700, rel=0.02)


@pytest.mark.parametrize("degrees", [0, 30, 45, 77])
def test_a_slanting_edge_is_no_staircase(degrees):
    turn = np.deg2rad(degrees)
    across = (X - 3000) * np.cos(turn) + (Y - 3000) * np.sin(turn)
    along = -(X - 3000) * np.sin(turn) + (Y - 3000) * np.cos(turn)
    bed = (np.abs(across) < 800) & (np.abs(along) < 1500)
    assert front_of(bed).length_um == pytest.approx(2 * (1600 + 3000), rel=0.015)


def test_a_stripe_has_two_fronts_and_its_ends_are_not_assessable():
    front = front_of((X > 2000) & (X < 4000))
    assert front.length_um == pytest.approx(2 * (SIDE - 200), rel=0.01)
    # Beside the two fronts the border runs along the slide's, 2 mm at either end.
    assert front.share == pytest.approx((SIDE - 200) / (SIDE + 2000), abs=0.01)
    assert len(front.assessable) == 2


def test_a_ring_has_an_outer_and_an_inner_front():
    ring = disc(X, Y, (3000, 3000), 2000) & ~disc(X, Y, (3000, 3000), 1000)
    front = front_of(ring)
    assert len(front.assessable) == 2
    assert front.length_um == pytest.approx(2 * np.pi * 3000, rel=0.01)


def test_tumour_at_the_edge_is_assessable_where_it_is_not_at_the_edge():
    """Half a disc on the tissue's edge: the arc counts but for 100 µm at either end."""
    tissue = X > 1000
    bed = disc(X, Y, (1000, 3000), 1500) & tissue
    front = front_of(bed, tissue)
    arc = np.pi * 1500
    lost = 2 * 1500 * np.arcsin(100 / 1500)
    assert front.length_um == pytest.approx(arc - lost, rel=0.02)
    # What of the border lies on the tissue's edge is border of the bed, too, and not assessable.
    assert front.share == pytest.approx((arc - lost) / (arc + 3000), abs=0.02)


def test_the_slides_border_is_an_edge_like_any_other():
    """The same half disc, cut by the end of the tissue and by the end of the scan."""
    tissue = X > 1000
    inside = front_of(disc(X, Y, (1000, 3000), 1500) & tissue, tissue)
    cut = front_of(disc(X, Y, (0, 3000), 1500))
    assert cut.share == pytest.approx(inside.share, abs=0.005)
    assert cut.length_um == pytest.approx(inside.length_um, rel=0.002)


@pytest.mark.parametrize(("depth_um", "enough"), [(1500, True), (150, False)])
def test_more_than_half_of_the_border_along_the_edge_is_too_much(depth_um, enough):
    """A slab 3 mm wide along the edge: its long side and two short ones are front."""
    tissue = X > 1000
    bed = tissue & (1000 + depth_um > X) & (np.abs(Y - 3000) < 1500)
    front = front_of(bed, tissue)
    good = 3000 + 2 * (depth_um - 100)
    assert front.share == pytest.approx(good / (6000 + 2 * depth_um), abs=0.01)
    assert (front.share >= RULES.front.least_assessable_share) == enough


def test_a_front_beside_an_excluded_area_is_not_assessable():
    bed = (np.abs(X - 3000) < 1000) & (np.abs(Y - 3000) < 1000)
    fold = (np.abs(X - 4050) < 40) & (np.abs(Y - 3000) < 500)
    front = front_of(bed, ~fold)
    # Everything within 100 µm of the fold: 1 mm and a quarter circle's chord at either end.
    lost = 1000 + 2 * np.sqrt(100**2 - 10**2)
    assert 8000 - front.length_um == pytest.approx(lost, abs=60)


def test_without_other_tissue_or_without_bed_there_is_no_front():
    assert front_of(TISSUE) is None
    assert front_of(np.zeros(X.shape, bool)) is None


@settings(max_examples=15, deadline=None)
@given(
    turn=st.integers(0, 3),
    shift=st.tuples(st.integers(-60, 60), st.integers(-60, 60)),
    zoom=st.sampled_from([4.0, 8.0, 16.0]),
)
def test_the_front_does_not_hang_on_how_the_slide_lies(turn, shift, zoom):
    def shape(x, y):
        body = disc(x, y, (3000, 3000), 900) | disc(x, y, (3900, 3200), 500)
        return body & ~disc(x, y, (2600, 2600), 350)

    first = front_of(shape(X, Y)).length_um
    x, y = middles(SIDE, zoom)
    moved = np.rot90(shape(x - shift[0] * 8, y - shift[1] * 8), turn)
    again = front_of(moved, np.ones(moved.shape, bool), zoom).length_um
    assert again == pytest.approx(first, rel=0.02)
