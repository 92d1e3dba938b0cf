"""Beginning with an installed model: its weights, and its classes by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from pathology.errors import UsageError
from pathology.models.network import NUCLEUS_MAPS, OFFSET_PX
from pathology.models.weights import read_network
from pathology.training import begin
from pathology.training.begin import (
    TeacherMaps,
    begun_by_teacher,
    begun_from,
    check_same_kind,
    check_same_scale,
    fresh_network,
)
from pathology.training.recipe import Recipe, TeacherSettings, load_recipe
from tests.tiny_models import install_tiny, tiny_card
from tests.training.own_data import write_recipe

PICTURE = torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(3))
MAPS = len(NUCLEUS_MAPS)


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return load_recipe(write_recipe(tmp_path / "own.toml"))


def test_the_same_classes_begin_as_the_model_ended(tmp_path: Path, recipe: Recipe) -> None:
    start = install_tiny(tmp_path)
    begun = begun_from(recipe, start).eval()
    with torch.inference_mode():
        torch.testing.assert_close(begun(PICTURE), read_network(start)(PICTURE))


def test_classes_are_found_by_name_and_new_ones_begin_at_random(
    tmp_path: Path, recipe: Recipe
) -> None:
    card = replace(tiny_card(), classes=("stroma", "tumour"))
    start = install_tiny(tmp_path, card)
    begun = begun_from(recipe, start).eval()
    with torch.inference_mode():
        ours, theirs = begun(PICTURE), read_network(start)(PICTURE)
        teacher = TeacherMaps(recipe, start)(PICTURE)
    torch.testing.assert_close(ours[:, :MAPS], theirs[:, :MAPS])
    for name in ("stroma", "tumour"):
        there = theirs[:, MAPS + card.classes.index(name)]
        here = MAPS + recipe.classes.index(name)
        torch.testing.assert_close(ours[:, here], there)
        torch.testing.assert_close(teacher[:, here], there)
    new = MAPS + recipe.classes.index("lymphocyte")
    assert ours[:, new].std() > 0
    assert torch.softmax(teacher[:, MAPS:], dim=1)[:, new - MAPS].max() < 1e-6


def test_a_fresh_network_is_the_same_for_the_same_seed(recipe: Recipe) -> None:
    one, other = (fresh_network(recipe, recipe.network) for _ in range(2))
    assert all(
        torch.equal(a, b)
        for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def test_a_model_of_another_kind_or_scale_is_refused(tmp_path: Path, recipe: Recipe) -> None:
    tissue = install_tiny(tmp_path, tiny_card("tissue", "areas"))
    with pytest.raises(UsageError, match="areas: is a tissue-network for tissue"):
        check_same_kind(recipe, tissue)
    card = tiny_card(name="fine")
    fine = replace(card, input=replace(card.input, mpp=0.25, finest_mpp=0.2, coarsest_mpp=0.3))
    with pytest.raises(UsageError, match=r"fine: sees at 0\.25 µm/px, the recipe at 0\.5"):
        check_same_scale(recipe, install_tiny(tmp_path, fine))


def test_a_student_may_begin_with_its_teachers_encoder(tmp_path: Path, recipe: Recipe) -> None:
    teacher = install_tiny(tmp_path)
    theirs = read_network(teacher).state_dict()
    shape = replace(recipe.network, decoder=(8, 8))
    student = begun_by_teacher(replace(recipe, network=shape), teacher).state_dict()
    encoder = [key for key in theirs if key.startswith("encoder.")]
    assert encoder
    assert all(torch.equal(student[key], theirs[key]) for key in encoder)
    other = replace(shape, encoder="resnet18")
    with pytest.raises(UsageError, match="its encoder resnet10t is not the resnet18"):
        begun_by_teacher(replace(recipe, network=other), teacher)


def test_all_of_the_teacher_may_be_given_to_a_student_of_its_shape(
    tmp_path: Path,
) -> None:
    recipe = load_recipe(write_recipe(tmp_path / "taught.toml", everywhere=True))
    card = tiny_card(name="fine")
    teacher = install_tiny(
        tmp_path, replace(card, input=replace(card.input, mpp=0.4, finest_mpp=0.3))
    )
    taught = replace(recipe, teacher=TeacherSettings(weight=1, everywhere=True, gives="network"))
    student = begun_by_teacher(taught, teacher).eval()
    with torch.inference_mode():
        torch.testing.assert_close(student(PICTURE), read_network(teacher)(PICTURE))
    other = replace(taught, network=replace(taught.network, decoder=(8, 8)))
    with pytest.raises(UsageError, match="not of the recipe's shape"):
        begun_by_teacher(other, teacher)


class TellsPlaces(nn.Module):
    """Offsets to the middle of the picture, in the units of the network; else the brightness."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        height, width = pictures.shape[-2:]
        maps = pictures[:, :1].repeat(1, MAPS + 4, 1, 1)
        maps[:, NUCLEUS_MAPS.index("offset_x")] = (
            width / 2 - torch.arange(width) - 0.5
        ) / OFFSET_PX
        rows = (height / 2 - torch.arange(height) - 0.5) / OFFSET_PX
        maps[:, NUCLEUS_MAPS.index("offset_y")] = rows[:, None]
        return maps


def test_a_teacher_of_another_scale_speaks_in_the_students_pixels(
    tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = tiny_card(name="fine")
    finer = replace(card.input, mpp=0.25, finest_mpp=0.2, coarsest_mpp=0.3)
    teacher = install_tiny(tmp_path, replace(card, input=finer))
    monkeypatch.setattr(begin, "read_network", lambda _: TellsPlaces())
    smooth = torch.linspace(0, 1, 64).expand(2, 3, 48, 64)
    told = TeacherMaps(recipe, teacher)(smooth)
    assert told.shape == (2, MAPS + 4, 48, 64)
    ours = TellsPlaces()(smooth)
    inner = (slice(None), slice(None), slice(2, -2), slice(2, -2))
    torch.testing.assert_close(told[inner], ours[inner], atol=0.02, rtol=0)
