"""What every ``Slide`` promises. Subclass it, give ``slide`` and ``truth``, and it is tested."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pathology.records.geometry import Box
from pathology.records.slide import Slide

DOWNSAMPLES = (1.0, 1.7, 2.0, 3.3, 4.0, 7.9, 16.0)
boxes = st.builds(
    Box,
    x=st.integers(-80, 700),
    y=st.integers(-80, 600),
    width=st.integers(1, 300),
    height=st.integers(1, 300),
)
tried = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.differing_executors],
)


class SlideContract:
    """Fixtures of a subclass, both of class scope: ``slide`` and ``truth``.

    ``truth`` (height, width, 3) uint8 are the level-0 pixels as another reader gives them.
    """

    tolerance = 0  # of a level-0 pixel, 0..255
    tolerance_reduced = 4.0  # mean over the slide of a pixel made smaller, 0..255; a lower level
    # in JPEG is further from the mean of level 0 than any error of ours

    @pytest.fixture(scope="class")
    @classmethod
    def slide(cls) -> Slide:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def truth(cls) -> NDArray[np.uint8]:
        raise NotImplementedError

    def test_level_0_has_the_size_of_the_truth(
        self, slide: Slide, truth: NDArray[np.uint8]
    ) -> None:
        facts = slide.info.facts
        assert (facts.height_px0, facts.width_px0) == truth.shape[:2]
        downsamples = [level.downsample for level in facts.levels]
        assert downsamples[0] == 1
        assert downsamples == sorted(set(downsamples))

    def test_native_pixels_are_the_truth(self, slide: Slide, truth: NDArray[np.uint8]) -> None:
        box = Box(0, 0, truth.shape[1], truth.shape[0])
        region = slide.read(box)
        assert region.lost == ()
        assert np.abs(region.pixels.astype(int) - truth).max() <= self.tolerance

    @given(box=boxes)
    @tried
    def test_a_box_is_filled_and_white_past_the_edge(
        self, slide: Slide, truth: NDArray[np.uint8], box: Box
    ) -> None:
        region = slide.read(box)
        expected = np.full((box.height, box.width, 3), 255, np.uint8)
        if shown := box.overlap(Box(0, 0, truth.shape[1], truth.shape[0])):
            place = Box(shown.x - box.x, shown.y - box.y, shown.width, shown.height)
            expected[place.slices] = truth[shown.slices]
        assert (region.box, region.downsample) == (box, 1.0)
        assert region.pixels.dtype == np.uint8
        assert np.abs(region.pixels.astype(int) - expected).max() <= self.tolerance

    @given(one=boxes, other=boxes, downsample=st.sampled_from(DOWNSAMPLES))
    @tried
    def test_a_pixel_does_not_depend_on_the_box_it_was_read_in(
        self, slide: Slide, one: Box, other: Box, downsample: float
    ) -> None:
        shared = one.overlap(other)
        if shared is None:
            return
        seen = [
            slide.read(box, downsample=downsample).pixels[
                Box(shared.x - box.x, shared.y - box.y, shared.width, shared.height).slices
            ]
            for box in (one, other)
        ]
        assert np.array_equal(*seen)

    @given(wanted=st.lists(boxes, min_size=1, max_size=5), downsample=st.sampled_from(DOWNSAMPLES))
    @tried
    def test_a_sweep_gives_what_single_reads_give(
        self, slide: Slide, wanted: list[Box], downsample: float
    ) -> None:
        swept = list(slide.sweep(wanted, downsample=downsample))
        assert [region.box for region in swept] == wanted
        for region in swept:
            alone = slide.read(region.box, downsample=downsample)
            assert np.array_equal(region.pixels, alone.pixels)
            assert region.lost == alone.lost

    @pytest.mark.parametrize("downsample", DOWNSAMPLES)
    def test_a_smaller_picture_shows_the_same_place(
        self, slide: Slide, truth: NDArray[np.uint8], downsample: float
    ) -> None:
        truth = truth[:1024, :1024]
        height, width = (int(side / downsample) - 1 for side in truth.shape[:2])
        seen = slide.read(Box(0, 0, width, height), downsample=downsample).pixels
        expected = area_means(truth, width, height, downsample)
        assert np.abs(seen - expected).mean() <= self.tolerance_reduced
        if min(width, height) > 60:
            # Half an output pixel aside the fit must be worse, or the picture is shifted.
            shifted = np.abs(seen[:, 1:] - expected[:, :-1]).mean()
            assert np.abs(seen[:, 1:] - expected[:, 1:]).mean() < shifted

    def test_pixels_may_be_written_to(self, slide: Slide) -> None:
        for downsample in DOWNSAMPLES:
            pixels = slide.read(Box(0, 0, 20, 20), downsample=downsample).pixels
            assert pixels.flags.writeable
            assert pixels.flags.c_contiguous

    def test_writing_to_a_region_changes_no_other(self, slide: Slide) -> None:
        level = slide.info.facts.levels[0]
        box = Box(0, 0, level.tile_width, level.tile_height)
        first, again = slide.sweep([box, box], downsample=1.0)
        before = again.pixels.copy()
        first.pixels[:] = 0
        assert np.array_equal(again.pixels, before)

    def test_a_box_far_away_is_white(self, slide: Slide) -> None:
        for box in (Box(10**7, 5, 3, 2), Box(-900, -900, 30, 20)):
            region = slide.read(box, downsample=2.0)
            assert region.pixels.shape == (box.height, box.width, 3)
            assert (region.pixels == 255).all()

    @pytest.mark.parametrize("downsample", [0.0, 0.99, -1.0, float("nan"), float("inf")])
    def test_nothing_is_finer_than_the_scan(self, slide: Slide, downsample: float) -> None:
        with pytest.raises(ValueError, match="downsample"):
            slide.read(Box(0, 0, 5, 5), downsample=downsample)
        assert slide.read(Box(0, 0, 5, 5)).pixels.shape == (5, 5, 3)


def area_means(
    truth: NDArray[np.uint8], width: int, height: int, downsample: float
) -> NDArray[np.float64]:
    """Exact means over squares of ``downsample`` px, by a summed-area table."""
    table = np.zeros((truth.shape[0] + 1, truth.shape[1] + 1, 3))
    table[1:, 1:] = truth.astype(np.float64).cumsum(0).cumsum(1)
    across = at_edges(table, np.arange(height + 1) * downsample)
    across = at_edges(across.transpose(1, 0, 2), np.arange(width + 1) * downsample)
    sums = across.transpose(1, 0, 2)
    inner = sums[1:, 1:] - sums[:-1, 1:] - sums[1:, :-1] + sums[:-1, :-1]
    return inner / downsample**2


def at_edges(table: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of a table at fractional places."""
    low = np.minimum(np.floor(edges).astype(int), len(table) - 2)
    part = (edges - low)[:, None, None]
    return table[low] * (1 - part) + table[low + 1] * part
