"""What a student costs and keeps, measured on networks whose answer is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pathology.config import load_record, shipped_configs
from pathology.models.catalogue import Installed
from pathology.predictions.devices import device_for
from pathology.predictions.forward import Network
from pathology.records.model import Distilled
from pathology.records.prediction import CellClass
from pathology.records.settings.predictions import PredictionSettings
from pathology.training import evaluate
from pathology.training.distil import cost_ratio, scored
from pathology.training.field import LabelledField, painted_discs, unknown
from pathology.training.gather import Sources
from pathology.training.make import TrainingOrder
from pathology.training.nuclei_seen import NucleiSeen
from pathology.training.public_sets import READERS
from pathology.training.recipe import load_recipe
from tests.painted_networks import SeesDiscs, disc_card
from tests.tiny_models import NUCLEUS_SHAPE, install_tiny, tiny_card
from tests.training.own_data import write_recipe

SETTINGS = load_record(shipped_configs() / "predictions.toml", PredictionSettings)


def disc_field() -> LabelledField:
    """Blue discs on pink glass, as ``SeesDiscs`` sees them."""
    centre_px = np.array([(x, y) for y in range(40, 220, 40) for x in range(40, 220, 40)]) + 0.5
    instances = painted_discs((256, 256), centre_px, 8)
    pixels = np.where(instances[..., None] > 0, (60, 50, 140), (240, 200, 225)).astype(np.uint8)
    n = len(centre_px)
    return LabelledField(
        name="discs",
        dataset="consep-test",
        group="1",
        stain="he",
        mpp=0.5,
        pixels=pixels,
        instances=instances,
        centre_px=centre_px.astype(np.float64),
        cell_class=np.full(n, CellClass.TUMOUR, np.int8),
        positive=unknown(n),
    )


class SeesHalf(nn.Module):
    """As ``SeesDiscs``, but blind on the left."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = SeesDiscs()

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        maps = self.whole(pictures).clone()
        maps[:, :2, :, : maps.shape[-1] // 2] = -20
        return maps


class SeesNothing(SeesHalf):
    """Blind."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        maps = self.whole(pictures).clone()
        maps[:, :2] = -20
        return maps


@pytest.fixture
def painted_eyes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of fixed filters in place of files of weights, a painted image as the set."""
    modules = {"whole": SeesDiscs(), "half": SeesHalf(), "blind": SeesNothing()}

    def at_hand(model: Installed, *_: object) -> Network:
        return Network(model.card, modules[model.card.name].eval(), device_for("cpu"))

    monkeypatch.setattr(evaluate, "network_at_hand", at_hand)
    monkeypatch.setitem(READERS, "consep-test", lambda _: iter([disc_field()]))  # type: ignore[arg-type]


def kept(
    tmp_path: Path, student: str, *, teacher: str = "whole", seen: str = "other"
) -> float | None:
    """What the card of a student says that it keeps, with a teacher trained on set ``seen``."""
    recipe = load_recipe(write_recipe(tmp_path / "own.toml", everywhere=True))
    assert recipe.teacher is not None
    order = TrainingOrder(
        recipe=replace(recipe, teacher=replace(recipe.teacher, judged=("consep-test",))),
        sources=Sources(data=tmp_path, annotations=None),
        out=tmp_path,
        settings=SETTINGS,
        command="pathology train distil --data data --out out",
        device="cpu",
    )
    told = Distilled(teacher=teacher, teacher_sha256="0" * 64, cost_ratio=0.5)
    parent = installed(teacher)
    data = replace(parent.card.training, data=(f"A set ({seen}), 1 images: research",))
    parent = replace(parent, card=replace(parent.card, training=data))
    child = installed(student)
    child = replace(child, card=replace(child.card, distilled=told))
    card = scored(order, child, parent, lambda _: None).card
    assert card.distilled is not None
    assert (card.distilled.score_ratio is None) == (not card.distilled.data)
    return card.distilled.score_ratio


def installed(name: str) -> Installed:
    card = disc_card()
    made_here = replace(card.training, command="pathology train nuclei --data data --out out")
    card = replace(card, name=name, training=made_here)
    return Installed(card=card, folder=Path(), shipped=False)


@pytest.mark.usefixtures("painted_eyes")
def test_a_student_that_sees_half_keeps_about_half(tmp_path: Path) -> None:
    assert kept(tmp_path, "whole") == pytest.approx(1)
    half = kept(tmp_path, "half")
    assert half is not None
    assert 0.4 < half < 0.8  # F1 of half the recall is two thirds


@pytest.mark.usefixtures("painted_eyes")
def test_both_see_images_that_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[object] = []

    def read(data: Path) -> Iterator[LabelledField]:
        reads.append(data)
        yield disc_field()

    classical: list[object] = []
    seen = evaluate.nuclei_by_baseline

    def once(field: LabelledField, settings: PredictionSettings) -> NucleiSeen | None:
        classical.append(field)
        return seen(field, settings)

    monkeypatch.setitem(READERS, "consep-test", read)  # type: ignore[arg-type]
    monkeypatch.setattr(evaluate, "nuclei_by_baseline", once)
    assert kept(tmp_path, "half") is not None
    assert len(reads) == len(classical) == 1


@pytest.mark.usefixtures("painted_eyes")
def test_where_nothing_can_be_compared_there_is_no_score(tmp_path: Path) -> None:
    assert kept(tmp_path, "half", teacher="blind") is None
    assert kept(tmp_path, "half", seen="consep-test") is None  # the teacher knows these images


def test_a_larger_network_costs_more(tmp_path: Path) -> None:
    small = install_tiny(tmp_path, tiny_card(name="small"))
    shape = replace(NUCLEUS_SHAPE, encoder="resnet34", decoder=(96, 48))
    large = install_tiny(tmp_path, replace(tiny_card(name="large"), network=shape))
    cost = cost_ratio(small, large, "cpu")
    assert 0 < cost < 0.7
    assert cost_ratio(small, small, "cpu") == pytest.approx(1, abs=0.5)


def test_cost_is_that_of_an_area_whatever_the_scale(tmp_path: Path) -> None:
    shape = replace(NUCLEUS_SHAPE, encoder="resnet34", decoder=(96, 48))
    card = replace(tiny_card(name="fine"), network=shape)
    fine = replace(card.input, mpp=0.25, finest_mpp=0.2, coarsest_mpp=0.3)
    teacher = install_tiny(tmp_path, replace(card, input=fine))
    student = install_tiny(tmp_path, replace(card, name="coarse"))
    assert cost_ratio(student, teacher, "cpu") == pytest.approx(0.25, rel=0.5)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"cost_ratio": 0.0}, "cost_ratio must be positive"),
        ({"teacher_sha256": "abc"}, "64 hexadecimal digits"),
        ({"score_ratio": 0.9}, "belong together"),
    ],
)
def test_a_card_that_cannot_be_is_refused(wrong: dict[str, object], told: str) -> None:
    right = {"teacher": "t", "teacher_sha256": "0" * 64, "cost_ratio": 0.5}
    Distilled(**right)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=told):
        Distilled(**{**right, **wrong})  # type: ignore[arg-type]
