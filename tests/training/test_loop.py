"""The loop: it learns, goes on after a kill as if nothing had happened, and mixes nothing up."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pathology.config import load_record, shipped_configs
from pathology.errors import UsageError
from pathology.models.network import NucleusNetwork
from pathology.predictions.stain import estimate_stains
from pathology.records.progress import Progress
from pathology.records.settings.predictions import PredictionSettings
from pathology.training.loop import (
    CHECKPOINT,
    LOG,
    Apprentice,
    LoopSettings,
    learning_rate,
    train,
    wide_depthwise,
)
from pathology.training.make import hours_of
from pathology.training.nucleus_crops import CropSettings, NucleusCrops, StainedField
from pathology.training.nucleus_loss import nucleus_loss
from tests.tiny_models import NUCLEUS_SHAPE
from tests.training.own_data import small_field

STAIN = load_record(shipped_configs() / "predictions.toml", PredictionSettings).stain
SETTINGS = LoopSettings(
    steps=6,
    batch=2,
    learning_rate=3e-3,
    weight_decay=0.01,
    warm_up_steps=2,
    average_decay=0.5,
    most_gradient=5.0,
    checkpoint_steps=2,
    loader_processes=0,
    seed=1,
)


class Killed(Exception):
    """Stands for a kill between two steps."""


def loss(maps: Tensor, truth: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return nucleus_loss(maps, truth, torch.ones(4))


def apprentice(
    folder: Path, settings: LoopSettings = SETTINGS, *, one_crop: bool = False
) -> Apprentice:
    field = small_field(1)
    stained = StainedField(field=field, stains=estimate_stains([field.pixels], STAIN))
    still = CropSettings(
        side_px=64,
        mpp=0.5,
        least_zoom=1.0,
        most_zoom=1.0,
        recoloured_share=0.0,
        untouched_share=1.0,
    )
    crops = NucleusCrops(
        [stained], {"painted": 1.0}, still, seed=1, count=settings.steps * settings.batch
    )
    torch.manual_seed(1)
    return Apprentice(
        network=NucleusNetwork(NUCLEUS_SHAPE, 4),
        crops=OneCrop(crops) if one_crop else crops,
        loss=loss,
        settings=settings,
        folder=folder,
        device=torch.device("cpu"),
    )


class OneCrop(torch.utils.data.Dataset[dict[str, Tensor]]):
    """The same two crops over and over."""

    def __init__(self, crops: NucleusCrops) -> None:
        self.crops = [crops[0], crops[1]]

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        return self.crops[number % 2]


def killed_at(step: int) -> Callable[[Progress], None]:
    def tell(progress: Progress) -> None:
        if progress.done == step:
            raise Killed

    return tell


def quiet(_: Progress) -> None:
    pass


def weights(network: nn.Module) -> Tensor:
    return torch.cat([p.detach().ravel() for p in network.parameters()])


def test_a_tiny_network_learns_two_crops_by_heart(tmp_path: Path) -> None:
    many = replace(SETTINGS, steps=30, checkpoint_steps=30)
    train(apprentice(tmp_path, many, one_crop=True), quiet)
    lines = [json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()]
    total = [sum(v for k, v in line.items() if k not in ("step", "time")) for line in lines]
    assert len(total) == 30
    assert sum(total[-5:]) < 0.6 * sum(total[:5])
    assert 0 <= hours_of(tmp_path / LOG) < 0.1


def test_a_killed_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    """Killed after step 3: step 3 is done again from the checkpoint of step 2."""
    whole = train(apprentice(tmp_path / "whole"), quiet)
    with pytest.raises(Killed):
        train(apprentice(tmp_path / "cut"), killed_at(3))
    with pytest.raises(Killed):
        train(apprentice(tmp_path / "cut"), killed_at(5))
    told: list[int] = []
    again = train(apprentice(tmp_path / "cut"), lambda p: told.append(p.done))
    assert told == [5, 6]
    torch.testing.assert_close(weights(again), weights(whole), rtol=1e-4, atol=1e-5)
    for name, value in again.state_dict().items():
        torch.testing.assert_close(value, whole.state_dict()[name], rtol=1e-3, atol=1e-4)


def test_a_finished_training_is_not_trained_again(tmp_path: Path) -> None:
    first = train(apprentice(tmp_path), quiet)
    again = train(apprentice(tmp_path), killed_at(1))
    assert torch.equal(weights(first), weights(again))


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    train(apprentice(tmp_path), quiet)
    with pytest.raises(UsageError, match="other settings"):
        train(apprentice(tmp_path, replace(SETTINGS, steps=8)), quiet)


@pytest.mark.parametrize("keep", [0, 100, 5000])
def test_a_checkpoint_cut_short_is_told(tmp_path: Path, keep: int) -> None:
    one = apprentice(tmp_path, replace(SETTINGS, steps=1))
    torch.save({"settings": torch.zeros(5000)}, tmp_path / CHECKPOINT)
    whole = (tmp_path / CHECKPOINT).read_bytes()
    assert len(whole) > keep
    (tmp_path / CHECKPOINT).write_bytes(whole[:keep])
    with pytest.raises(UsageError, match=r"checkpoint\.pt is damaged"):
        train(one, quiet)


def test_who_loads_the_crops_does_not_matter(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(apprentice(tmp_path / "cut"), killed_at(3))
    other = train(apprentice(tmp_path / "cut", replace(SETTINGS, loader_processes=1)), quiet)
    whole = train(apprentice(tmp_path / "whole"), quiet)
    torch.testing.assert_close(weights(other), weights(whole), rtol=1e-4, atol=1e-5)


def test_a_broken_batch_changes_nothing(tmp_path: Path) -> None:
    def broken(maps: Tensor, _: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"nothing": maps.sum() * float("nan")}

    one = apprentice(tmp_path, replace(SETTINGS, steps=1))
    before = weights(one.network).clone()
    train(replace(one, loss=broken), quiet)
    assert torch.equal(weights(one.network), before)
    assert (tmp_path / CHECKPOINT).exists()


def test_the_rate_climbs_then_falls_to_a_hundredth() -> None:
    settings = replace(SETTINGS, steps=100, warm_up_steps=10)
    rates = [learning_rate(step, settings) for step in range(100)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10] == pytest.approx(settings.learning_rate)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(settings.learning_rate / 100, rel=0.05)


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"batch": 0}, {"checkpoint_steps": 0}, {"average_decay": 1.0}]
)
def test_impossible_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(SETTINGS, **wrong)


def test_hours_leave_out_pauses_and_lines_cut_short(tmp_path: Path) -> None:
    log = tmp_path / LOG
    times = [0.0, 60.0, 120.0, 90_000.0, 90_060.0]
    log.write_text("\n".join(f'{{"step": 1, "time": {t}}}' for t in times) + '\n{"step": 6, "ti')
    assert hours_of(log) == pytest.approx(180 / 3600)


def test_only_depthwise_convolutions_go_in_full_width():
    """Under autocast others are bf16; what a depthwise one answers is that of fp32, to the bit."""
    picture = torch.rand(1, 8, 16, 16, generator=torch.Generator().manual_seed(0))
    depthwise, dense = nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 3)
    with torch.autocast("cpu", torch.bfloat16), wide_depthwise(torch.device("cpu")):
        seen, others = depthwise(picture), dense(picture)
    assert (seen.dtype, others.dtype) == (torch.float32, torch.bfloat16)
    assert torch.equal(seen, depthwise(picture))
    seen.sum().backward()
    assert depthwise.weight.grad.dtype == torch.float32
