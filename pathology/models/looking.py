"""A nucleus network that looks at a picture more than once: turned, enlarged; the mean of its maps.

What one look gets wrong by chance another gets right, and small crowded nuclei are told apart where
they are shown larger (docs/benchmarks/models.md). Each look costs a pass over its own pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pathology.models.network import NUCLEUS_MAPS
from pathology.records.model import Look

ACROSS, DOWN = NUCLEUS_MAPS.index("offset_x"), NUCLEUS_MAPS.index("offset_y")


class Looking(nn.Module):
    """Pictures (b, 3, h, w) of 0..1 -> the mean of the maps (b, 5 + classes, h, w) of all looks.

    A look enlarges by the same factor whatever the picture's sides: they are multiples of the
    card's ``step_px``, of which the card makes sure that it can be enlarged to whole steps of the
    network. So a pixel is seen alike in every tile that holds it.
    """

    def __init__(self, network: nn.Module, looks: tuple[Look, ...]) -> None:
        super().__init__()
        self.network, self.looks = network, looks

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class; float32."""
        whole = self._seen(pictures, self.looks[0])
        for look in self.looks[1:]:
            whole += self._seen(pictures, look)
        return whole.div_(len(self.looks))

    def _seen(self, pictures: Tensor, look: Look) -> Tensor:
        height, width = pictures.shape[-2:]
        shown = pictures
        if look.enlarged != 1:
            shown = _resized(shown, round(height * look.enlarged), round(width * look.enlarged))
        shown = torch.rot90(shown, look.quarters, (2, 3))
        maps = self.network(shown.contiguous(memory_format=torch.channels_last)).float()
        maps = _turned_back(maps, look.quarters)
        if look.enlarged != 1:
            maps = _resized(maps, height, width)
            maps[:, [ACROSS, DOWN]] /= look.enlarged  # offsets are told in pixels
        return maps


def seen_by_looks(network: nn.Module, looks: tuple[Look, ...]) -> nn.Module:
    """The network as its card wants it to look; unchanged where the card names no looks."""
    return Looking(network, looks) if looks else network


def _resized(values: Tensor, height: int, width: int) -> Tensor:
    return nn.functional.interpolate(
        values, size=(height, width), mode="bilinear", align_corners=False
    )


def _turned_back(maps: Tensor, quarters: int) -> Tensor:
    """A copy of maps of a picture turned counter-clockwise, on the grid of the unturned one."""
    back = torch.rot90(maps, -quarters, (2, 3)).clone()
    for _ in range(quarters):  # a step to the right had become a step up
        across, down = back[:, ACROSS].clone(), back[:, DOWN].clone()
        back[:, ACROSS], back[:, DOWN] = -down, across
    return back
