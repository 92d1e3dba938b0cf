"""Tissue fields: classes as bits, and crops that keep them on their pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pathology.config import load_record, shipped_configs
from pathology.predictions.stain import estimate_stains
from pathology.records.prediction import CellClass
from pathology.records.settings.predictions import PredictionSettings
from pathology.training.field import LabelledField
from pathology.training.nucleus_crops import CropSettings
from pathology.training.tissue_crops import (
    STRIDE_PX,
    StainedTissue,
    TissueCrops,
    cut_tissue,
    tissue_loss,
)
from pathology.training.tissue_field import (
    BACKGROUND,
    NORMAL,
    STROMA,
    TISSUE_CLASSES,
    TUMOUR,
    TissueField,
    around_nuclei,
    brought_to,
    clear,
)

STAIN = load_record(shipped_configs() / "predictions.toml", PredictionSettings).stain
SETTINGS = CropSettings(
    side_px=64,
    mpp=1.0,
    least_zoom=0.8,
    most_zoom=1.25,
    recoloured_share=0.0,
    untouched_share=0.5,
)
GREY = {TUMOUR: 40, STROMA: 120, NORMAL: 200, BACKGROUND: 250}


def quarters(mpp: float = 1.0, side: int = 160) -> TissueField:
    """Four quarters, each of its class and of a grey of its own."""
    allowed = np.zeros((side, side), np.uint8)
    half = side // 2
    allowed[:half, :half], allowed[:half, half:] = TUMOUR, STROMA
    allowed[half:, :half], allowed[half:, half:] = NORMAL, BACKGROUND
    table = np.zeros(256, np.uint8)
    for bit, grey in GREY.items():
        table[bit] = grey
    return TissueField(
        name="quarters",
        dataset="painted",
        group="1",
        stain="he",
        mpp=mpp,
        pixels=np.repeat(table[allowed][..., None], 3, axis=2),
        allowed=allowed,
    )


def test_each_class_is_a_bit_in_the_order_of_the_channels() -> None:
    bits = {"background": BACKGROUND, "tumour": TUMOUR, "stroma": STROMA, "normal": NORMAL}
    assert [bits[name] for name in TISSUE_CLASSES] == [1, 2, 4, 8]


@pytest.mark.parametrize("seed", range(12))
def test_a_cut_keeps_classes_on_their_pixels(seed: int) -> None:
    pixels, allowed = cut_tissue(quarters(), SETTINGS, np.random.default_rng(seed))
    assert pixels.shape == (64, 64, 3)
    assert allowed.shape == (64 // STRIDE_PX, 64 // STRIDE_PX)
    middle = pixels[STRIDE_PX // 2 :: STRIDE_PX, STRIDE_PX // 2 :: STRIDE_PX, 0].astype(int)
    wanted = np.vectorize(GREY.get)(allowed)
    # Only pixels at a border of two quarters may differ.
    assert (np.abs(middle - wanted) < 10).mean() > 0.8


def test_a_pixel_may_be_one_of_several_classes() -> None:
    """The loss asks for the sum of the shares of the classes that are allowed."""
    logits = torch.log(torch.tensor([0.1, 0.5, 0.1, 0.3])).view(1, 4, 1, 1)
    either = {"allowed": torch.tensor([[[TUMOUR | NORMAL]]], dtype=torch.uint8)}
    assert float(tissue_loss(logits, either)["tissue"]) == pytest.approx(-np.log(0.8), abs=1e-4)
    one = {"allowed": torch.tensor([[[STROMA]]], dtype=torch.uint8)}
    assert float(tissue_loss(logits, one)["tissue"]) == pytest.approx(-np.log(0.1), abs=1e-4)
    none = {"allowed": torch.zeros((1, 1, 1), dtype=torch.uint8)}
    assert float(tissue_loss(logits, none)["tissue"]) == 0


def test_typed_nuclei_tell_the_tissue_around_them() -> None:
    pixels = np.full((100, 200, 3), (190, 120, 170), np.uint8)
    pixels[:, 150:] = 255
    instances = np.zeros((100, 200), np.int32)
    instances[48:52, 38:42], instances[48:52, 98:102] = 1, 2
    field = LabelledField(
        name="f",
        dataset="d",
        group="g",
        stain="he",
        mpp=0.5,
        pixels=pixels,
        instances=instances,
        centre_px=np.array([[40.0, 50.0], [100.0, 50.0]]),
        cell_class=np.array([CellClass.TUMOUR, CellClass.STROMA], np.int8),
        positive=np.array([-1, -1], np.int8),
    )
    allowed = around_nuclei(field).allowed
    assert allowed[50, 40] == TUMOUR | NORMAL
    assert allowed[50, 45] == TUMOUR | NORMAL
    assert allowed[50, 100] == STROMA | NORMAL
    assert allowed[50, 70] == 0
    assert allowed[50, 190] == BACKGROUND


def test_where_discs_of_two_kinds_meet_the_nearer_nucleus_has_the_word() -> None:
    """At the edge of a gland a fibroblast lies within 5 µm of epithelium."""
    n = 2
    field = LabelledField(
        name="edge",
        dataset="painted",
        group="1",
        stain="he",
        mpp=0.5,
        pixels=np.full((100, 100, 3), (180, 110, 170), np.uint8),
        instances=np.zeros((100, 100), np.int32),
        centre_px=np.array([[40.5, 50.5], [52.5, 50.5]]),
        cell_class=np.array([CellClass.TUMOUR, CellClass.STROMA], np.int8),
        positive=np.full(n, -1, np.int8),
    )
    row = around_nuclei(field).allowed[50]
    assert (row[36:46] == TUMOUR | NORMAL).all()
    assert (row[48:57] == STROMA | NORMAL).all()


def test_glass_is_clear_and_tissue_is_not() -> None:
    pixels = np.full((60, 120, 3), (190, 120, 170), np.uint8)
    pixels[:, 60:] = 250
    seen = clear(pixels, 0.5)
    assert not seen[:, :50].any()
    assert seen[:, 70:].all()


def test_a_fine_field_is_shrunk_and_a_coarse_one_left() -> None:
    small = brought_to(quarters(mpp=0.25), 0.5)
    assert small.mpp == pytest.approx(0.5)
    assert small.allowed.shape == (80, 80) == small.pixels.shape[:2]
    assert set(np.unique(small.allowed)) == {TUMOUR, STROMA, NORMAL, BACKGROUND}
    coarse = quarters(mpp=1.0)
    assert brought_to(coarse, 0.5) is coarse


def test_a_tissue_crop_depends_on_its_number_alone() -> None:
    field = quarters()
    stained = [StainedTissue(field=field, stains=estimate_stains([field.pixels], STAIN))]
    one, other = (
        TissueCrops(stained, {"painted": 1.0}, SETTINGS, seed=1, count=n) for n in (9, 90)
    )
    for number in (4, 0):
        assert all(torch.equal(one[number][k], other[number][k]) for k in one[number])
    assert not torch.equal(one[0]["picture"], one[1]["picture"])
