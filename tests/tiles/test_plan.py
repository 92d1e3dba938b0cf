from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pathology.config import load_record, shipped_configs
from pathology.records.geometry import Box, Mpp
from pathology.records.settings.tiles import TilesSettings
from pathology.records.tile import ExcludedArea, Survey
from pathology.tiles.plan import cover_fraction, plan_tiles, under, work_downsample
from pathology.tiles.samples import choose_samples
from tests.tiles.array_slide import SETTINGS, survey_with


@pytest.mark.parametrize(
    ("mpp", "target", "expected"),
    [
        (0.25, 0.5, 2),
        (0.2525, 0.5, 2),
        (0.2431, 0.5, 2),
        (0.28, 0.5, 1),
        (0.5, 0.5, 1),
        (0.499, 0.5, 1),
        (0.55, 0.5, 1),
        (1.0, 0.5, 1),
        (0.11, 0.5, 4),
        (0.121, 0.25, 2),
    ],
)
def test_the_work_scale_is_the_coarsest_cheap_one_that_fits(
    mpp: float, target: float, expected: int
) -> None:
    assert work_downsample(Mpp(mpp), target) == expected


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    ratio=st.sampled_from([4.0, 16.0, 160.0, 100.3, 257.0]),
    cut=st.floats(0.01, 1.0),
)
def test_cores_cover_all_scored_tissue_once_and_nothing_else(
    seed: int, rows: int, columns: int, ratio: float, cut: float
) -> None:
    rng = np.random.default_rng(seed)
    tissue = rng.random((rows, columns)) < 0.1
    damaged = rng.random((rows, columns)) < 0.05
    survey = Survey(
        slide_id="s",
        downsample=2 * ratio,
        mpp=Mpp(0.5 * ratio),
        tissue=tissue,
        excluded=(ExcludedArea(name="pen", mask=damaged),),
    )
    size = tuple(int(np.ceil((n - 1 + cut) * 2 * ratio)) for n in (columns, rows))
    plan = plan_tiles(survey, size, 2.0, Mpp(0.5), SETTINGS)
    covered = np.zeros((int(np.ceil(size[1] / 2)), int(np.ceil(size[0] / 2))), np.uint8)
    for core in plan.cores:
        assert core.x % plan.core_px == core.y % plan.core_px == 0
        assert core.right <= covered.shape[1]
        assert core.bottom <= covered.shape[0]
        covered[core.slices] += 1
        assert under(survey.scored, core, ratio).any()
    assert covered.max(initial=0) <= 1
    for row, column in zip(*np.nonzero(survey.scored), strict=True):
        top, left = int(np.ceil(row * ratio)), int(np.ceil(column * ratio))
        bottom, right = int((row + 1) * ratio), int((column + 1) * ratio)
        assert covered[top:bottom, left:right].all()


def test_cores_come_in_the_order_of_the_file_with_a_halo_in_whole_pixels() -> None:
    survey = survey_with(np.ones((300, 500), bool), mpp=8.0, downsample=32)
    plan = plan_tiles(survey, (16000, 9600), 2.0, Mpp(0.5), SETTINGS)
    assert plan.core_px == 2048
    assert plan.halo_px == 128
    assert [(c.x, c.y) for c in plan.cores] == [
        (x, y) for y in (0, 2048, 4096) for x in (0, 2048, 4096, 6144)
    ]
    assert plan.cores[-1] == Box(6144, 4096, 8000 - 6144, 4800 - 4096)


def test_a_slide_without_scored_tissue_has_no_tiles() -> None:
    survey = survey_with(np.zeros((30, 50), bool), mpp=8.0, downsample=32)
    assert len(plan_tiles(survey, (1600, 960), 2.0, Mpp(0.5), SETTINGS)) == 0
    assert choose_samples(survey, 2.0, Mpp(0.5), SETTINGS) == ()


def test_cover_is_the_share_of_the_box() -> None:
    mask = np.zeros((10, 10), bool)
    mask[:, :5] = True
    assert cover_fraction(mask, Box(0, 0, 160, 160), 16.0) == 0.5
    assert cover_fraction(mask, Box(80, 0, 80, 160), 16.0) == 0
    assert cover_fraction(mask, Box(500, 0, 80, 160), 16.0) == 0


def test_samples_are_spread_over_all_pieces_and_the_same_every_time() -> None:
    mask = np.zeros((400, 1000), bool)
    mask[20:380, 20:300] = True
    mask[150:300, 800:950] = True
    survey = survey_with(mask, mpp=8.0, downsample=32)
    boxes = choose_samples(survey, 2.0, Mpp(0.5), SETTINGS)
    assert len(boxes) == SETTINGS.samples.count
    assert boxes == choose_samples(survey, 2.0, Mpp(0.5), SETTINGS)
    assert {box.x * 2 / 32 > 600 for box in boxes} == {False, True}
    assert all(cover_fraction(mask, box, 16.0) >= 0.6 for box in boxes)
    assert list(boxes) == sorted(boxes, key=lambda b: (b.y, b.x))
    assert boxes[0].width == 512


def test_a_thin_biopsy_is_sampled_although_no_box_is_full() -> None:
    mask = np.zeros((400, 1000), bool)
    mask[200:204, 100:900] = True
    boxes = choose_samples(survey_with(mask, mpp=8.0, downsample=32), 2.0, Mpp(0.5), SETTINGS)
    assert len(boxes) == SETTINGS.samples.count
    assert all(cover_fraction(mask, box, 16.0) > 0 for box in boxes)


def test_a_field_smaller_than_a_sample_is_its_own_sample() -> None:
    survey = survey_with(np.ones((300, 200), bool), mpp=0.5)
    assert choose_samples(survey, 1.0, Mpp(0.5), SETTINGS) == (Box(0, 0, 200, 300),)


def test_the_shipped_settings_load_and_name_their_sources() -> None:
    loaded = load_record(shipped_configs() / "tiles.toml", TilesSettings)
    assert loaded == SETTINGS
    for section in (
        loaded.overview, loaded.glass, loaded.tissue, loaded.quality, loaded.quality.pen,
        loaded.quality.fold, loaded.quality.bubble, loaded.control, loaded.focus, loaded.tiling,
        loaded.samples,
    ):  # fmt: skip
        assert len(section.source) > 20
