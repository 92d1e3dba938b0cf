"""Tile encoders: a timm network of a local folder with a linear head, or a timm classifier."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch
from torch import Tensor, nn

from pathology.errors import ModelRefused
from pathology.models.importing import Offer, import_model
from pathology.models.tile_encoder import EncoderFacts
from pathology.models.weights import read_network
from pathology.records.model import ModelCard
from tests.tiny_models import tiny_card, write_card

SIDE_PX = 32
ARGUMENTS = {
    "img_size": SIDE_PX,
    "patch_size": 16,
    "embed_dim": 24,
    "depth": 1,
    "num_heads": 2,
    "init_values": 1e-5,
    "reg_tokens": 2,
    "num_classes": 0,
    "mlp_layer": "SwiGLUPacked",
    "act_layer": "SiLU",
}
MEAN, STD = (0.7, 0.6, 0.7), (0.2, 0.25, 0.2)


def encoder_card(encoder: str = "vit_tiny_patch16_224") -> ModelCard:
    card = tiny_card("tissue", name="tiles")
    return replace(
        card,
        classes=("tumour", "stroma", "normal"),
        network=replace(card.network, form="tile-encoder", encoder=encoder, stages=0, decoder=()),
        input=replace(card.input, step_px=SIDE_PX, halo_um=2.5 * SIDE_PX),
    )


def tiny_vit() -> nn.Module:
    torch.manual_seed(5)
    layers = {"mlp_layer": timm.layers.SwiGLUPacked, "act_layer": nn.SiLU}
    return timm.create_model("vit_tiny_patch16_224", **{**ARGUMENTS, **layers}).eval()


def encoder_folder(folder: Path, head: dict[str, Tensor], **config: Any) -> Path:
    folder.mkdir()
    told = {
        "architecture": "vit_tiny_patch16_224",
        "num_features": 24,
        "model_args": ARGUMENTS,
        "pretrained_cfg": {"mean": MEAN, "std": STD, "input_size": [3, SIDE_PX, SIDE_PX]},
    }
    (folder / "config.json").write_text(json.dumps({**told, **config}))
    safetensors.torch.save_file(tiny_vit().state_dict(), folder / "model.safetensors")
    safetensors.torch.save_file(head, folder / "head.safetensors")
    return folder


def offered(tmp_path: Path, file: Path, card: ModelCard) -> Offer:
    (tmp_path / "site").mkdir()
    return Offer(file=file, card=write_card(tmp_path, card), folder=tmp_path / "site")


@pytest.mark.parametrize("width", [24, 48])
def test_a_folder_with_a_head_classes_each_tile(tmp_path: Path, width: int) -> None:
    head = {"weight": torch.randn(3, width), "bias": torch.randn(3)}
    folder = encoder_folder(tmp_path / "encoder", head)
    network = read_network(import_model(offered(tmp_path, folder, encoder_card())))
    pictures = torch.rand(2, 3, 2 * SIDE_PX, 3 * SIDE_PX)
    with torch.inference_mode():
        seen = network(pictures)
        assert seen.shape == (2, 3, 2, 3)
        for row, column in ((0, 0), (1, 2)):
            tile = pictures[
                1:,
                :,
                row * SIDE_PX : (row + 1) * SIDE_PX,
                column * SIDE_PX : (column + 1) * SIDE_PX,
            ]
            wanted = by_hand(tile, head, joined=width == 48)
            torch.testing.assert_close(seen[1:, :, row, column], wanted, rtol=0.02, atol=0.02)


def by_hand(tile: Tensor, head: dict[str, Tensor], *, joined: bool) -> Tensor:
    """Class token, with the mean of the patches where the head takes both; then the head."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    tokens = tiny_vit().forward_features((tile - mean) / std)  # type: ignore[operator]
    features = tokens[:, 0]
    if joined:  # a class token and two registers come before the patches
        features = torch.cat([features, tokens[:, 3:].mean(dim=1)], dim=1)
    return features @ head["weight"].T + head["bias"]


def test_a_timm_classifier_comes_in_without_a_folder(tmp_path: Path) -> None:
    torch.manual_seed(5)
    classifier = timm.create_model("resnet10t", num_classes=3).eval()
    path = tmp_path / "classifier.safetensors"
    safetensors.torch.save_file(classifier.state_dict(), path)
    network = read_network(import_model(offered(tmp_path, path, encoder_card("resnet10t"))))
    tile = torch.rand(1, 3, SIDE_PX, SIDE_PX)
    normal = timm.get_pretrained_cfg("resnet10t")
    assert normal is not None
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (normal.mean, normal.std))
    with torch.inference_mode():
        wanted = classifier((tile - mean) / std)[..., None, None]
        torch.testing.assert_close(network(tile), wanted, rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"architecture": "hf-hub:somebody/something"}, "no bare name of timm's"),
        ({"architecture": "resnet10t"}, "weights are of resnet10t, the card says vit_tiny"),
        ({"model_args": {"checkpoint_path": "x.pth"}}, "model_args .*checkpoint_path"),
        ({"model_args": {"pretrained": True}}, "model_args .*pretrained"),
        ({"pretrained_cfg": {"mean": [0, 0, 0], "std": [0, 0, 0]}}, "three numbers each"),
        ({"pretrained_cfg": {"mean": [0.5, 0.5]}}, "encoder's folder holds"),
        ({"model_args": {**ARGUMENTS, "depth": 2}}, "tensors are missing"),
    ],
)
def test_a_folder_that_makes_no_sense_is_refused(
    tmp_path: Path, config: dict[str, Any], why: str
) -> None:
    head = {"weight": torch.randn(3, 24), "bias": torch.randn(3)}
    folder = encoder_folder(tmp_path / "encoder", head, **config)
    what = offered(tmp_path, folder, encoder_card())
    with pytest.raises(ModelRefused, match=why):
        import_model(what)
    assert not list(what.folder.iterdir())


def test_a_head_of_another_encoder_or_of_other_classes_is_refused(tmp_path: Path) -> None:
    other = {"weight": torch.randn(3, 30), "bias": torch.randn(3)}
    what = offered(tmp_path, encoder_folder(tmp_path / "a", other), encoder_card())
    with pytest.raises(ModelRefused, match="the head takes 30 features, the encoder gives 24"):
        import_model(what)
    more = {"weight": torch.randn(7, 24), "bias": torch.randn(7)}
    with pytest.raises(ModelRefused, match="the weights know 7 classes, the card names 3"):
        import_model(replace(what, file=encoder_folder(tmp_path / "b", more)))


def test_what_an_encoder_was_built_with_reads_back() -> None:
    facts = EncoderFacts(architecture="resnet10t", arguments={"depth": 3}, mean=MEAN, std=STD)
    assert EncoderFacts.of_config(json.loads(facts.text())) == facts


def test_a_halo_narrower_than_a_cell_is_refused() -> None:
    """At a tile's edge a cell would hold mirrored tissue, and the neighbour would see another."""
    card = encoder_card()
    with pytest.raises(ValueError, match="halo_um of a tile-encoder must be"):
        replace(card, input=replace(card.input, halo_um=2.5 * SIDE_PX - 1))
