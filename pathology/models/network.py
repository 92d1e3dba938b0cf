"""The two networks trained here: a timm encoder, a light decoder, and what its channels mean.

Both are fully convolutional, so that a block of any size can be seen at once. The decoder ends at
half (nuclei) or a quarter (tissue) of the picture's scale; the nucleus network's last layer writes
the four pixels of each 2 x 2 square into four channels and unfolds them (Shi et al., CVPR 2016),
which gives outlines at full scale for a quarter of the work.
"""

from __future__ import annotations

from typing import Final

import timm
import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn

from pathology.records.model import NetworkShape

NUCLEUS_MAPS: Final = ("nucleus", "centre", "offset_x", "offset_y", "positive")
"""Maps of the nucleus network before its classes. ``nucleus``, ``centre`` and ``positive`` are
logits; ``offset_x`` and ``offset_y`` point from a pixel to the centre of its nucleus, in units of
``OFFSET_PX`` pixels."""
OFFSET_PX: Final = 8.0
RARE_LOGIT: Final = -4.0
"""About one pixel in fifty."""


class Decoder(nn.Module):
    """Features of an encoder, coarse to fine, each stage joined by the finer feature."""

    def __init__(self, encoder_channels: list[int], widths: tuple[int, ...]) -> None:
        super().__init__()
        deep, *finer = reversed(encoder_channels)
        stages = []
        for skip, width in zip(finer, widths, strict=False):
            stages.append(_convolved(deep + skip, width))
            deep = width
        self.stages = nn.ModuleList(stages)
        self.channels = deep

    def forward(self, features: list[Tensor]) -> Tensor:
        """The finest joined feature of ``features``, which run from fine to coarse."""
        seen, *finer = reversed(features)
        for stage, skip in zip(self.stages, finer, strict=False):
            wide = nn.functional.interpolate(seen, size=skip.shape[-2:], mode="nearest")
            seen = stage(torch.cat([wide, skip], dim=1))
        return seen


class NucleusNetwork(nn.Module):
    """Pictures (b, 3, h, w) of 0..1 -> maps (b, 5 + classes, h, w); sides are multiples of 16."""

    def __init__(self, shape: NetworkShape, classes: int) -> None:
        super().__init__()
        self.normal = Normalised()
        self.encoder = _encoder(shape)
        self.decoder = Decoder(_channels(self.encoder), shape.decoder)
        maps = len(NUCLEUS_MAPS) + classes
        self.head = nn.Conv2d(self.decoder.channels, 4 * maps, kernel_size=1)
        centre = NUCLEUS_MAPS.index("centre")
        with torch.no_grad():  # few pixels are centres: begin with that belief (Lin et al., 2017)
            self.head.bias[4 * centre : 4 * centre + 4] = RARE_LOGIT  # type: ignore[index]

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        seen = self.decoder(self.encoder(self.normal(pictures)))
        return nn.functional.pixel_shuffle(self.head(seen), 2)


class TissueNetwork(nn.Module):
    """Pictures (b, 3, h, w) of 0..1 -> class logits (b, classes, h / 4, w / 4)."""

    def __init__(self, shape: NetworkShape, classes: int) -> None:
        super().__init__()
        self.normal = Normalised()
        self.encoder = _encoder(shape)
        self.decoder = Decoder(_channels(self.encoder)[1:], shape.decoder)
        self.head = nn.Conv2d(self.decoder.channels, classes, kernel_size=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        _, *features = self.encoder(self.normal(pictures))
        logits: Tensor = self.head(self.decoder(features))
        return logits


class Normalised(nn.Module):
    """Pictures of 0..1 as the encoder wants them: about zero mean and unit spread on tissue."""

    mean: Tensor

    MEAN: Final = (0.70, 0.56, 0.70)
    SPREAD: Final = 0.20

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(self.MEAN).view(1, 3, 1, 1), persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Shift and scale."""
        return (pictures - self.mean) / self.SPREAD


def with_plain_norms(network: nn.Module) -> nn.Module:
    """The network with each of timm's joined normalisations taken apart, changed in place.

    What a normalisation does is then seen by whoever makes it part of the convolution before it.
    """
    joined = [(name, m) for name, m in network.named_modules() if isinstance(m, BatchNormAct2d)]
    for name, module in joined:
        plain = nn.BatchNorm2d(module.num_features, eps=module.eps)
        plain.load_state_dict(module.state_dict())
        parts = nn.Sequential(plain, module.drop, module.act)
        above, _, last = name.rpartition(".")
        setattr(network.get_submodule(above), last, parts.train(module.training))
    return network


def _encoder(shape: NetworkShape) -> nn.Module:
    return timm.create_model(
        shape.encoder,
        pretrained=False,
        features_only=True,
        out_indices=tuple(range(shape.stages)),
    )


def _channels(encoder: nn.Module) -> list[int]:
    """Channels of each stage, fine to coarse."""
    found: list[int] = encoder.feature_info.channels()  # type: ignore[union-attr, operator]
    return found


def _convolved(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
