"""A timm network that classes whole tiles: a general encoder with a linear head, or a classifier.

Large encoders of pathology (UNI, Virchow2, H-optimus) are published as a folder with timm's
``config.json`` and ``model.safetensors``, under terms that each site must accept for itself. A site
that holds one, and a linear head trained on it, imports the folder; nothing is ever downloaded.
Those encoders were not at hand when this was written: tests use a tiny network of the same kind.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import timm
import torch
from timm.layers.mlp import GluMlp, SwiGLUPacked
from torch import Tensor, nn

from pathology.errors import ModelRefused
from pathology.records.model import ENCODER, ModelCard

FACT: Final = "timm"
"""Where the file of tensors says, as JSON, what the encoder was built with."""
TILES_AT_ONCE: Final = 16
ARGUMENTS: Final = frozenset(
    [
        "act_layer",
        "class_token",
        "depth",
        "dynamic_img_size",
        "embed_dim",
        "global_pool",
        "img_size",
        "init_values",
        "mlp_layer",
        "mlp_ratio",
        "no_embed_class",
        "num_classes",
        "num_heads",
        "patch_size",
        "pre_norm",
        "qk_norm",
        "qkv_bias",
        "reg_tokens",
    ]
)
"""Arguments of timm that shape a network. Others can make it read files, so none is let through."""
LAYERS: Final[Mapping[str, Any]] = MappingProxyType(
    {"SwiGLUPacked": SwiGLUPacked, "GluMlp": GluMlp, "SiLU": nn.SiLU}
)
"""Layers that the encoders' authors name in their instructions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderFacts:
    """What timm needs to build an encoder, and how its pictures are normalised."""

    architecture: str
    arguments: Mapping[str, Any]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> EncoderFacts:
        """From the contents of timm's ``config.json``; ``ValueError`` where they make no sense."""
        normal = config.get("pretrained_cfg") or config
        facts = cls(
            architecture=str(config["architecture"]),
            arguments=dict(config.get("model_args") or {}),
            mean=tuple(float(x) for x in normal["mean"]),
            std=tuple(float(x) for x in normal["std"]),
        )
        if not ENCODER.fullmatch(facts.architecture):
            raise ValueError(f"architecture {facts.architecture!r} is no bare name of timm's")
        if strangers := sorted(facts.arguments.keys() - ARGUMENTS):
            raise ValueError(f"model_args {strangers} are not known here")
        if len(facts.mean) != 3 or len(facts.std) != 3 or not all(x > 0 for x in facts.std):
            raise ValueError("mean and std must be three numbers each")
        return facts

    def text(self) -> str:
        """As JSON, to be kept beside the tensors; ``of_config`` reads it back."""
        return json.dumps(
            {
                "architecture": self.architecture,
                "model_args": dict(self.arguments),
                "mean": self.mean,
                "std": self.std,
            },
            sort_keys=True,
        )

    def network(self) -> nn.Module:
        """The encoder, its weights at random."""
        arguments: dict[str, Any] = {
            key: LAYERS.get(value, value) if isinstance(value, str) else value
            for key, value in self.arguments.items()
        }
        network: nn.Module = timm.create_model(self.architecture, pretrained=False, **arguments)
        return network


class TileClassifier(nn.Module):
    """Pictures (b, 3, h, w) of 0..1 -> class logits (b, channels, h / k, w / k), k a tile's side.

    A head as wide as the encoder's features takes its pooled feature; one twice as wide takes the
    class token and the mean of the patches, as Virchow's authors advise.
    """

    def __init__(self, encoder: nn.Module, facts: EncoderFacts, shape: TileShape) -> None:
        super().__init__()
        self.tile_px = shape.tile_px
        self.encoder = encoder
        self.head = nn.Linear(shape.head_width, shape.channels) if shape.head_width else None
        self.joins_patches = shape.head_width == 2 * int(getattr(encoder, "num_features", 0))
        self.mean: Tensor
        self.std: Tensor
        for name, values in (("mean", facts.mean), ("std", facts.std)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        side = self.tile_px
        batch, _, height, width = pictures.shape
        rows, columns = height // side, width // side
        cut = ((pictures - self.mean) / self.std).reshape(batch, 3, rows, side, columns, side)
        tiles = cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, 3, side, side)
        logits = torch.cat([self._classed(some) for some in torch.split(tiles, TILES_AT_ONCE)])
        return logits.view(batch, rows, columns, -1).permute(0, 3, 1, 2)

    def _classed(self, tiles: Tensor) -> Tensor:
        """Logits (n, channels) of tiles (n, 3, k, k)."""
        if self.head is None:
            classed: Tensor = self.encoder(tiles)
            return classed
        features = self.encoder.forward_features(tiles)  # type: ignore[operator]
        if self.joins_patches:
            first = int(self.encoder.num_prefix_tokens)  # type: ignore[arg-type]
            pooled = torch.cat([features[:, 0], features[:, first:].mean(dim=1)], dim=1)
        else:
            pooled = self.encoder.forward_head(features, pre_logits=True)  # type: ignore[operator]
        headed: Tensor = self.head(pooled)
        return headed


@dataclass(frozen=True, slots=True, kw_only=True)
class TileShape:
    """What surrounds an encoder."""

    tile_px: int
    channels: int
    head_width: int  # features that the linear head takes; 0 where the encoder ends in classes


def tile_classifier(card: ModelCard, facts: Mapping[str, str], head_width: int) -> TileClassifier:
    """The network of a tile-encoder's card; ``ModelRefused`` where the file does not say how.

    ``head_width`` is the width of ``head.weight`` in the file, 0 where there is none.
    """
    if FACT not in facts:
        raise ModelRefused(
            f"{card.name}: the weights do not say how their encoder is built. "
            "Bring them in by pathology models import"
        )
    read = EncoderFacts.of_config(json.loads(facts[FACT]))
    if read.architecture != card.network.encoder:
        raise ModelRefused(
            f"{card.name}: the weights are of {read.architecture}, the card says "
            f"{card.network.encoder or 'nothing'}. Mend encoder in [network] of the card"
        )
    encoder = read.network()
    features = int(getattr(encoder, "num_features", 0))
    if head_width not in (0, features, 2 * features):
        raise ModelRefused(
            f"{card.name}: the head takes {head_width} features, the encoder gives {features} (or "
            f"{2 * features} with the mean of its patches). Get the head of this encoder"
        )
    shape = TileShape(
        tile_px=card.input.step_px,
        channels=len(card.channels or card.classes),
        head_width=head_width,
    )
    return TileClassifier(encoder, read, shape)
