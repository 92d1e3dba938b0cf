"""The readers of public sets, held against what the sets' own papers and our notes count."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pathology.training.field import UNKNOWN, LabelledField, Split
from pathology.training.public_sets import READERS, joined_at_borders
from pathology.training.tissue_field import TISSUE_READERS

pytestmark = pytest.mark.real_data
FindData = Callable[..., Path]


def read(name: str, real_data: FindData) -> list[LabelledField]:
    folder = {"glioma": "ihc", "gepnet": "ihc", "deepliif": "ihc"}.get(name, "he")
    real_data(folder)
    return list(READERS[name](real_data("README.md").parent))


def nuclei(fields: list[LabelledField]) -> int:
    return sum(len(f.centre_px) for f in fields)


@pytest.mark.slow
def test_consep_tiles_are_whole_again(real_data: FindData) -> None:
    """Its 14 test tiles; a nucleus cut by a patch is one nucleus. Graham et al.: 8,777 there."""
    fields = read("consep-test", real_data)
    assert len({f.group for f in fields}) == len(fields) == 14
    assert all(f.pixels.shape == (1000, 1000, 3) for f in fields)
    assert nuclei(fields) == pytest.approx(8777, rel=0.03)
    assert all((f.cell_class != UNKNOWN).all() for f in fields)


def test_monuseg_groups_are_organs(real_data: FindData) -> None:
    fields = read("monuseg", real_data)
    assert len(fields) == 13
    assert nuclei(fields) == pytest.approx(4949, rel=0.01)
    assert {f.group for f in fields} == {"breast", "colon", "kidney", "lung", "prostate"}
    assert all((f.cell_class == UNKNOWN).all() and f.outlined for f in fields)


def test_crchisto_counts_every_centre_once(real_data: FindData) -> None:
    parts = [read(f"crchisto-{s}", real_data) for s in ("train", "validation", "test")]
    fields = [field for part in parts for field in part]
    assert len(fields) == 100
    assert nuclei(fields) == pytest.approx(29756, rel=0.02)
    typed = sum(int((f.cell_class != UNKNOWN).sum()) for f in fields)
    assert typed == pytest.approx(22444, rel=0.01)
    assert not any(f.outlined for f in fields)


@pytest.mark.slow
def test_the_fields_of_a_glioma_patient_stay_together(real_data: FindData) -> None:
    fields = read("glioma", real_data)
    assert len(fields) == 5
    assert {f.group for f in fields} == {"gliomaA", "gliomaB", "gliomaC"}
    positive = sum(int((f.positive == 1).sum()) for f in fields)
    assert positive == pytest.approx(867, rel=0.01)
    assert nuclei(fields) - positive == pytest.approx(1893, rel=0.01)
    kept, away = Split(held_out=frozenset({"glioma/gliomaA"})).parts(fields)
    assert {f.group for f in away} == {"gliomaA"}
    assert {f.group for f in kept} == {"gliomaB", "gliomaC"}


def test_deepliif_and_gepnet_say_what_they_miss(real_data: FindData) -> None:
    deepliif, gepnet = read("deepliif", real_data), read("gepnet", real_data)
    assert nuclei(deepliif) == pytest.approx(590, rel=0.05)
    assert sum(not f.complete for f in deepliif) == 2
    # Islands of a few pixels are strokes of the drawing.
    sizes_um2 = [np.bincount(f.instances.ravel())[1:] * f.mpp**2 for f in gepnet]
    assert sum(int((size >= 15).sum()) for size in sizes_um2) == pytest.approx(1950, rel=0.1)
    assert not any(f.complete for f in gepnet)


def test_tissue_sets_have_their_images(real_data: FindData) -> None:
    data = real_data("he").parent
    wsss = list(TISSUE_READERS["wsss4luad"](data))
    assert len(wsss) == 31
    assert {int(v) for f in wsss for v in np.unique(f.allowed)} == {1, 2, 4, 8}
    assert len({f.group for f in wsss}) == 31
    first = next(iter(TISSUE_READERS["glas"](data)))
    assert (first.allowed > 0).all()


def test_a_nucleus_cut_by_a_border_is_one_again() -> None:
    labels = np.zeros((8, 8), np.int64)
    labels[1:6, 2:4], labels[1:6, 4:6] = 5, 9
    labels[7, 2:4], labels[7, 4:6] = 3, 4  # they touch along one pixel only: two nuclei
    joined = joined_at_borders(labels, (4,))
    assert set(np.unique(joined[1:6, 2:6])) == {5}
    assert set(np.unique(joined[7])) == {0, 3, 4}
