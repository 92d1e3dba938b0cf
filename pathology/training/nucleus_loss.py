"""How wrong the nucleus network is about a batch of crops."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from pathology.models.network import NUCLEUS_MAPS

WEIGHTS = {"nucleus": 1.0, "dice": 1.0, "centre": 1.0, "offset": 2.0, "class": 1.0, "positive": 0.5}
FOCAL_POWER, NEAR_POWER = 2, 4


def nucleus_loss(
    maps: Tensor, truth: Mapping[str, Tensor], class_weights: Tensor
) -> dict[str, Tensor]:
    """Weighted parts of the loss of maps (b, 5 + classes, h, w); their sum is minimised."""
    maps = maps.float()
    nucleus, centre, _, _, positive = maps[:, : len(NUCLEUS_MAPS)].unbind(1)
    inside = truth["inside"]
    parts = {
        "nucleus": _binary(nucleus, truth["nucleus"]),
        "dice": dice_loss(nucleus, truth["nucleus"]),
        "centre": centre_loss(centre, truth["centre"]),
        "offset": _offset(maps[:, 2:4], truth["offset"], inside),
        "class": _classes(maps[:, len(NUCLEUS_MAPS) :], truth["cell_class"], class_weights),
        "positive": _binary(positive, truth["positive"]),
    }
    return {name: WEIGHTS[name] * part for name, part in parts.items()}


def _binary(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross entropy where the truth is 0 or 1."""
    judged = truth >= 0
    if not judged.any():
        return logits.sum() * 0
    return F.binary_cross_entropy_with_logits(logits[judged], truth[judged].float())


def dice_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """One minus the soft Dice coefficient of the judged pixels (Milletari et al., 3DV 2016)."""
    judged = truth >= 0
    probability = torch.sigmoid(logits) * judged
    wanted = truth.clamp(min=0).float()
    both = (probability * wanted).sum()
    return 1 - (2 * both + 1) / (probability.sum() + wanted.sum() + 1)


def centre_loss(logits: Tensor, peaks: Tensor) -> Tensor:
    """Focal loss with less weight near a centre (Law & Deng, ECCV 2018), per centre."""
    judged = peaks >= 0
    probability = torch.sigmoid(logits).clamp(1e-4, 1 - 1e-4)
    top = peaks >= 0.98
    hit = torch.log(probability) * (1 - probability) ** FOCAL_POWER * top
    near = (1 - peaks.clamp(min=0)) ** NEAR_POWER
    miss = torch.log(1 - probability) * probability**FOCAL_POWER * near * (judged & ~top)
    return -(hit + miss).sum() / top.sum().clamp(min=1)


def _offset(offset: Tensor, truth: Tensor, inside: Tensor) -> Tensor:
    wrong = F.smooth_l1_loss(offset, truth, beta=0.1, reduction="none").sum(dim=1)
    return (wrong * inside).sum() / inside.sum().clamp(min=1)


def _classes(logits: Tensor, truth: Tensor, weights: Tensor) -> Tensor:
    judged = truth >= 0
    if not judged.any():
        return logits.sum() * 0
    chosen = logits.permute(0, 2, 3, 1)[judged]
    return F.cross_entropy(chosen, truth[judged].long(), weight=weights)
