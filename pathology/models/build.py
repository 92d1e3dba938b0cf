"""From a card to an empty network: one way a form, and how many channels it must give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from pathology.errors import ModelRefused
from pathology.models.network import NUCLEUS_MAPS, NucleusNetwork, TissueNetwork
from pathology.models.tiatoolbox import ResNetUNet
from pathology.models.tile_encoder import tile_classifier
from pathology.records.model import ModelCard, ModelForm

Facts = Mapping[str, str]
"""What a file of tensors says beside them; see safetensors' metadata."""


class Parsed(NamedTuple):
    """A file of tensors, read."""

    tensors: Mapping[str, Tensor]
    facts: Facts


def channels_of(card: ModelCard) -> int:
    """Channels of class logits that the network itself gives."""
    return len(card.channels or card.classes)


def maps_of(card: ModelCard) -> int:
    """Channels of what ``weights.read_network`` returns: maps of nuclei come before classes."""
    return len(card.classes) + (len(NUCLEUS_MAPS) if card.task == "nuclei" else 0)


class CountedAs(nn.Module):
    """A foreign network's class logits as ours: classes that count as one are added up.

    The logit of a sum of probabilities is the log of the sum of exponentials, so a softmax of what
    comes out is exactly the sum of the softmax of what went in.
    """

    def __init__(self, network: nn.Module, card: ModelCard) -> None:
        super().__init__()
        self.network = network
        self.members = [
            [i for i, counts_as in enumerate(card.channels) if counts_as == name]
            for name in card.classes
        ]

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (b, 3, h, w) -> class logits (b, classes, h / k, w / k)."""
        logits = self.network(pictures)
        if logits.shape[1] != sum(map(len, self.members)):
            raise ValueError(f"{logits.shape[1]} channels, of which the card names others")
        return torch.stack([logits[:, some].logsumexp(dim=1) for some in self.members], dim=1)


def _tile_classifier(card: ModelCard, parsed: Parsed) -> nn.Module:
    head = parsed.tensors.get("head.weight")
    width = head.shape[1] if head is not None and head.ndim == 2 else 0
    return tile_classifier(card, parsed.facts, width)


BUILDERS: Final[Mapping[ModelForm, Callable[[ModelCard, Parsed], nn.Module]]] = {
    "nucleus-network": lambda card, _: NucleusNetwork(card.network, len(card.classes)),
    "tissue-network": lambda card, _: TissueNetwork(card.network, len(card.classes)),
    "tiatoolbox": lambda card, _: ResNetUNet(channels_of(card)),
    "tile-encoder": _tile_classifier,
}
"""The forms whose files hold tensors and nothing else."""


BUILD_FAILURES: Final = (
    RuntimeError,
    ValueError,
    TypeError,
    AssertionError,
    LookupError,
    AttributeError,  # facts that are JSON, but no table
)


def built(card: ModelCard, parsed: Parsed) -> nn.Module:
    """The network that a card describes, its weights at random.

    Raises
    ------
    ModelRefused
        No network can be made from what the card, or the file, says.
    """
    try:
        return BUILDERS[card.network.form](card, parsed)
    except BUILD_FAILURES as cause:
        raise ModelRefused(
            f"{card.name}: no network can be built from [network] of its card ({cause}). "
            "Mend the card"
        ) from cause
