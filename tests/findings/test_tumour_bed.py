"""The tumour bed and its nests, against shapes whose areas are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pathology.findings.strips import distance_px, nearest_mark, strips, within_reach
from pathology.findings.tumour_bed import closed, nest_areas_mm2, tumour_bed
from tests.findings.painted_tissue import MPP, RULES, disc, middles

X, Y = middles(6000)
TISSUE = np.ones(X.shape, bool)


def mm2(mask):
    return mask.sum() * MPP**2 / 1e6


def test_a_disc_is_its_own_bed():
    tumour = disc(X, Y, (3000, 3000), 1000)
    bed = tumour_bed(tumour, TISSUE, MPP, RULES.bed)
    assert mm2(bed) == pytest.approx(np.pi, rel=0.005)


@pytest.mark.parametrize(("gap_um", "pieces"), [(300, 1), (700, 2)])
def test_two_bars_are_one_bed_across_a_gap_narrower_than_the_disc(gap_um, pieces):
    """Closing by a disc of 500 µm fills the gap between long parallel edges, or leaves it."""
    tumour = (np.abs(Y - 3000) < 1500) & (np.abs(np.abs(X - 3000) - gap_um / 2 - 500) < 500)
    bed = tumour_bed(tumour, TISSUE, MPP, RULES.bed)
    middle = bed[375, 375]
    assert bool(middle) == (pieces == 1)
    assert len(nest_areas_mm2(tumour, bed, MPP)) == 2
    if pieces == 1:
        assert mm2(bed) == pytest.approx(3.0 * (2 + gap_um / 1000), rel=0.02)


def test_specks_are_no_bed():
    tumour = disc(X, Y, (1000, 1000), 100) | disc(X, Y, (4000, 4000), 500)
    bed = tumour_bed(tumour, TISSUE, MPP, RULES.bed)
    assert not bed[:250, :250].any()
    assert mm2(bed) == pytest.approx(0.25 * np.pi, rel=0.01)


@pytest.mark.parametrize(("radius_um", "filled"), [(500, True), (700, False)])
def test_small_gaps_in_a_bed_are_filled_and_large_ones_stay(radius_um, filled):
    """A hole of 0.79 mm² and one of 1.54 mm², both too wide for the closing."""
    tumour = disc(X, Y, (3000, 3000), 2000) & ~disc(X, Y, (3000, 3000), radius_um)
    bed = tumour_bed(tumour, TISSUE, MPP, RULES.bed)
    assert bool(bed[375, 375]) == filled


def test_the_rim_of_a_small_piece_is_no_bed():
    """0.76 mm² of stroma around a tumour is what the front runs through, not a hole."""
    tissue = disc(X, Y, (3000, 3000), 1000)
    tumour = disc(X, Y, (3000, 3000), 870)
    bed = tumour_bed(tumour, tissue, MPP, RULES.bed)
    assert mm2(bed) == pytest.approx(np.pi * 0.87**2, rel=0.005)


def test_another_piece_of_tissue_is_no_bed():
    tissue = disc(X, Y, (2000, 2000), 1800) | disc(X, Y, (5000, 5000), 450)
    bed = tumour_bed(disc(X, Y, (2000, 2000), 800), tissue, MPP, RULES.bed)
    assert mm2(bed) == pytest.approx(np.pi * 0.64, rel=0.005)


def test_a_hole_is_filled_with_its_tissue_only():
    """A lumen in a hole stays glass."""
    hole, lumen = disc(X, Y, (3000, 3000), 500), disc(X, Y, (3000, 3000), 200)
    tumour = disc(X, Y, (3000, 3000), 1500) & ~hole
    bed = tumour_bed(tumour, ~lumen, MPP, RULES.bed)
    assert mm2(bed) == pytest.approx(np.pi * (1.5**2 - 0.2**2), rel=0.005)


def test_a_strand_in_steps_over_corners_is_one_nest():
    tumour = np.eye(100, dtype=bool)
    assert len(nest_areas_mm2(tumour, np.ones_like(tumour), MPP)) == 1


@settings(max_examples=10, deadline=None)
@given(
    turn=st.integers(0, 3),
    shift=st.tuples(st.integers(-40, 40), st.integers(-40, 40)),
    mpp=st.sampled_from([4.0, 8.0, 16.0]),
)
def test_the_bed_does_not_hang_on_how_the_slide_lies(turn, shift, mpp):
    def piece(x, y):
        far = np.abs(x - 3000) < 2400
        body = disc(x, y, (2600, 3000), 500) | disc(x, y, (3700, 3000), 450)
        return far & (np.hypot(x - 3000, y - 3000) < 2700), body

    tissue, tumour = piece(*middles(6000, 8.0))
    first = mm2(tumour_bed(tumour, tissue, 8.0, RULES.bed))
    x, y = middles(6000, mpp)
    tissue, tumour = (np.rot90(m, turn) for m in piece(x - shift[0] * 8, y - shift[1] * 8))
    again = tumour_bed(tumour, tissue, mpp, RULES.bed).sum() * mpp**2 / 1e6
    assert again == pytest.approx(first, rel=0.02)


def test_strips_change_nothing(monkeypatch):
    """Distances by strips are those of the whole map, marks and all."""
    rng = np.random.default_rng(1)
    mask = rng.random((301, 90)) < 0.002
    marks = np.where(mask, rng.integers(1, 3, mask.shape), 0).astype(np.uint8)
    whole = within_reach(mask, 7.5), distance_px(mask, 12.0), nearest_mark(marks, 12.0)
    truth = ndimage.distance_transform_edt(~mask)
    assert np.array_equal(whole[0], truth <= 7.5)
    assert np.allclose(whole[1], np.where(truth <= 12, truth, np.inf))
    monkeypatch.setattr("pathology.findings.strips.STRIP_PX", 64)
    assert len(list(strips(mask.shape, 8))) > 30
    again = within_reach(mask, 7.5), distance_px(mask, 12.0), nearest_mark(marks, 12.0)
    assert np.array_equal(whole[0], again[0])
    assert np.array_equal(whole[1], again[1])
    # Of two marks equally near either may win.
    tied = (whole[2] != again[2]).mean()
    assert tied < 0.01
    assert np.array_equal(whole[2] > 0, again[2] > 0)


def test_a_bed_ends_with_the_tissue():
    tissue = X > 2000
    tumour = disc(X, Y, (2000, 3000), 1000) & tissue
    bed = tumour_bed(tumour, tissue, MPP, RULES.bed)
    assert not (bed & ~tissue).any()
    assert mm2(bed) == pytest.approx(np.pi / 2, rel=0.02)


def test_nests_are_counted_and_measured():
    tumour = np.zeros(X.shape, bool)
    radii = (300, 200, 150)
    for place, radius in zip((1500, 2600, 3500), radii, strict=True):
        tumour |= disc(X, Y, (place, 3000), radius)
    bed = tumour_bed(tumour, TISSUE, MPP, RULES.bed)
    areas = nest_areas_mm2(tumour, bed, MPP)
    assert areas == pytest.approx([np.pi * r**2 / 1e6 for r in radii[: len(areas)]], rel=0.05)


def test_closing_holds_the_mask_and_twice_changes_nothing():
    rng = np.random.default_rng(0)
    mask = rng.random((120, 150)) < 0.02
    once = closed(mask, 5)
    assert (once >= mask).all()
    assert np.array_equal(closed(once, 5), once)


def test_no_tumour_has_no_bed():
    assert not tumour_bed(np.zeros(X.shape, bool), TISSUE, MPP, RULES.bed).any()
