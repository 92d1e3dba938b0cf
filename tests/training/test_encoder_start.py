"""A training that begins with an encoder's weights: the right file, each tensor in its place."""

from __future__ import annotations

from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pathology.errors import ConfigError, UsageError
from pathology.models.network import Normalised
from pathology.training.begin import begun_from, first_network, fresh_network
from pathology.training.encoder_start import EncoderStart
from pathology.training.recipe import Recipe, load_recipe, shipped_recipe
from tests.tiny_models import install_tiny, tiny_card


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe(shipped_recipe("nuclei"))


@pytest.fixture(scope="module")
def start(recipe: Recipe) -> EncoderStart:
    assert recipe.encoder_start is not None
    return recipe.encoder_start


@pytest.fixture(scope="module")
def held(start: EncoderStart) -> dict[str, Tensor]:
    """The file's own tensors, in the order of its layers."""
    entries = metadata.files(start.package) or []
    (path,) = (Path(str(e.locate())) for e in entries if e.name == start.file)
    read: dict[str, Tensor] = torch.load(path, weights_only=True)
    return read


@pytest.fixture(scope="module")
def begun(recipe: Recipe) -> nn.Module:
    return first_network(recipe)


def test_every_tensor_is_in_the_place_of_the_same_number(
    begun: nn.Module, held: dict[str, Tensor]
) -> None:
    """Both sides list their layers in the order in which a picture passes them."""
    pairs = zip(begun.encoder.state_dict().items(), held.items(), strict=False)
    for (name, ours), (_, theirs) in pairs:
        share = Normalised.SPREAD / 0.5 if name == "conv_stem.weight" else 1
        torch.testing.assert_close(ours, theirs * share, msg=name)


def test_the_features_are_not_those_of_random_numbers(recipe: Recipe, begun: nn.Module) -> None:
    """Trained filters of the stem are smooth: neighbours in a filter are alike."""
    other = fresh_network(recipe, recipe.network)
    assert _smoothness(begun) > 0.25 > _smoothness(other)


def _smoothness(network: nn.Module) -> float:
    filters = network.encoder.get_parameter("conv_stem.weight").detach()
    left, right = filters[..., :-1].flatten(), filters[..., 1:].flatten()
    return float(torch.corrcoef(torch.stack([left, right]))[0, 1])


def test_what_begins_with_a_model_needs_no_package(
    tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "files", lambda _: iter(()))
    tiny = install_tiny(tmp_path, replace(tiny_card(), input=recipe.input))
    begun_from(recipe, tiny)
    with pytest.raises(UsageError, match="Install the package again"):
        first_network(recipe)


def test_a_package_that_is_not_there_is_named_with_its_remedy(
    recipe: Recipe, start: EncoderStart
) -> None:
    gone = replace(start, package="no-such-package-of-weights")
    with pytest.raises(UsageError, match=r"not installed.*pathology\[training\]"):
        first_network(replace(recipe, encoder_start=gone))


def test_another_file_under_the_same_name_is_refused(recipe: Recipe, start: EncoderStart) -> None:
    other = replace(start, sha256="0" * 64)
    with pytest.raises(UsageError, match="is not the file of the recipe"):
        first_network(replace(recipe, encoder_start=other))


def test_another_encoder_does_not_take_them(recipe: Recipe) -> None:
    for encoder in ("efficientnet_lite2", "resnet10t"):
        shape = replace(recipe.network, encoder=encoder)
        with pytest.raises(UsageError, match="does not fit the encoder"):
            first_network(replace(recipe, network=shape))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('sha256 = "5793', 'sha256 = "79', "64 hexadecimal"),
        ('told = "', 'told = "" # ', "say something"),
    ],
)
def test_a_start_that_says_too_little_is_refused(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    text = shipped_recipe("nuclei").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "own.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        load_recipe(tmp_path / "own.toml")


def test_the_start_decides_the_lesson(recipe: Recipe, start: EncoderStart) -> None:
    """A training that begins otherwise is another training."""
    other = replace(start, sha256="0" * 64)
    assert replace(recipe, encoder_start=other).lesson_sha256() != recipe.lesson_sha256()
