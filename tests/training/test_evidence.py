"""What a card tells of what its model has seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from pathology.records.model import ModelCard
from pathology.training.evidence import kept_away, parted
from pathology.training.field import folds
from pathology.training.terms import cited
from tests.tiny_models import tiny_card


@dataclass(frozen=True)
class Picture:
    dataset: str
    group: str


GLIOMA = [Picture("glioma", group) for group in ("gliomaA", "gliomaA", "gliomaB", "gliomaC")]
OWN = [Picture("our-cells", f"patient-{n}") for n in range(4)]


def card(*data: str, command: str = "pathology train nuclei") -> ModelCard:
    blank = tiny_card()
    return replace(blank, training=replace(blank.training, data=data, command=command))


def test_a_set_that_nobody_named_is_held_out() -> None:
    told = parted(card(cited("consep-train", 27, 0)), GLIOMA)
    assert told["held-out"] == GLIOMA
    assert not told["seen"]
    test = [Picture("consep-test", "test_1")]
    assert parted(card(cited("consep-train", 27, 0)), test)["held-out"] == test


def test_a_set_trained_on_whole_is_seen() -> None:
    assert parted(card(cited("glioma", 5, 0)), GLIOMA)["seen"] == GLIOMA


def test_groups_held_out_by_name() -> None:
    made = "pathology train nuclei --data data --out out --hold-out glioma/gliomaA monuseg/lung"
    told = parted(card(cited("glioma", 3, 2), command=made), GLIOMA)
    assert [p.group for p in told["held-out"]] == ["gliomaA", "gliomaA"]
    assert [p.group for p in told["seen"]] == ["gliomaB", "gliomaC"]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_groups_held_out_by_fold(number: int) -> None:
    made = f"pathology train nuclei --data data --fold {number}/3 --out out"
    told = parted(card(cited("glioma", 3, 2), command=made), GLIOMA)
    wanted = folds(GLIOMA, 3)[number - 1].held_out
    assert {f"glioma/{p.group}" for p in told["held-out"]} == wanted
    assert len(told["held-out"]) + len(told["seen"]) == len(GLIOMA)


def test_a_set_outside_the_folds_is_seen() -> None:
    made = "pathology train nuclei --data data --fold 1/3 --out out"
    assert parted(card(cited("glioma", 5, 0), command=made), GLIOMA)["seen"] == GLIOMA


def test_what_a_parent_may_have_seen_is_seen() -> None:
    made = "pathology train nuclei --annotations our --start x --hold-out glioma/gliomaA"
    parent = f"begun from nuclei-1 (sha256 0123), made from: {cited('glioma', 3, 2)}"
    own = "our-cells, 3 images, 1 more held out: painted"
    assert parted(card(own, parent, command=made), GLIOMA)["seen"] == GLIOMA
    inherited = "begun from ours (sha256 0123), made from: our-cells, 4 images: painted"
    assert parted(card(inherited, command=made), OWN)["seen"] == OWN


def test_a_sites_own_set() -> None:
    made = "pathology train nuclei --annotations our --hold-out our-cells/patient-2"
    own = "our-cells, 3 images, 1 more held out: painted"
    told = parted(card(own, command=made), OWN)
    assert told["held-out"] == [OWN[2]]
    others = [Picture("cells", "x")]  # another set, whose name is a part of this one's
    assert parted(card(own, command=made), others)["held-out"] == others


@pytest.mark.parametrize("command", ["", "none", "it's not a command", "train --fold x/y"])
def test_a_card_that_says_little_is_not_trusted(command: str) -> None:
    assert kept_away(command).fold is None
    told = parted(card(cited("glioma", 3, 2), command=command), GLIOMA)
    assert told["seen"] == GLIOMA


def test_what_another_hand_trained_is_never_sure_to_be_held_out() -> None:
    """Its card's words about data are free: a set may go by another name in them."""
    foreign = card("CoNSeP, MoNuSeg, PanNuke and others", command="")
    for pictures in (GLIOMA, [Picture("consep-test", "test_1")]):
        assert parted(foreign, pictures)["seen"] == pictures


def test_a_set_of_few_groups_is_held_out_in_the_first_of_many_folds() -> None:
    """Three patients, five folds: the training held one out in each of three."""
    for number in (1, 2, 3, 4, 5):
        made = f"pathology train nuclei --data data --fold {number}/5 --out out"
        told = parted(card(cited("glioma", 3, 2), command=made), GLIOMA)
        assert len({p.group for p in told["held-out"]}) == (1 if number <= 3 else 0)


def test_nor_is_what_was_begun_from_it() -> None:
    parent = "begun from x (sha256 0) (not trained here), made from: CoNSeP, MoNuSeg and others"
    child = card("our-cells, 3 images: ours", parent)
    assert parted(child, [Picture("monuseg", "lung")])["seen"]
