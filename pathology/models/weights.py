"""Files of weights: read only after their hash is right, loaded only if every tensor fits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from pathology.errors import ModelRefused
from pathology.models.build import CountedAs, Facts, Parsed, built, channels_of
from pathology.models.catalogue import Installed
from pathology.models.exported import exported_network
from pathology.models.instanseg import check_allowed, scripted_network
from pathology.models.network import NUCLEUS_MAPS
from pathology.models.weights_file import sha256_of, verified_bytes, write_whole
from pathology.records.model import ModelCard

__all__ = [
    "load_tensors",
    "network_of",
    "parsed",
    "read_network",
    "sha256_of",
    "weights_bytes",
    "write_weights",
]
COUNTER = "num_batches_tracked"
"""What batch normalisation counts while it is trained; of no use afterwards, so never stored."""


def read_network(installed: Installed, allowed_torchscript: Collection[str] = ()) -> nn.Module:
    """The network of a model, ready to see: in eval mode, float32, channels_last, on the CPU.

    Takes pictures (b, 3, h, w) of 0..1, sides multiples of the card's ``step_px``. Tissue: class
    logits (b, classes, h / k, w / k). Nuclei: maps (b, 5 + classes, h, w), see ``network``; of form
    ``instanseg``, labels, see ``instanseg.InstanceLabels``. ``allowed_torchscript`` are the hashes
    of scripts that the site allows to run.

    Raises
    ------
    ModelRefused
        The file is missing, a link, not the one the card names by its hash, or does not hold
        exactly the finite tensors of the network that the card describes.
    """
    data = verified_bytes(installed)
    return network_of(installed.card, data, allowed_torchscript)


def network_of(
    card: ModelCard, data: bytes, allowed_torchscript: Collection[str] = ()
) -> nn.Module:
    """The network whose file holds ``data``; see ``read_network``."""
    if card.network.form == "exported":
        network = exported_network(card, data)
    elif card.network.form == "instanseg":
        check_allowed(card.name, hashlib.sha256(data).hexdigest(), allowed_torchscript)
        return scripted_network(card, data)
    else:
        read = parsed(card.name, data)
        network = built(card, read)
        load_tensors(card, network, read.tensors)
    if card.channels:
        network = CountedAs(network, card)
    return network.eval().to(memory_format=torch.channels_last)


def parsed(name: str, data: bytes) -> Parsed:
    """Tensors of a safetensors file, and the facts it states beside them."""
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, KeyError, ValueError, OverflowError) as cause:
        raise ModelRefused(
            f"{name}: the weights are no safetensors file, or one cut short ({cause}). "
            "Get the whole file again; other formats come in by pathology models import"
        ) from cause
    length = int.from_bytes(data[:8], "little")
    facts: Facts = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    return Parsed(tensors, facts)


def load_tensors(card: ModelCard, network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put tensors into the network, each in its place and none left over.

    Raises
    ------
    ModelRefused
        A tensor is missing, unknown, of another shape or kind, or holds nan or inf.
    """
    wanted = _without_counters(network.state_dict())
    given = _without_counters(tensors)
    _check_classes(card, wanted, given)
    _check_places(card.name, wanted, given)
    for key, tensor in given.items():
        if not torch.isfinite(tensor).all():
            raise ModelRefused(f"{card.name}: tensor {key} is not finite. The weights are spoilt")
    with torch.no_grad():
        for key, place in wanted.items():
            place.copy_(given[key])


def write_weights(network: nn.Module, path: Path, facts: Facts | None = None) -> str:
    """The network's tensors at ``path`` as fp16 safetensors, whole or not at all; its sha256.

    The same tensors give the same bytes. Raises ``ModelRefused`` where a value is not finite in
    fp16 and ``OutputError`` where the file cannot be written.
    """
    data = weights_bytes(network.state_dict(), path.stem, facts)
    write_whole(path, data)
    return hashlib.sha256(data).hexdigest()


def weights_bytes(tensors: Mapping[str, Tensor], name: str, facts: Facts | None = None) -> bytes:
    """Tensors as the bytes of a safetensors file, floats as fp16."""
    stored = {}
    for key, tensor in sorted(_without_counters(tensors).items()):
        small = tensor.detach().cpu().contiguous()
        if small.is_floating_point():
            small = small.to(torch.float16)
        if not torch.isfinite(small).all():
            raise ModelRefused(
                f"{name}: tensor {key} is not finite in fp16. Train with a smaller step"
            )
        stored[key] = small
    return safetensors.torch.save(stored, dict(facts) if facts else None)


def _without_counters(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: t for key, t in tensors.items() if not key.endswith(COUNTER)}


def _check_classes(
    card: ModelCard, wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]
) -> None:
    """The last layer of our own networks, whose width says how many classes they know."""
    last = "head.weight"
    if last not in wanted or last not in given or given[last].ndim == 0:
        return
    width, classes = given[last].shape[0], channels_of(card)
    if width == wanted[last].shape[0]:
        return
    if card.network.form == "nucleus-network":
        width = width // 4 - len(NUCLEUS_MAPS)
    raise ModelRefused(
        f"{card.name}: the weights know {width} classes, the card names {classes}. "
        "Name the classes in the order of the network's channels"
    )


def _check_places(name: str, wanted: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    remedy = "The weights are of another network than [network] of the card describes"
    if missing := sorted(wanted.keys() - given.keys()):
        raise ModelRefused(f"{name}: tensors are missing: {_few(missing)}. {remedy}")
    if strangers := sorted(given.keys() - wanted.keys()):
        raise ModelRefused(f"{name}: tensors are unknown: {_few(strangers)}. {remedy}")
    for key, place in wanted.items():
        shape, needed = tuple(given[key].shape), tuple(place.shape)
        if shape != needed:
            raise ModelRefused(f"{name}: tensor {key} is {shape}, not {needed}. {remedy}")
        if given[key].is_floating_point() != place.is_floating_point():
            raise ModelRefused(f"{name}: tensor {key} is {given[key].dtype}. {remedy}")


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
