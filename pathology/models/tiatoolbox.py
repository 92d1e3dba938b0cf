"""The semantic segmentation networks of TIAToolbox, for weights that a site holds itself.

The design and the names of its tensors are read off TIAToolbox's U-Net with a ResNet-50 encoder
(Pocock et al., Communications Medicine 2022; BSD 3-Clause): features are added, not joined, each
decoder stage normalises before it convolves, and the output has half the picture's scale. It was
published trained on BCSS (Amgad et al., Bioinformatics 2019) as ``fcn_resnet50_unet-bcss``, with
five classes in the order tumour, stroma, inflammatory, necrosis, others. The published file was
not at hand when this was written: loading is tested with tensors of the right names and shapes.
"""

from __future__ import annotations

from typing import Any, Final

import timm
import torch
from torch import Tensor, nn

KERNELS: Final = (3, 3)
"""Convolutions of a decoder stage."""


class ResNetUNet(nn.Module):
    """Pictures (b, 3, h, w) of 0..1 -> class logits (b, channels, h / 2, w / 2).

    Sides are multiples of 32. The encoder's classifier is unused but lies in the published file.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.backbone = timm.create_model("resnet50", pretrained=False)
        widths = (1024, 512, 256, 64)
        self.conv1x1 = nn.Conv2d(2048, widths[0], kernel_size=1, bias=False)
        stages = zip(widths, (*widths[1:], widths[-1]), strict=True)
        self.uplist = nn.ModuleList(_stage(inputs, outputs) for inputs, outputs in stages)
        self.clf = nn.Conv2d(widths[-1], channels, kernel_size=1)
        self.upsample2x = Doubled()

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        *finer, deep = self._features(pictures)
        seen = self.conv1x1(deep)
        for stage, skip in zip(self.uplist, reversed(finer), strict=True):
            seen = stage(self.upsample2x(seen) + skip)
        logits: Tensor = self.clf(seen)
        return logits

    def _features(self, pictures: Tensor) -> list[Tensor]:
        """Features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the picture's scale."""
        encoder: Any = self.backbone
        features = [encoder.act1(encoder.bn1(encoder.conv1(pictures)))]
        seen = encoder.maxpool(features[0])
        for layer in (encoder.layer1, encoder.layer2, encoder.layer3, encoder.layer4):
            seen = layer(seen)
            features.append(seen)
        return features


class Doubled(nn.Module):
    """Every value as a square of 2 x 2, each weighted by the file's own (2, 2) tensor of ones."""

    def __init__(self) -> None:
        super().__init__()
        self.unpool_mat: Tensor
        self.register_buffer("unpool_mat", torch.ones(2, 2))

    def forward(self, features: Tensor) -> Tensor:
        """Features (b, c, h, w) -> (b, c, 2 h, 2 w)."""
        squares = self.unpool_mat.repeat(features.shape[-2:])
        return nn.functional.interpolate(features, scale_factor=2, mode="nearest") * squares


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for kernel in KERNELS:
        layers += [
            nn.BatchNorm2d(inputs),
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        ]
        inputs = outputs
    return nn.Sequential(*layers)
