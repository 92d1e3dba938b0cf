from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from pathology.exchange.outlines import inside, polygons_of, rasterise
from pathology.exchange.shapes import area_px0, shapes_of
from pathology.records.region import Polygon, Ring
from tests.exchange.examples import square

masks = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


@given(mask=masks, downsample=st.sampled_from([1.0, 3.7, 16.0]))
@settings(max_examples=400, deadline=None)
def test_outlines_painted_again_give_the_mask(mask, downsample):
    assert np.array_equal(rasterise(polygons_of(mask, downsample), mask.shape, downsample), mask)


@given(mask=masks)
@settings(max_examples=400, deadline=None)
def test_outlines_are_valid_disjoint_and_as_large_as_the_mask(mask):
    shapes = shapes_of(polygons_of(mask, 2.0))
    assert shapely.is_valid(shapes).all()
    assert shapely.area(shapes).sum() == mask.sum() * 4
    if len(shapes):
        assert shapely.union_all(shapes).area == mask.sum() * 4
    assert len(shapes) == ndimage.label(mask)[1]


def test_pixels_that_touch_at_a_corner_are_two_polygons_unless_joined_elsewhere():
    apart = np.array([[1, 0], [0, 1]], bool)
    joined = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 1]], bool)
    circle = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], bool)
    assert [len(polygons_of(m, 1.0)) for m in (apart, joined, circle)] == [2, 2, 1]
    assert len(polygons_of(circle, 1.0)[0].holes) == 1


def test_points_are_x_then_y_in_level_0_pixels():
    mask = np.zeros((4, 6), bool)
    mask[1, 2:5] = True
    points = polygons_of(mask, 10.0)[0].outer.points_px0
    assert points.min(axis=0).tolist() == [20, 10]
    assert points.max(axis=0).tolist() == [50, 20]
    assert len(points) == 4


def test_an_empty_mask_has_no_outline_and_a_full_one_a_single_box():
    assert polygons_of(np.zeros((3, 3), bool), 1.0) == ()
    assert area_px0(polygons_of(np.ones((3, 5), bool), 2.0)) == 60


def test_smoothed_outlines_stay_valid_disjoint_and_nearly_as_large():
    rng = np.random.default_rng(3)
    mask = ndimage.gaussian_filter(rng.random((120, 120)), 3) > 0.5
    exact, smooth = polygons_of(mask, 4.0), polygons_of(mask, 4.0, tolerance_px0=6.0)
    shapes = shapes_of(smooth)
    assert shapely.is_valid(shapes).all()
    assert shapely.union_all(shapes).area == pytest.approx(shapely.area(shapes).sum())
    assert area_px0(smooth) == pytest.approx(area_px0(exact), rel=0.03)
    assert sum(len(p.outer.points_px0) for p in smooth) < sum(
        len(p.outer.points_px0) for p in exact
    )


def test_overlapping_polygons_cover_what_either_covers():
    ring = Polygon(outer=square(0, 0, 8), holes=(square(2, 2, 4),))
    plug = Polygon(outer=square(1, 1, 6))
    both = rasterise([ring, plug], (8, 8), 1.0)
    assert both.all()
    assert rasterise([ring], (8, 8), 1.0).sum() == 64 - 16


def test_the_direction_a_person_drew_in_does_not_matter():
    backwards = Polygon(outer=Ring(points_px0=square(1, 1, 4).points_px0[::-1]))
    assert rasterise([backwards], (8, 8), 1.0).sum() == 16


def test_polygons_beyond_the_grid_are_cut():
    assert rasterise([Polygon(outer=square(-5, -5, 100))], (3, 4), 1.0).all()
    assert not rasterise([Polygon(outer=square(50, -5, 10))], (3, 4), 1.0).any()


@given(
    corners=arrays(np.float64, (3, 2), elements=st.floats(-5, 25, width=32)),
)
@settings(max_examples=200, deadline=None)
def test_painting_agrees_with_a_point_in_polygon_test(corners):
    triangle = shapely.Polygon(corners)
    if triangle.area < 0.1:
        return
    painted = rasterise([Polygon(outer=Ring(points_px0=corners))], (20, 20), 1.0)
    rows, columns = np.mgrid[:20, :20] + 0.5
    distance = shapely.distance(triangle.exterior, shapely.points(columns, rows))
    clear = distance > 1e-6
    assert np.array_equal(painted[clear], shapely.contains_xy(triangle, columns, rows)[clear])


def test_points_inside_any_polygon_are_found():
    hole = Polygon(outer=square(0, 0, 10), holes=(square(4, 4, 2),))
    points = np.array([[1.0, 1], [5, 5], [20, 20], [31, 31]])
    found = inside([hole, Polygon(outer=square(30, 30, 5))], points)
    assert found.tolist() == [True, False, False, True]
    assert inside([hole], np.empty((0, 2))).shape == (0,)
