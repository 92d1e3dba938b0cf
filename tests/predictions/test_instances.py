"""Maps whose nuclei are known, because they were painted, come back as these nuclei."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from pathology.predictions.instances import Decoded, centre_peaks, decode, numbered
from pathology.records.model import NucleusDecoding
from tests.predictions.painted_maps import SURE, blank, disc, maps_of

MPP = 0.5
DECODING = NucleusDecoding(
    least_nucleus=0.5,
    least_centre=0.3,
    least_distance_um=2.0,
    most_offset_um=3.0,
    least_area_um2=5.0,
)


def decoded(maps: NDArray[np.floating], **changes: float) -> Decoded:
    return decode(maps, MPP, dataclasses.replace(DECODING, **changes))


def field(seed: int = 0, side: int = 256, step: int = 20) -> tuple[NDArray[np.int32], list]:
    """Discs on a jittered grid, many of them touching."""
    rng = np.random.default_rng(seed)
    labels, centres = blank(side, side), []
    for y in range(step, side - step + 1, step):
        for x in range(step, side - step + 1, step):
            place = tuple(np.array([x, y]) + rng.uniform(-2.5, 2.5, 2))
            centres.append(place)
            disc(labels, *place, rng.uniform(5, 10), len(centres))
    return labels, centres


def test_touching_nuclei_come_back_pixel_by_pixel() -> None:
    labels, centres = blank(), [(30.5, 40.5), (46.5, 40.5), (38.5, 54.5)]
    for number, (x, y) in enumerate(centres, start=1):
        disc(labels, x, y, 8.6, number)
    found = decoded(maps_of(labels, centres))
    np.testing.assert_array_equal(found.labels, labels)
    assert found.peaks_px.tolist() == [[30, 40], [46, 40], [38, 54]]


@pytest.mark.parametrize("kind", [np.float32, np.float16])
@pytest.mark.parametrize("seed", range(4))
def test_a_crowd_comes_back(seed: int, kind: type) -> None:
    labels, centres = field(seed)
    sizes = np.bincount(labels.ravel())
    found = decoded(maps_of(labels, centres).astype(kind), least_area_um2=0.25)
    assert len(found.peaks_px) == len(np.unique(labels)) - 1
    differing = (found.labels > 0) != (labels > 0)
    assert differing.sum() <= 0.001 * labels.size  # crumbs that a neighbour cut off
    for x, y in found.peaks_px:
        truth, ours = labels[y, x], found.labels[y, x]
        assert np.count_nonzero(found.labels == ours) == pytest.approx(sizes[truth], abs=3)


def test_noise_on_the_offsets_is_forgiven_up_to_the_tolerance() -> None:
    labels, centres = blank(), [(34.5, 40.5), (50.5, 40.5)]
    for number, (x, y) in enumerate(centres, start=1):
        disc(labels, x, y, 8.6, number)
    maps = maps_of(labels, centres)
    maps[2:4] += np.random.default_rng(0).normal(0, 0.15, maps[2:4].shape)  # 1.2 px
    found = decoded(maps)
    assert len(found.peaks_px) == 2
    assert (found.labels == labels).mean() > 0.99
    maps[2:4] += 3.0  # 24 px: far beyond the tolerance
    assert len(decoded(maps).peaks_px) == 0


def test_nothing_is_found_in_nothing() -> None:
    maps = np.full((9, 64, 80), -SURE, np.float32)
    found = decoded(maps)
    assert found.labels.shape == (64, 80)
    assert not found.labels.any()
    assert len(found.peaks_px) == len(found.cell_class) == len(found.positive_probability) == 0


def test_a_nucleus_of_one_pixel() -> None:
    labels = blank(32, 32)
    labels[10, 20] = 1
    maps = maps_of(labels, [(20.5, 10.5)])
    assert decoded(maps).peaks_px.tolist() == []
    found = decoded(maps, least_area_um2=0.25)
    assert found.peaks_px.tolist() == [[20, 10]]
    assert found.labels.sum() == found.labels[10, 20] == 1


def test_a_picture_that_is_one_nucleus() -> None:
    labels = np.ones((24, 24), np.int32)
    found = decoded(maps_of(labels, [(12.5, 12.5)]))
    np.testing.assert_array_equal(found.labels, labels)


def test_nuclei_at_the_edge_point_out_of_the_picture_and_are_left_out() -> None:
    labels = blank(64, 64)
    disc(labels, -3.0, 30.0, 9.0, 1)
    disc(labels, 40.0, 40.0, 8.0, 2)
    found = decoded(maps_of(labels, [(-3.0, 30.0), (40.0, 40.0)]))
    assert found.peaks_px.tolist() == [[40, 40]]
    np.testing.assert_array_equal(found.labels > 0, labels == 2)


def test_a_level_top_is_one_peak_and_distance_is_kept() -> None:
    centre = np.full((40, 60), -9.0, np.float32)
    centre[10:14, 10:14] = 2.0
    centre[10, 30] = centre[10, 33] = 2.0  # 1.5 µm apart: one
    centre[30, 30] = centre[30, 36] = 2.0  # 3 µm apart: two
    peaks = centre_peaks(centre, MPP, dataclasses.replace(DECODING, least_centre=1e-3))
    assert len(peaks) == 4
    assert [tuple(p) for p in peaks.tolist() if p[1] == 30] == [(30, 30), (36, 30)]


@pytest.mark.parametrize("least", [0.05, 0.5, 0.95])
def test_peaks_below_the_height_do_not_count(least: float) -> None:
    centre = np.full((40, 80), -9.0, np.float32)
    heights = (0.1, 0.4, 0.6, 0.9, 0.97)
    for place, height in enumerate(heights):
        # Level 3 x 3 tops, which the smoothing leaves as they are in their middle.
        centre[18:21, 14 * place + 8 : 14 * place + 11] = np.log(height / (1 - height))
    found = centre_peaks(centre, MPP, dataclasses.replace(DECODING, least_centre=least))
    assert len(found) == sum(height >= least for height in heights)


def test_fragments_go_and_holes_are_filled() -> None:
    labels = blank()
    disc(labels, 40.5, 40.5, 12.0, 1)
    maps = maps_of(labels, [(40.5, 40.5)])
    maps[0, 36:39, 44:47] = -SURE  # a hole: chromatin that the network took for background
    maps[0, 80:83, 40:43] = SURE  # a crumb far away that points to the nucleus
    maps[2, 80:83, 40:43] = 0
    maps[3, 80:83, 40:43] = -40 / 8
    found = decoded(maps)
    np.testing.assert_array_equal(found.labels, labels)


def test_a_hole_between_two_nuclei_belongs_to_neither() -> None:
    labels = blank()
    labels[30:50, 20:40], labels[30:50, 40:60] = 1, 2
    maps = maps_of(labels, [(30.5, 40.5), (50.5, 40.5)])
    maps[0, 38:42, 38:42] = -SURE
    found = decoded(maps)
    assert not found.labels[38:42, 38:42].any()
    assert set(np.unique(found.labels)) == {0, 1, 2}


def test_small_ones_go_and_numbers_stay_without_gaps() -> None:
    labels = blank()
    disc(labels, 20.5, 20.5, 7.0, 1)
    disc(labels, 50.5, 20.5, 2.2, 2)
    disc(labels, 70.5, 60.5, 7.0, 3)
    found = decoded(maps_of(labels, [(20.5, 20.5), (50.5, 20.5), (70.5, 60.5)]))
    assert found.peaks_px.tolist() == [[20, 20], [70, 60]]
    assert set(np.unique(found.labels)) == {0, 1, 2}


def test_class_and_positivity_are_means_over_the_nucleus() -> None:
    labels, centres = blank(), [(30.5, 30.5), (60.5, 60.5)]
    for number, (x, y) in enumerate(centres, start=1):
        disc(labels, x, y, 9.0, number)
    maps = maps_of(labels, centres, classes=(1, 2))
    maps[6, :30] = 0  # the upper half of the first knows no class: a quarter each
    found = decoded(maps)
    assert found.cell_class.tolist() == [1, 2]
    sure = np.exp(SURE) / (np.exp(SURE) + 3)
    upper = (labels[:30] == 1).sum() / (labels == 1).sum()
    assert found.class_probability[0] == pytest.approx(upper / 4 + (1 - upper) * sure, abs=1e-4)
    assert found.class_probability[1] == pytest.approx(sure, abs=1e-4)
    assert found.positive_probability == pytest.approx([0.9975, 0.0025], abs=1e-3)


@pytest.mark.parametrize("shift", [(0, 37), (53, 0), (41, 29)])
def test_a_nucleus_is_the_same_wherever_the_picture_was_cut(shift: tuple[int, int]) -> None:
    """Level maps of few bits, so that ties are common and have to be broken the same way."""
    labels, centres = field(seed=5)
    maps = np.round(maps_of(labels, centres) * 2) / 2
    maps += np.round(np.random.default_rng(1).normal(0, 0.6, maps.shape), 0).astype(np.float32) / 4
    down, right = shift
    whole, part = decoded(maps), decoded(maps[:, down:, right:])
    clear = 40  # px from the cut: nuclei there were seen whole by both

    def told(found: Decoded, dx: int, dy: int) -> set[tuple[int, ...]]:
        sizes = np.bincount(found.labels.ravel())[1:]
        return {
            (int(x) + dx, int(y) + dy, int(size), int(kind))
            for (x, y), size, kind in zip(found.peaks_px, sizes, found.cell_class, strict=True)
            if x + dx >= right + clear and y + dy >= down + clear
        }

    assert told(whole, 0, 0) == told(part, right, down)
    assert len(told(whole, 0, 0)) > 30


def test_labels_of_a_network_that_gives_nuclei_itself_are_put_in_order() -> None:
    labels = blank(40, 60)
    disc(labels, 40, 10, 5, 7)
    disc(labels, 10, 9, 5, 90)
    disc(labels, 30, 30, 5, 3)
    found = numbered(labels)
    assert found.peaks_px.tolist() == [[10, 9], [40, 10], [30, 30]]
    assert [int(found.labels[y, x]) for x, y in found.peaks_px] == [1, 2, 3]
    np.testing.assert_array_equal(found.labels > 0, labels > 0)
    assert len(numbered(blank()).peaks_px) == 0


def test_centres_without_a_nucleus_take_none_away() -> None:
    """Peaks on nothing, as pale stroma has them, above one real nucleus: the last of the labels."""
    labels, centres = blank(), [(10.5, 8.5), (30.5, 8.5), (50.5, 8.5), (70.5, 8.5), (48.5, 60.5)]
    disc(labels, *centres[-1], 8.6, len(centres))
    found = decoded(maps_of(labels, centres))
    assert found.peaks_px.tolist() == [[48, 60]]
    np.testing.assert_array_equal(found.labels > 0, labels > 0)
