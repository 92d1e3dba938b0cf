"""Weights load exactly or not at all."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from pathology.errors import ModelRefused, OutputError
from pathology.models.catalogue import Installed
from pathology.models.weights import read_network, sha256_of, write_weights
from pathology.records.model import ModelTask
from tests.tiny_models import install_tiny, tiny_card, tiny_network


def reinstalled(model: Installed, data: bytes) -> Installed:
    """The model with other bytes for weights, which its card names truly."""
    model.weights_path.write_bytes(data)
    weights = replace(model.card.weights, sha256=hashlib.sha256(data).hexdigest())
    return replace(model, card=replace(model.card, weights=weights))


def changed(model: Installed, change: Callable[[dict[str, Tensor]], object]) -> Installed:
    tensors = safetensors.torch.load_file(model.weights_path)
    change(tensors)
    return reinstalled(model, safetensors.torch.save(tensors))


@pytest.mark.parametrize(("task", "size"), [("nuclei", (9, 32, 48)), ("tissue", (5, 8, 12))])
def test_what_was_written_is_what_sees(
    tmp_path: Path, task: ModelTask, size: tuple[int, ...]
) -> None:
    model = install_tiny(tmp_path, tiny_card(task))
    pictures = torch.rand(2, 3, 32, 48)
    network, before = read_network(model), tiny_network(model.card)
    with torch.inference_mode():
        seen, wanted = network(pictures), before(pictures)
    assert seen.shape == (2, *size)
    torch.testing.assert_close(seen, wanted, rtol=0.01, atol=0.01)  # fp16 on disk
    assert not network.training
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    kernels = [p for p in network.parameters() if p.ndim == 4 and p.shape[2] > 1]
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)


def test_the_same_tensors_give_the_same_bytes(tmp_path: Path) -> None:
    network = tiny_network(tiny_card())
    first = write_weights(network, tmp_path / "a.safetensors")
    second = write_weights(network, tmp_path / "b.safetensors")
    assert first == second == sha256_of(tmp_path / "a.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    stored = safetensors.torch.load_file(tmp_path / "a.safetensors")
    assert {t.dtype for t in stored.values()} == {torch.float16}
    assert not [key for key in stored if "num_batches_tracked" in key]
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["a.safetensors", "b.safetensors"]


def test_what_overflows_fp16_is_not_written(tmp_path: Path) -> None:
    network = tiny_network(tiny_card())
    with torch.no_grad():
        network.head.bias[0] = 1e6  # type: ignore[union-attr, operator, index]
    with pytest.raises(ModelRefused, match=r"head\.bias is not finite in fp16"):
        write_weights(network, tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.safetensors: cannot be written"):
        write_weights(tiny_network(tiny_card()), tmp_path / "gone" / "a.safetensors")


def test_a_wrong_hash_is_refused_before_anything_is_parsed(tmp_path: Path) -> None:
    model = install_tiny(tmp_path)
    data = bytearray(model.weights_path.read_bytes())
    data[-1] ^= 1
    model.weights_path.write_bytes(data)
    with pytest.raises(ModelRefused, match="is not the file of this card: its sha256"):
        read_network(model)
    model.weights_path.write_bytes(b"no safetensors at all")
    with pytest.raises(ModelRefused, match="is not the file of this card: its sha256"):
        read_network(model)


def test_missing_weights_are_told(tmp_path: Path) -> None:
    model = install_tiny(tmp_path)
    model.weights_path.unlink()
    with pytest.raises(ModelRefused, match=r"tiny: the weights tiny\.safetensors cannot be read"):
        read_network(model)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    model = install_tiny(folder)
    model.weights_path.rename(tmp_path / "elsewhere")
    model.weights_path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelRefused, match="is a link"):
        read_network(model)


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.01, 0.3, 0.7, 0.9999])
def test_weights_cut_short_are_refused(tmp_path: Path, share: float) -> None:
    model = install_tiny(tmp_path)
    data = model.weights_path.read_bytes()
    short = reinstalled(model, data[: int(len(data) * share)])
    with pytest.raises(ModelRefused, match=r"tiny: .*cut short"):
        read_network(short)


def test_bytes_after_the_end_are_refused(tmp_path: Path) -> None:
    model = install_tiny(tmp_path)
    with pytest.raises(ModelRefused, match="no safetensors"):
        read_network(reinstalled(model, model.weights_path.read_bytes() + b"more"))


def test_a_pickle_with_the_right_name_is_refused_unopened(tmp_path: Path) -> None:
    model = install_tiny(tmp_path)
    data = pickle.dumps({"head.weight": [1.0]})
    with pytest.raises(ModelRefused, match="no safetensors"):
        read_network(reinstalled(model, data))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, bad: float) -> None:
    model = changed(install_tiny(tmp_path), lambda t: t["head.bias"].__setitem__(3, bad))
    with pytest.raises(ModelRefused, match=r"tensor head\.bias is not finite"):
        read_network(model)


def test_missing_unknown_and_misshapen_tensors_are_refused(tmp_path: Path) -> None:
    model = install_tiny(tmp_path)
    whole = model.weights_path.read_bytes()
    cases: dict[str, Callable[[dict[str, Tensor]], object]] = {
        r"tensors are missing: head\.bias": lambda t: t.pop("head.bias"),
        r"tensors are unknown: extra": lambda t: t.update(extra=torch.zeros(1).half()),
        r"tensor head\.bias is \(1,\), not \(36,\)": lambda t: t.update(
            {"head.bias": torch.zeros(1).half()}
        ),
        r"tensor head\.bias is torch\.int32": lambda t: t.update(
            {"head.bias": torch.zeros(36, dtype=torch.int32)}
        ),
    }
    for why, change in cases.items():
        model.weights_path.write_bytes(whole)
        with pytest.raises(ModelRefused, match=why):
            read_network(changed(model, change))


@pytest.mark.parametrize("task", ["nuclei", "tissue"])
def test_a_class_count_that_does_not_match_is_told_as_such(tmp_path: Path, task: ModelTask) -> None:
    model = install_tiny(tmp_path, tiny_card(task))
    fewer = replace(model.card, classes=model.card.classes[:2])
    known = len(model.card.classes)
    with pytest.raises(ModelRefused, match=f"the weights know {known} classes, the card names 2"):
        read_network(replace(model, card=fewer))


def test_another_network_than_the_card_describes_is_refused(tmp_path: Path) -> None:
    model = install_tiny(tmp_path)
    wider = replace(model.card, network=replace(model.card.network, decoder=(24, 8)))
    with pytest.raises(ModelRefused, match="of another network than"):
        read_network(replace(model, card=wider))
    unheard = replace(model.card, network=replace(model.card.network, encoder="resnet_of_oz"))
    with pytest.raises(ModelRefused, match="no network can be built"):
        read_network(replace(model, card=unheard))


def test_a_header_that_lies_about_lengths_is_refused(tmp_path: Path) -> None:
    model = install_tiny(tmp_path)
    head = json.dumps({"a": {"dtype": "F16", "shape": [2**40], "data_offsets": [0, 2**41]}})
    data = len(head).to_bytes(8, "little") + head.encode() + b"\0" * 64
    with pytest.raises(ModelRefused, match="no safetensors"):
        read_network(reinstalled(model, data))
