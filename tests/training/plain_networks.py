"""Networks without weights that see what is painted, by rules: what they find is known."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from pathology.predictions.devices import device_for
from pathology.predictions.forward import Network
from pathology.records.model import NetworkShape, NucleusDecoding
from tests.tiny_models import tiny_card

FORM = NetworkShape(form="exported", encoder="", stages=0, decoder=())


class DarkDiscs(nn.Module):
    """Dark pixels are nuclei, the middle of darkness is a centre, brown is positive."""

    def forward(self, pictures: Tensor) -> Tensor:
        dark = 0.66 - pictures[:, :1]  # red is what blue and brown nuclei both absorb
        smooth = torch.exp(-((torch.arange(11.0) - 5) ** 2) / 18)
        kernel = torch.outer(smooth, smooth) / smooth.sum() ** 2
        heart = nn.functional.conv2d(dark, kernel[None, None], padding=5)
        brown = pictures[:, :1] - pictures[:, 2:]
        still = torch.zeros_like(dark)
        classes = torch.cat([still + 5, still, still - 5, still - 5], dim=1)
        return torch.cat([80 * dark, 40 * heart, still, still, 40 * brown, classes], dim=1)


class LeftAndRight(nn.Module):
    """Tissue that is bluish is tumour, reddish is stroma, white is background."""

    def forward(self, pictures: Tensor) -> Tensor:
        small = nn.functional.avg_pool2d(pictures, 4)
        red, green, blue = small[:, :1], small[:, 1:2], small[:, 2:]
        white = 40 * (green - 0.9)
        return torch.cat(
            [white, 20 * (blue - red), 20 * (red - blue), white * 0 - 9, white * 0 - 9], dim=1
        )


def disc_network() -> Network:
    """At 0.5 µm/px; a pixel belongs to the centre within 5 µm."""
    decoding = NucleusDecoding(
        least_nucleus=0.5,
        least_centre=0.5,
        least_distance_um=3.0,
        most_offset_um=5.0,
        least_area_um2=5.0,
    )
    card = tiny_card()
    card = replace(
        card,
        network=FORM,
        decoding=decoding,
        weights=replace(card.weights, file="tiny.pt2"),
    )
    return Network(card, DarkDiscs().eval(), device_for("cpu"))


def tissue_network() -> Network:
    """At 1 µm/px."""
    card = tiny_card("tissue")
    card = replace(
        card,
        network=FORM,
        input=replace(card.input, mpp=1.0, finest_mpp=0.8, coarsest_mpp=1.25),
        weights=replace(card.weights, file="tiny.pt2"),
    )
    return Network(card, LeftAndRight().eval(), device_for("cpu"))
