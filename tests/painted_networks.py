"""Networks that see what was painted, by fixed filters: their answers are known beforehand."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from pathology.models.network import OFFSET_PX
from pathology.records.model import ModelCard
from tests.tiny_models import tiny_card

WINDOW_PX = 15
SIGMA_PX = 4.0
DARKEST_BACKGROUND = 0.63
BLUE, PINK = 1, 2


class SeesDiscs(nn.Module):
    """Maps of the nucleus network for dark discs of some 4 µm at 0.5 µm/px.

    The offset points to the centre of gravity of what is dark around a pixel.
    """

    def __init__(self) -> None:
        super().__init__()
        reach = torch.arange(-WINDOW_PX, WINDOW_PX + 1, dtype=torch.float32)
        dy, dx = torch.meshgrid(reach, reach, indexing="ij")
        disc = (dx**2 + dy**2 <= WINDOW_PX**2).float()
        gauss = torch.exp(-(dx**2 + dy**2) / (2 * SIGMA_PX**2))
        filters = torch.stack([disc, disc * dx, disc * dy, gauss / gauss.sum()])[:, None]
        self.sums = nn.Conv2d(1, 4, filters.shape[-1], padding=WINDOW_PX, bias=False)
        self.sums.weight.data = filters

    def forward(self, pictures: Tensor) -> Tensor:
        light = pictures.mean(dim=1, keepdim=True)
        nucleus = 40 * (DARKEST_BACKGROUND - light)
        mass, x, y, middle = self.sums(torch.sigmoid(nucleus)).split(1, dim=1)
        mass = mass.clamp_min(1.0) * OFFSET_PX
        red, _, blue = pictures.split(1, dim=1)
        brown = 40 * (red - blue)
        tumour = torch.full_like(light, 2.0)
        rest = torch.zeros_like(light)
        maps = [nucleus, 10 * (middle - 0.4), x / mass, y / mass, brown, tumour, rest, rest, rest]
        return torch.cat(maps, dim=1)


class SeesColours(nn.Module):
    """Class logits at a quarter of the scale: blue is tumour, pink is stroma, white background."""

    def forward(self, pictures: Tensor) -> Tensor:
        red, _, blue = nn.functional.avg_pool2d(pictures, 4).split(1, dim=1)
        rest = torch.full_like(red, -9.0)
        return torch.cat([rest + 1, 40 * (blue - red), 40 * (red - blue), rest, rest], dim=1)


def disc_card() -> ModelCard:
    return tiny_card("nuclei", "discs")


def colour_card() -> ModelCard:
    card = tiny_card("tissue", "colours")
    scale = replace(card.input, stains=("he",), mpp=1.0, finest_mpp=0.8, coarsest_mpp=1.2)
    return replace(card, input=scale)


class AddsNan(nn.Module):
    """A network one of whose values is no number."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        answer = self.network(pictures)
        answer[..., -1, -1] = torch.nan
        return answer
