"""Painted fields know their truth because they were painted from it."""

from __future__ import annotations

import numpy as np

from pathology.records.prediction import CellClass
from pathology.training.painted import MPP, painted_fields
from pathology.training.recipe import load_recipe, shipped_recipe


def test_the_same_seed_paints_the_same_fields() -> None:
    one, other = list(painted_fields(2, 3)), list(painted_fields(3, 3))
    for a, b in zip(one, other, strict=False):
        np.testing.assert_array_equal(a.pixels, b.pixels)
        np.testing.assert_array_equal(a.instances, b.instances)
    assert not np.array_equal(one[0].pixels, next(iter(painted_fields(1, 4))).pixels)
    assert [f.stain for f in other] == ["ihc-dab", "he", "ihc-dab"]
    assert len({f.group for f in other}) == 3


def test_labels_columns_and_sizes_fit_the_truth() -> None:
    for field in painted_fields(4, 1):
        n = len(field.centre_px)
        assert n > 50
        assert set(np.unique(field.instances)) == set(range(n + 1))
        area_um2 = np.bincount(field.instances.ravel())[1:] * MPP**2
        lymphocytes = field.cell_class == CellClass.LYMPHOCYTE
        if lymphocytes.any():  # 4.5 to 6 µm across, some partly covered
            assert area_um2[lymphocytes].max() < np.pi / 4 * 6**2 * 1.15 * 1.2
        assert (field.positive == -1).all() == (field.stain == "he")


def test_positive_nuclei_are_darker_and_browner() -> None:
    seen = 0
    for field in painted_fields(8, 1):
        if field.stain == "he" or not 5 < (field.positive == 1).sum() < len(field.positive) - 5:
            continue
        blue_light = np.bincount(field.instances.ravel(), field.pixels[..., 2].ravel())[1:]
        mean = blue_light / np.bincount(field.instances.ravel())[1:]
        assert mean[field.positive == 1].mean() < mean[field.positive == 0].mean() - 15
        seen += 1
    assert seen >= 2


def test_the_shipped_recipe_paints_what_it_always_painted() -> None:
    """Crops are drawn by the place of a field: another number of fields is another training."""
    fields = load_recipe(shipped_recipe("nuclei")).fields
    assert (fields.painted, fields.painted_seed) == (32, 1)
