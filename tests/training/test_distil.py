"""What a student costs and keeps, measured on networks whose answer is known."""

from __future__ import annotations

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
from pathology.training import kept
from pathology.training.distil import cost_ratio
from pathology.training.field import LabelledField, painted_discs, unknown
from pathology.training.kept import Judges, kept_share
from tests.painted_networks import SeesDiscs, disc_card
from tests.tiny_models import NUCLEUS_SHAPE, install_tiny, tiny_card

SETTINGS = load_record(shipped_configs() / "predictions.toml", PredictionSettings)


def disc_field() -> LabelledField:
    """Blue discs on pink glass, as ``SeesDiscs`` sees them."""
    centre_px = np.array([(x, y) for y in range(40, 220, 40) for x in range(40, 220, 40)]) + 0.5
    instances = painted_discs((256, 256), centre_px, 8)
    pixels = np.where(instances[..., None] > 0, (60, 50, 140), (240, 200, 225)).astype(np.uint8)
    n = len(centre_px)
    return LabelledField(
        name="discs",
        dataset="discs",
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


def installed(name: str) -> Installed:
    return Installed(card=replace(disc_card(), name=name), folder=Path(), shipped=False)


@pytest.fixture
def painted_eyes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks of fixed filters in place of files of weights."""
    modules = {"whole": SeesDiscs(), "half": SeesHalf()}

    def at_hand(model: Installed, *_: object) -> Network:
        return Network(model.card, modules[model.card.name].eval(), device_for("cpu"))

    monkeypatch.setattr(kept, "network_at_hand", at_hand)


@pytest.mark.usefixtures("painted_eyes")
def test_a_student_that_sees_half_keeps_about_half() -> None:
    judges = Judges(fields=[disc_field()], settings=SETTINGS, device="cpu")
    same = kept_share(installed("whole"), installed("whole"), judges, lambda _: None)
    half = kept_share(installed("half"), installed("whole"), judges, lambda _: None)
    assert same is not None
    assert half is not None
    assert same.ratio == pytest.approx(1)
    assert 0.4 < half.ratio < 0.8  # F1 of half recall is two thirds
    assert half.data == "discs, 1 images"


@pytest.mark.usefixtures("painted_eyes")
def test_without_an_image_nothing_is_kept_or_lost() -> None:
    judges = Judges(fields=[], settings=SETTINGS, device="cpu")
    assert kept_share(installed("half"), installed("whole"), judges, lambda _: None) is None
    coarse = replace(disc_field(), mpp=4.0)  # too coarse to be judged
    none = Judges(fields=[coarse], settings=SETTINGS, device="cpu")
    assert kept_share(installed("half"), installed("whole"), none, lambda _: None) is None


def test_a_larger_network_costs_more(tmp_path: Path) -> None:
    small = install_tiny(tmp_path, tiny_card(name="small"))
    shape = replace(NUCLEUS_SHAPE, encoder="resnet34", decoder=(64, 32))
    large = install_tiny(tmp_path, replace(tiny_card(name="large"), network=shape))
    cost = cost_ratio(small, large, torch.device("cpu"))
    assert 0 < cost < 0.7
    assert cost_ratio(small, small, torch.device("cpu")) == pytest.approx(1, abs=0.5)


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
