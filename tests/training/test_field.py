"""Splits: no group is on both sides, whatever is held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.training.field import (
    LabelledField,
    Split,
    centroids,
    folds,
    key_of,
    painted_discs,
    renumbered,
    unknown,
)


@dataclass(frozen=True)
class Picture:
    """All that a split looks at."""

    dataset: str
    group: str
    name: str


pictures = st.lists(
    st.builds(Picture, st.sampled_from("ab"), st.sampled_from("01234567"), st.text(max_size=3)),
    min_size=1,
    max_size=40,
)


@given(pictures, st.integers(2, 6))
def test_folds_hold_every_group_out_once_and_never_part_one(
    fields: Sequence[Picture], count: int
) -> None:
    made = folds(fields, count)
    assert 1 <= len(made) <= count
    times_out = {key_of(f): 0 for f in fields}
    for split in made:
        kept, held_out = split.parts(fields)
        assert sorted(map(id, [*kept, *held_out])) == sorted(map(id, fields))
        assert not {key_of(f) for f in kept} & {key_of(f) for f in held_out}
        for key in {key_of(f) for f in held_out}:
            times_out[key] += 1
    assert set(times_out.values()) == {1}


@given(pictures, st.data())
def test_a_chosen_group_goes_as_a_whole(fields: Sequence[Picture], data: st.DataObject) -> None:
    keys = sorted({key_of(f) for f in fields})
    chosen = frozenset(data.draw(st.lists(st.sampled_from(keys), unique=True)))
    kept, held_out = Split(held_out=chosen).parts(fields)
    assert {key_of(f) for f in held_out} == chosen
    assert not {key_of(f) for f in kept} & chosen


def test_the_same_group_name_in_two_sets_is_two_groups() -> None:
    fields = [Picture("a", "1", "x"), Picture("b", "1", "y")]
    kept, held_out = Split(held_out=frozenset({"a/1"})).parts(fields)
    assert (kept, held_out) == (fields[1:], fields[:1])


def test_a_group_that_nobody_has_is_a_typo() -> None:
    with pytest.raises(ValueError, match=r"no field belongs to \['a/2'\]"):
        Split(held_out=frozenset({"a/2"})).parts([Picture("a", "1", "x")])


def test_labels_without_gaps_know_what_they_were() -> None:
    labels = np.array([[0, 7, 7], [3, 0, 9]])
    new, old = renumbered(labels)
    assert old.tolist() == [3, 7, 9]
    np.testing.assert_array_equal(new, [[0, 2, 2], [1, 0, 3]])
    full, old = renumbered(np.array([[5, 2]]))  # no background at all
    assert (full.tolist(), old.tolist()) == ([[2, 1]], [2, 5])


def test_a_centroid_counts_from_the_corner_of_the_pixel() -> None:
    labels = np.zeros((6, 8), np.int32)
    labels[2, 3] = 1
    np.testing.assert_allclose(centroids(labels, 1), [[3.5, 2.5]])


def test_discs_meet_half_way() -> None:
    discs = painted_discs((9, 20), np.array([[5.5, 4.5], [11.5, 4.5]]), 5)
    assert discs[4, 7] == 1
    assert discs[4, 10] == 2
    assert discs[4, 5] == 1
    assert (discs[:, 18:] == 0).all()
    assert not painted_discs((4, 4), np.empty((0, 2)), 3).any()


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="different lengths"):
        LabelledField(
            name="f",
            dataset="d",
            group="g",
            stain="he",
            mpp=0.5,
            pixels=np.zeros((4, 4, 3), np.uint8),
            instances=np.zeros((4, 4), np.int32),
            centre_px=np.zeros((1, 2)),
            cell_class=unknown(2),
            positive=unknown(1),
        )
