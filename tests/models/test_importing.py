"""A site's own model: tried out, pinned, and installed whole or not at all."""

from __future__ import annotations

import hashlib
import os
import pickle
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from pathology.errors import ModelRefused, OutputError
from pathology.models import importing
from pathology.models.catalogue import load_catalogue
from pathology.models.importing import Offer, import_model
from pathology.models.weights import read_network
from pathology.records.model import ModelCard
from tests.models.test_exported import export, exported_card
from tests.tiny_models import tiny_card, tiny_network, write_card


def offer(tmp_path: Path, file: Path, card: ModelCard, **more: Any) -> Offer:
    (tmp_path / "offered").mkdir(exist_ok=True)
    (tmp_path / "site").mkdir(exist_ok=True)
    path = write_card(tmp_path / "offered", card)
    return Offer(file=file, card=path, folder=tmp_path / "site", **more)


def saved(path: Path, network: nn.Module) -> Path:
    tensors = {key: t.contiguous() for key, t in network.state_dict().items()}
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return path


def refused(wanted: str, what: Offer) -> None:
    with pytest.raises(ModelRefused, match=wanted):
        import_model(what)
    assert not list(what.folder.iterdir())


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".bin", ".pt"])
def test_weights_come_in_and_see_the_same(tmp_path: Path, suffix: str) -> None:
    card = tiny_card()
    network = tiny_network(card)
    given = saved(tmp_path / f"given{suffix}", network)
    installed = import_model(offer(tmp_path, given, card))
    assert sorted(p.name for p in (tmp_path / "site").iterdir()) == [
        "tiny.safetensors",
        "tiny.toml",
    ]
    data = installed.weights_path.read_bytes()
    assert installed.card.weights.sha256 == hashlib.sha256(data).hexdigest()
    found = load_catalogue(tmp_path / "site")["tiny"]
    assert found == installed
    pictures = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(
            read_network(found)(pictures), network(pictures), rtol=0.01, atol=0.01
        )


def test_an_exported_network_comes_in_as_it_is(tmp_path: Path) -> None:
    network = tiny_network(tiny_card("tissue"))
    (tmp_path / "given.pt2").write_bytes(export(network))
    installed = import_model(offer(tmp_path, tmp_path / "given.pt2", exported_card()))
    assert installed.weights_path.read_bytes() == (tmp_path / "given.pt2").read_bytes()
    pictures = torch.rand(2, 3, 64, 96)
    with torch.inference_mode():
        torch.testing.assert_close(read_network(installed)(pictures), network(pictures))


def test_an_export_with_fixed_sides_is_refused(tmp_path: Path) -> None:
    class Fixed(nn.Module):
        def forward(self, pictures: Tensor) -> Tensor:
            pooled = nn.functional.avg_pool2d(pictures, 4).mean(1, keepdim=True)
            return pooled.expand(-1, 5, -1, -1) + torch.zeros(24, 16)

    (tmp_path / "given.pt2").write_bytes(export(Fixed(), free=False))
    refused("fails on a picture of", offer(tmp_path, tmp_path / "given.pt2", exported_card()))


def test_a_pinned_hash_of_the_offered_file_is_checked(tmp_path: Path) -> None:
    card = tiny_card()
    given = saved(tmp_path / "given.safetensors", tiny_network(card))
    right = hashlib.sha256(given.read_bytes()).hexdigest()
    wrong = "1" * 64
    refused(
        "is not the file of this card",
        offer(tmp_path, given, replace(card, weights=replace(card.weights, sha256=wrong))),
    )
    pinned = replace(card, weights=replace(card.weights, sha256=right))
    assert import_model(offer(tmp_path, given, pinned)).card.weights.sha256 != right  # now fp16


class Trap:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.place),)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".pt2"])
def test_a_pickle_is_refused_and_does_not_run(tmp_path: Path, suffix: str) -> None:
    given = tmp_path / f"evil{suffix}"
    given.write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    card = exported_card() if suffix == ".pt2" else tiny_card()
    refused("evil|tiny|exported", offer(tmp_path, given, card))
    assert not (tmp_path / "sprung").exists()


def test_torchscript_is_told_from_a_state_dict(tmp_path: Path) -> None:
    class Same(nn.Module):
        def forward(self, pictures: Tensor) -> Tensor:
            return pictures

    given = tmp_path / "given.pt"
    scripted(Same()).save(str(given))
    refused("is TorchScript, which runs as a program", offer(tmp_path, given, tiny_card()))


def scripted(network: nn.Module) -> torch.jit.ScriptModule:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own: scripting has no future
        return torch.jit.script(network)


def test_names_that_are_taken_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = tiny_card()
    given = saved(tmp_path / "given.safetensors", tiny_network(card))
    what = offer(tmp_path, given, card)
    first = import_model(what)
    with pytest.raises(ModelRefused, match="a model of this name is there already"):
        import_model(what)
    shipped = {"tiny": replace(first, shipped=True)}
    monkeypatch.setattr(importing, "load_catalogue", lambda: shipped)
    (tmp_path / "other").mkdir()
    refused("a shipped model has this name", replace(what, folder=tmp_path / "other"))


def test_what_does_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    card = tiny_card()
    given = saved(tmp_path / "given.safetensors", tiny_network(card))
    cases = {
        "know 4 classes, the card names 2": replace(card, classes=("tumour", "other")),
        "of another network": replace(card, network=replace(card.network, decoder=(8, 8))),
        "fails on a picture|no whole part": replace(card, input=replace(card.input, step_px=9)),
    }
    for why, wrong in cases.items():
        refused(why, offer(tmp_path, given, wrong))


def test_nan_weights_and_weights_cut_short_are_refused(tmp_path: Path) -> None:
    card = tiny_card()
    network = tiny_network(card)
    given = saved(tmp_path / "given.safetensors", network)
    given.write_bytes(given.read_bytes()[:-100])
    refused("cut short", offer(tmp_path, given, card))
    with torch.no_grad():
        network.head.bias[1] = float("nan")  # type: ignore[union-attr, operator, index]
    saved(given, network)
    refused("not finite", offer(tmp_path, given, card))
    pth = saved(tmp_path / "given.pth", network)
    pth.write_bytes(pth.read_bytes()[:-100])
    refused("Save it as safetensors", offer(tmp_path, pth, card))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    card = tiny_card()
    refused("cannot be read", offer(tmp_path, tmp_path / "gone.safetensors", card))
    (tmp_path / "weights.h5").write_bytes(b"x")
    refused("weights are .safetensors", offer(tmp_path, tmp_path / "weights.h5", card))
    refused("only form tile-encoder takes a folder", offer(tmp_path, tmp_path, card))
    what = offer(tmp_path, tmp_path / "gone.safetensors", card)
    with pytest.raises(ModelRefused, match="no such folder of models"):
        import_model(replace(what, folder=tmp_path / "nowhere"))


def test_a_card_that_cannot_be_written_takes_the_weights_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = tiny_card()
    given = saved(tmp_path / "given.safetensors", tiny_network(card))
    real = importing.write_whole

    def full(path: Path, data: bytes) -> None:
        if path.suffix == ".toml":
            raise OutputError("tiny.toml: cannot be written (No space left on device)")
        real(path, data)

    monkeypatch.setattr(importing, "write_whole", full)
    what = offer(tmp_path, given, card)
    with pytest.raises(OutputError):
        import_model(what)
    assert not list(what.folder.iterdir())
