"""Targets of a crop: what is asked, where, and what is not judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pathology.training.field import UNKNOWN
from pathology.training.nucleus_targets import (
    CLEAR_OF_POINTS_UM,
    NOT_JUDGED,
    CropTruth,
    targets_of,
)

SIDE = 64


def truth(
    *, outlined: bool = True, complete: bool = True, side: int = SIDE, lone: bool = False
) -> CropTruth:
    """Two squares; the class of the second, the positivity of the first are unknown."""
    labels = np.zeros((side, side), np.int32)
    labels[10:20, 12:24] = 1
    if not lone:
        labels[40:49, 30:37] = 2
    return CropTruth(
        instances=labels,
        centre_px=np.array([[18.0, 15.0], [33.5, 44.5]], np.float32),
        cell_class=np.array([2, UNKNOWN], np.int8),
        positive=np.array([UNKNOWN, 1], np.int8),
        outlined=outlined,
        complete=complete,
        mpp=0.5,
    )


def test_every_pixel_of_a_nucleus_points_to_its_centre() -> None:
    seen = truth()
    targets = targets_of(seen)
    row, column = np.nonzero(seen.instances)
    x = column + 0.5 + targets.offset_px[0, row, column]
    y = row + 0.5 + targets.offset_px[1, row, column]
    centre = seen.centre_px[seen.instances[row, column] - 1]
    np.testing.assert_allclose(np.stack([x, y], axis=1), centre, atol=1e-5)
    assert not targets.offset_px[:, seen.instances == 0].any()
    np.testing.assert_array_equal(targets.inside, seen.instances > 0)


def test_the_peak_stands_on_the_centre_and_falls_off() -> None:
    centre = targets_of(truth()).centre
    for x, y in ((18, 15), (33, 44)):
        assert centre[y, x] == pytest.approx(1)
        assert centre[y, x + 1] < 1
        assert centre[y, x + 1] > centre[y, x + 2]
    assert centre.max() == pytest.approx(1)
    assert centre[30, 5] == 0


def test_a_centre_outside_of_the_crop_has_no_peak() -> None:
    seen = truth(lone=True)
    outside = CropTruth(
        instances=seen.instances,
        centre_px=np.array([[18.0, -3.0], [90.0, 44.0]], np.float32),
        cell_class=seen.cell_class,
        positive=seen.positive,
        outlined=True,
        complete=True,
        mpp=0.5,
    )
    assert targets_of(outside).centre.max() < 1


def test_unknown_values_are_not_judged() -> None:
    targets = targets_of(truth())
    assert set(np.unique(targets.cell_class)) == {NOT_JUDGED, 2}
    assert targets.cell_class[15, 18] == 2
    assert targets.cell_class[44, 33] == NOT_JUDGED
    assert targets.positive[15, 18] == NOT_JUDGED
    assert targets.positive[44, 33] == 1
    assert targets.positive[0, 0] == NOT_JUDGED


def test_what_is_not_painted_in_an_incomplete_field_is_not_judged() -> None:
    targets = targets_of(truth(complete=False))
    outside = ~targets.inside
    assert (targets.nucleus[outside] == NOT_JUDGED).all()
    assert (targets.centre[outside] == NOT_JUDGED).all()
    assert (targets.nucleus[targets.inside] == 1).all()
    assert (targets_of(truth()).nucleus[outside] == 0).all()


def test_around_bare_points_the_outline_is_not_judged() -> None:
    targets = targets_of(truth(outlined=False))
    assert targets.nucleus[15, 18] == 1
    assert targets.nucleus[15, 25] == NOT_JUDGED
    clear_px = CLEAR_OF_POINTS_UM / 0.5
    assert targets.nucleus[15, int(23 + clear_px) + 1] == 0


def test_a_crop_without_a_nucleus_is_all_background() -> None:
    empty = CropTruth(
        instances=np.zeros((32, 32), np.int32),
        centre_px=np.empty((0, 2), np.float32),
        cell_class=np.empty(0, np.int8),
        positive=np.empty(0, np.int8),
        outlined=False,
        complete=True,
        mpp=0.5,
    )
    targets = targets_of(empty)
    assert not targets.nucleus.any()
    assert not targets.centre.any()


def test_near_a_point_beyond_the_edge_nothing_is_judged_background() -> None:
    """Of a nucleus known by its centre alone, a part may lie in the crop and its centre not."""
    seen = truth(outlined=False)
    beyond = np.array([[-4.0, 32.0]], np.float32)
    more = CropTruth(
        instances=seen.instances,
        centre_px=np.concatenate([seen.centre_px, beyond]),
        cell_class=np.append(seen.cell_class, np.int8(0)),
        positive=np.append(seen.positive, np.int8(UNKNOWN)),
        outlined=False,
        complete=True,
        mpp=seen.mpp,
    )
    reach = int(CLEAR_OF_POINTS_UM / seen.mpp) - 4
    assert (targets_of(seen).nucleus[32, :reach] == 0).all()
    assert (targets_of(more).nucleus[32, : reach - 1] == NOT_JUDGED).all()
    assert targets_of(more).nucleus[32, reach + 2] == 0


@pytest.mark.parametrize("mpp", [0.5, 0.25])
def test_a_peak_is_as_wide_in_micrometres_at_any_scale(mpp: float) -> None:
    """So that a finer network is not asked for the very pixel of a large nucleus's centre."""
    across_px = round(8 / mpp)
    labels = np.zeros((2 * across_px, 2 * across_px), np.int32)
    middle = slice(across_px // 2, across_px // 2 + across_px)
    labels[middle, middle] = 1
    seen = replace(
        truth(lone=True),
        instances=labels,
        centre_px=np.full((2, 2), across_px + 0.5, np.float32),
        mpp=mpp,
    )
    peak = targets_of(seen).centre
    one_um = round(1 / mpp)
    wide_um = 0.16 * 2 * 8 / np.sqrt(np.pi)
    wanted = np.exp(-1 / (2 * wide_um**2))
    assert peak[across_px, across_px + one_um] == pytest.approx(wanted, abs=0.01)
