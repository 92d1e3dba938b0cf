"""Learning from a teacher's maps of the same pictures, beside the labels.

Soft targets tell more than labels: where the teacher doubts, and what it mistakes for what (Hinton,
Vinyals & Dean, arXiv:1503.02531). Asked only where nobody labelled, the same loss keeps what a
network knew before it was taught further (Li & Hoiem, *Learning without Forgetting*, ECCV 2016).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from pathology.models.network import NUCLEUS_MAPS
from pathology.training.loop import Loss
from pathology.training.nucleus_loss import WEIGHTS
from pathology.training.recipe import TeacherSettings


def nucleus_loss_taught(labels: Loss, settings: TeacherSettings) -> Loss:
    """The loss of labels and, weighted, that of the teacher's maps in ``truth["taught"]``."""

    def loss(maps: Tensor, truth: Mapping[str, Tensor]) -> dict[str, Tensor]:
        told = taught_nuclei(maps.float(), truth, everywhere=settings.everywhere)
        return labels(maps, truth) | _weighted(told, settings)

    return loss


def tissue_loss_taught(labels: Loss, settings: TeacherSettings) -> Loss:
    """The same for tissue."""

    def loss(logits: Tensor, truth: Mapping[str, Tensor]) -> dict[str, Tensor]:
        asked = (truth["allowed"] == 0) | settings.everywhere
        apart = _divergence(logits.float(), truth["taught"])
        told = {"taught": (apart * asked).sum() / asked.sum().clamp(min=1)}
        return labels(logits, truth) | _weighted(told, settings)

    return loss


def taught_nuclei(
    maps: Tensor, truth: Mapping[str, Tensor], *, everywhere: bool
) -> dict[str, Tensor]:
    """How far maps (b, 5 + classes, h, w) are from the teacher's, in parts.

    Offsets and classes count as far as the teacher sees a nucleus; all parts only where no label
    judges, unless ``everywhere``.
    """
    taught = truth["taught"]
    nucleus, centre, positive = (NUCLEUS_MAPS.index(n) for n in ("nucleus", "centre", "positive"))
    sees = torch.sigmoid(taught[:, nucleus])
    free = {name: (truth[name] < 0) | everywhere for name in ("nucleus", "centre", "positive")}
    inside = sees * ((truth["inside"] == 0) | everywhere)
    classes = sees * ((truth["cell_class"] < 0) | everywhere)
    peaks = torch.sigmoid(taught[:, centre]) * free["centre"]
    off_peak = (torch.sigmoid(maps[:, centre]) - torch.sigmoid(taught[:, centre])) ** 2
    off_centre = (maps[:, 2:4] - taught[:, 2:4]).abs().sum(dim=1)
    logits = len(NUCLEUS_MAPS)
    unlike = _divergence(maps[:, logits:], taught[:, logits:])
    parts = {
        "nucleus": _mean(_doubt(maps[:, nucleus], taught[:, nucleus]), free["nucleus"]),
        "centre": (off_peak * free["centre"]).sum() / peaks.sum().clamp(min=1),
        "offset": _mean(off_centre, inside),
        "class": _mean(unlike, classes),
        "positive": _mean(_doubt(maps[:, positive], taught[:, positive]), sees * free["positive"]),
    }
    return {f"taught-{name}": WEIGHTS[name] * part for name, part in parts.items()}


def _weighted(parts: Mapping[str, Tensor], settings: TeacherSettings) -> dict[str, Tensor]:
    return {name: settings.weight * part for name, part in parts.items()}


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1)


def _doubt(logits: Tensor, taught: Tensor) -> Tensor:
    """Kullback-Leibler divergence of yes and no per pixel: 0 where both say the same."""
    wanted = torch.sigmoid(taught)
    own = F.binary_cross_entropy_with_logits(taught, wanted, reduction="none")
    return F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") - own


def _divergence(logits: Tensor, taught: Tensor) -> Tensor:
    """Kullback-Leibler divergence of classes (b, classes, h, w) per pixel, (b, h, w)."""
    wanted, said = F.log_softmax(taught, dim=1), F.log_softmax(logits, dim=1)
    return (wanted.exp() * (wanted - said)).sum(dim=1)
