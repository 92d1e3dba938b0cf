"""Tissue fields -> augmented crops, the same for the same number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name for it
from torch.utils.data import Dataset

from pathology.records.stain import Stains
from pathology.training.colour import ColourRanges, restained
from pathology.training.nucleus_crops import CropSettings
from pathology.training.optics import worn
from pathology.training.tissue_field import TISSUE_CLASSES, TissueField

STRIDE_PX = 4
"""The tissue network speaks at a quarter of the picture's scale."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StainedTissue:
    """A tissue field and the stains it carries."""

    field: TissueField
    stains: Stains


class TissueCrops(Dataset[dict[str, Tensor]]):
    """Crops drawn from sets by weight, and within a set from fields by area."""

    def __init__(
        self,
        fields: Sequence[StainedTissue],
        weights: Mapping[str, float],
        settings: CropSettings,
        *,
        seed: int,
        count: int,
    ) -> None:
        self.fields, self.settings, self.seed, self.count = fields, settings, seed, count
        area = np.array([f.field.allowed.size * f.field.mpp**2 for f in fields])
        sets = np.array([f.field.dataset for f in fields])
        share = np.array([weights[s] / area[sets == s].sum() for s in sets]) * area
        self.share = share / share.sum()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self.seed, number))
        chosen = self.fields[int(rng.choice(len(self.fields), p=self.share))]
        pixels, allowed = cut_tissue(chosen.field, self.settings, rng)
        if rng.random() >= self.settings.untouched_share:
            stains, stain = chosen.stains, chosen.field.stain
            other = restained(pixels, stains.vectors, stains.white, stain, rng, ColourRanges())
            pixels = worn(other, rng)
        return {
            "picture": torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))),
            "allowed": torch.from_numpy(allowed.copy()),  # Pillow's array is read-only
        }


def cut_tissue(
    field: TissueField, settings: CropSettings, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A window of random place, zoom and turn: the picture, and its labels at the stride."""
    side, nominal = settings.side_px, settings.mpp / field.mpp
    low, high = np.log([settings.least_zoom, settings.most_zoom])
    window = min(round(side * nominal * np.exp(rng.uniform(low, high))), *field.allowed.shape)
    top, left = (int(rng.integers(0, n - window + 1)) for n in field.allowed.shape)
    here = slice(top, top + window), slice(left, left + window)
    down = Image.Resampling.BOX if window >= side else Image.Resampling.BICUBIC
    pixels = np.asarray(Image.fromarray(field.pixels[here]).resize((side, side), down))
    small = side // STRIDE_PX
    allowed = np.asarray(
        Image.fromarray(field.allowed[here]).resize((small, small), Image.Resampling.NEAREST)
    )
    quarters, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    if mirrored:
        pixels, allowed = pixels[:, ::-1], allowed[:, ::-1]
    return np.rot90(pixels, quarters), np.rot90(allowed, quarters)


def tissue_loss(logits: Tensor, truth: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Minus the log of the probability that falls on the allowed classes, over judged pixels."""
    log_shares = F.log_softmax(logits.float(), dim=1)
    bits = truth["allowed"].long()
    members = [(bits >> place) & 1 for place in range(len(TISSUE_CLASSES))]
    allowed = torch.stack(members, dim=1).bool()
    judged = bits > 0
    fit = torch.logsumexp(log_shares.masked_fill(~allowed, -1e4), dim=1)
    return {"tissue": -(fit * judged).sum() / judged.sum().clamp(min=1)}
