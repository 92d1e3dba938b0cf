"""Crops: image and labels stay together, the same number gives the same crop."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pathology.config import load_record, shipped_configs
from pathology.predictions.stain import estimate_stains, separate
from pathology.records.settings.predictions import PredictionSettings
from pathology.training.colour import recoloured
from pathology.training.field import UNKNOWN, LabelledField, unknown
from pathology.training.nucleus_crops import (
    CropSettings,
    NucleusCrops,
    StainedField,
    class_weights,
    cut,
    painted_brown,
    turned,
)
from pathology.training.nucleus_targets import CropTruth
from tests.training.own_data import small_field

STAIN = load_record(shipped_configs() / "predictions.toml", PredictionSettings).stain
SETTINGS = CropSettings(
    side_px=96,
    mpp=0.5,
    least_zoom=0.7,
    most_zoom=1.4,
    recoloured_share=0.5,
    untouched_share=0.2,
)


def marked() -> LabelledField:
    """Nuclei of a colour of their own each: an image that says where every label belongs."""
    instances = np.zeros((200, 240), np.int32)
    pixels = np.full((200, 240, 3), 255, np.uint8)
    centres = []
    for number, (row, column) in enumerate(
        ((r, c) for r in range(10, 190, 24) for c in range(10, 230, 24)), start=1
    ):
        instances[row : row + 12, column : column + 8] = number
        pixels[row : row + 12, column : column + 8] = (number, 0, 255 - number)
        centres.append((column + 4.0, row + 6.0))
    n = len(centres)
    return LabelledField(
        name="marked",
        dataset="marked",
        group="1",
        stain="he",
        mpp=0.5,
        pixels=pixels,
        instances=instances,
        centre_px=np.array(centres),
        cell_class=unknown(n),
        positive=unknown(n),
    )


def check_together(pixels: np.ndarray, truth: CropTruth) -> None:
    """The middle of each nucleus is of its colour and its label, and its centre lies there."""
    side = truth.instances.shape[0]
    seen = 0
    for number, (x, y) in enumerate(truth.centre_px, start=1):
        if not (4 < x < side - 4 and 4 < y < side - 4):
            continue
        seen += 1
        column, row = int(x), int(y)
        assert truth.instances[row, column] == number
        assert abs(int(pixels[row, column, 0]) - number) <= 2
    assert seen >= 4


@pytest.mark.parametrize("seed", range(6))
def test_a_cut_keeps_image_labels_and_centres_together(seed: int) -> None:
    pixels, truth = cut(marked(), SETTINGS, np.random.default_rng(seed))
    assert pixels.shape == (96, 96, 3)
    assert 0.5 * 0.69 < truth.mpp < 0.5 * 1.41
    check_together(pixels, truth)


def test_all_eight_ways_to_turn_keep_them_together() -> None:
    pixels, truth = cut(marked(), SETTINGS, np.random.default_rng(3))
    ways = set()
    for seed in range(64):
        turned_pixels, turned_truth = turned(pixels, truth, np.random.default_rng(seed))
        check_together(turned_pixels, turned_truth)
        ways.add(turned_pixels.tobytes())
    assert len(ways) == 8


def crops(count: int = 50, seed: int = 1) -> NucleusCrops:
    fields = [small_field(0), small_field(1)]
    stained = [StainedField(field=f, stains=estimate_stains([f.pixels], STAIN)) for f in fields]
    return NucleusCrops(stained, {"painted": 1.0}, SETTINGS, seed=seed, count=count)


def test_a_crop_depends_on_its_number_and_the_seed_alone() -> None:
    first, second = crops(), crops(count=9)
    for number in (3, 0, 7):
        one, other = first[number], second[number]
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(crops()[0]["picture"], crops(seed=2)[0]["picture"])
    assert not torch.equal(first[0]["picture"], first[1]["picture"])


def test_sets_are_drawn_by_weight_and_fields_by_area() -> None:
    small, large = small_field(0), small_field(1)
    other = LabelledField(
        name="other",
        dataset="other",
        group="1",
        stain="he",
        mpp=1.0,
        pixels=large.pixels,
        instances=large.instances,
        centre_px=large.centre_px,
        cell_class=large.cell_class,
        positive=large.positive,
    )
    stains = estimate_stains([small.pixels], STAIN)
    stained = [StainedField(field=f, stains=stains) for f in (small, large, other)]
    drawn = NucleusCrops(stained, {"painted": 3.0, "other": 1.0}, SETTINGS, seed=1, count=1)
    np.testing.assert_allclose(drawn.share, [0.375, 0.375, 0.25])


def test_recolouring_gives_exactly_the_painted_positives() -> None:
    """DAB is where the truth says it is, far above what lies anywhere else."""
    field = small_field(1)
    assert field.stain == "he"
    stains = estimate_stains([field.pixels], STAIN)
    judged = 0
    for seed in range(24):
        rng = np.random.default_rng(seed)
        pixels, truth = cut(field, SETTINGS, rng)
        brown, truth = painted_brown(truth, rng)
        here = np.unique(truth.instances)[1:] - 1
        positive = truth.positive[here] == 1
        assert set(truth.positive.tolist()) <= {0, 1}
        if not (positive.any() and (~positive).any()):
            continue
        picture = recoloured(pixels, stains.vectors, stains.white, brown, rng).astype(np.uint8)
        seen = estimate_stains([picture], STAIN)
        if seen.kind != "ihc-dab":  # a field with a few faint positives
            continue
        dab = separate(picture, seen)[1]
        mean = np.bincount(truth.instances.ravel(), dab.ravel())[1:][here]
        mean /= np.bincount(truth.instances.ravel())[1:][here]
        assert mean[positive].mean() > 3 * max(mean[~positive].mean(), 0.02)
        judged += 1
    assert judged >= 6


def test_bare_points_are_never_painted_brown() -> None:
    field = small_field(1)
    _, truth = cut(field, SETTINGS, np.random.default_rng(0))
    points = CropTruth(
        instances=truth.instances,
        centre_px=truth.centre_px,
        cell_class=truth.cell_class,
        positive=truth.positive,
        outlined=False,
        complete=True,
        mpp=truth.mpp,
    )
    for seed in range(5):
        brown, painted = painted_brown(points, np.random.default_rng(seed))
        assert not brown.any()
        assert not painted.positive.any()


def test_rare_classes_are_heard_and_absent_ones_are_silent() -> None:
    field = small_field(1)
    stained = [StainedField(field=field, stains=estimate_stains([field.pixels], STAIN))]
    weight = class_weights(stained, 4).numpy()
    count = np.bincount(field.cell_class, minlength=4)
    assert weight[3] == 0
    assert weight[np.argmin(np.where(count, count, 1e9))] == weight.max()
    assert weight[count > 0].mean() == pytest.approx(1)


def test_a_set_without_classes_weighs_none() -> None:
    field = marked()
    assert (field.cell_class == UNKNOWN).all()
    stained = [StainedField(field=field, stains=estimate_stains([field.pixels], STAIN))]
    assert not class_weights(stained, 4).any()
