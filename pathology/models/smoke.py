"""Does a network do what its card says? Tried on pictures painted here, before any slide."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pathology.errors import ModelRefused
from pathology.models.build import maps_of
from pathology.records.model import ModelCard

LEAST_SIDE_PX = 64
SPACING_PX, RADIUS_PX = 24, 7
TISSUE, NUCLEUS = (0.88, 0.65, 0.80), (0.40, 0.25, 0.55)  # eosin and haematoxylin
TOLERANCE = 1e-3
"""Of the largest value: how far sums in another order may lead in float32, with room to spare."""


def painted(height_px: int, width_px: int, shift_px: int = 0) -> Tensor:
    """A picture (1, 3, h, w) of 0..1: round nuclei on a lattice, on pink."""
    y = (torch.arange(height_px) + shift_px).remainder(SPACING_PX)[:, None] - SPACING_PX / 2
    x = torch.arange(width_px).remainder(SPACING_PX)[None, :] - SPACING_PX / 2
    inside = (y**2 + x**2 <= RADIUS_PX**2)[None]
    nucleus, tissue = (torch.tensor(colour).view(3, 1, 1) for colour in (NUCLEUS, TISSUE))
    return torch.where(inside, nucleus, tissue)[None]


def check_sees(card: ModelCard, network: nn.Module) -> None:
    """Run the network at two sizes and in batches of one and two.

    Raises
    ------
    ModelRefused
        It fails, gives another number of channels than the card has classes for, values that are
        not finite, maps whose scale depends on the size, or another result in another batch.
    """
    step_px = card.input.step_px
    side_px = -(-LEAST_SIDE_PX // step_px) * step_px
    first = _seen(card, network, painted(side_px, side_px))
    _seen(card, network, painted(side_px, side_px + step_px))
    other = painted(side_px, side_px, shift_px=SPACING_PX // 3)
    together = _seen(card, network, torch.cat([painted(side_px, side_px), other]))
    alone = torch.cat([first, _seen(card, network, other)])
    off = float((together - alone).abs().max() / alone.abs().max().clamp_min(1))
    if off > TOLERANCE:
        raise ModelRefused(
            f"{card.name}: a picture is seen otherwise when another is beside it (off by {off:.2g} "
            "of the largest value). Export or save the network in eval mode"
        )


def _seen(card: ModelCard, network: nn.Module, pictures: Tensor) -> Tensor:
    """What the network makes of pictures, checked."""
    size = "x".join(map(str, pictures.shape[-2:]))
    try:
        with torch.inference_mode():
            seen: Tensor = network(pictures)
    except (RuntimeError, ValueError, TypeError, AssertionError, LookupError) as cause:
        why = str(cause).strip().partition("\n")[0][:200]
        raise ModelRefused(
            f"{card.name}: the network fails on a picture of {size} px ({why}). Its sides must be "
            "free, in multiples of step_px of the card"
        ) from cause
    wanted = (len(pictures),) + (() if card.network.form == "instanseg" else (maps_of(card),))
    if tuple(seen.shape[:-2]) != wanted:
        raise ModelRefused(
            f"{card.name}: the network gives maps of {tuple(seen.shape[:-2])}, the card names "
            f"classes for {wanted}. Name the classes in the order of the network's channels"
        )
    if not torch.isfinite(seen).all():
        raise ModelRefused(f"{card.name}: the network gives nan or inf. Its weights are spoilt")
    _check_scale(card, pictures, seen)
    return seen


def _check_scale(card: ModelCard, pictures: Tensor, seen: Tensor) -> None:
    (height, width), (rows, columns) = pictures.shape[-2:], seen.shape[-2:]
    whole = rows > 0 and columns > 0 and height % rows == 0 and width % columns == 0
    shrinks = height // rows if whole else 0
    if not whole or shrinks != width // columns or card.input.step_px % shrinks:
        raise ModelRefused(
            f"{card.name}: a picture of {height}x{width} px gives maps of {rows}x{columns}, which "
            "is no whole part of it. Sides must be free, in multiples of step_px of the card"
        )
    if card.task == "nuclei" and shrinks != 1:
        raise ModelRefused(
            f"{card.name}: maps of nuclei must be as large as the picture, not a {shrinks}th of it"
        )
