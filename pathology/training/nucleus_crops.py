"""Labelled fields -> augmented crops with their targets, the same for the same number.

Crop ``i`` of a training depends on the seed and on ``i`` alone: a training that was killed goes on
with the crop it would have seen next, on any number of loader processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torch import Tensor
from torch.utils.data import Dataset

from pathology.models.network import OFFSET_PX
from pathology.records.stain import Stains
from pathology.training.colour import ColourRanges, recoloured, restained
from pathology.training.field import UNKNOWN, LabelledField
from pathology.training.nucleus_targets import CropTruth, targets_of
from pathology.training.optics import worn


@dataclass(frozen=True, slots=True, kw_only=True)
class CropSettings:
    """How crops are drawn."""

    side_px: int
    mpp: float
    least_zoom: float  # of a crop's true scale over ``mpp``
    most_zoom: float
    recoloured_share: float  # of crops of outlined H&E
    untouched_share: float  # of crops whose colours and sharpness stay as they are


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StainedField:
    """A field and the stains it carries."""

    field: LabelledField
    stains: Stains


class NucleusCrops(Dataset[dict[str, Tensor]]):
    """Crops drawn from sets by weight, and within a set from fields by area."""

    def __init__(
        self,
        fields: Sequence[StainedField],
        weights: Mapping[str, float],
        settings: CropSettings,
        *,
        seed: int,
        count: int,
    ) -> None:
        self.fields, self.settings, self.seed, self.count = fields, settings, seed, count
        area = np.array([f.field.instances.size * f.field.mpp**2 for f in fields])
        sets = np.array([f.field.dataset for f in fields])
        share = np.array([weights[s] / area[sets == s].sum() for s in sets]) * area
        self.share = share / share.sum()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((self.seed, number))
        chosen = self.fields[int(rng.choice(len(self.fields), p=self.share))]
        pixels, truth = cut(chosen.field, self.settings, rng)
        pixels, truth = turned(pixels, truth, rng)
        picture, truth = self._recast(pixels, truth, chosen, rng)
        return tensors(picture, truth)

    def _recast(
        self,
        pixels: NDArray[np.uint8],
        truth: CropTruth,
        chosen: StainedField,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.uint8], CropTruth]:
        """Other colours, other optics; H&E may become DAB with haematoxylin."""
        stains, stain = chosen.stains, chosen.field.stain
        draw = rng.random()
        if draw < self.settings.untouched_share:
            return pixels, truth
        if stain == "he" and truth.complete and rng.random() < self.settings.recoloured_share:
            brown, truth = painted_brown(truth, rng)
            return worn(recoloured(pixels, stains.vectors, stains.white, brown, rng), rng), truth
        other = restained(pixels, stains.vectors, stains.white, stain, rng, ColourRanges())
        return worn(other, rng), truth


def cut(
    field: LabelledField, settings: CropSettings, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], CropTruth]:
    """A window of random place and zoom, brought to ``side_px``."""
    side, nominal = settings.side_px, settings.mpp / field.mpp
    low, high = np.log([settings.least_zoom, settings.most_zoom])
    window = round(side * nominal * float(np.exp(rng.uniform(low, high))))
    window = min(window, *field.instances.shape)
    top, left = (int(rng.integers(0, n - window + 1)) for n in field.instances.shape)
    here = slice(top, top + window), slice(left, left + window)
    image = Image.fromarray(field.pixels[here]).resize(
        (side, side), Image.Resampling.BOX if window >= side else Image.Resampling.BICUBIC
    )
    labels = Image.fromarray(field.instances[here]).resize((side, side), Image.Resampling.NEAREST)
    centres = (field.centre_px - (left, top)) * (side / window)
    return np.asarray(image), CropTruth(
        instances=np.asarray(labels, np.int32),
        centre_px=centres.astype(np.float32),
        cell_class=field.cell_class,
        positive=field.positive,
        outlined=field.outlined,
        complete=field.complete,
        mpp=field.mpp * window / side,
    )


def turned(
    pixels: NDArray[np.uint8], truth: CropTruth, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], CropTruth]:
    """One of the eight ways a square can lie."""
    quarters, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    side = truth.instances.shape[0]
    labels, x, y = truth.instances, truth.centre_px[:, 0], truth.centre_px[:, 1]
    if mirrored:
        pixels, labels, x = pixels[:, ::-1], labels[:, ::-1], side - x
    for _ in range(quarters):  # np.rot90 turns columns into rows, counter-clockwise
        pixels, labels = np.rot90(pixels), np.rot90(labels)
        x, y = y, side - x
    return np.ascontiguousarray(pixels), CropTruth(
        instances=np.ascontiguousarray(labels),
        centre_px=np.stack([x, y], axis=1),
        cell_class=truth.cell_class,
        positive=truth.positive,
        outlined=truth.outlined,
        complete=truth.complete,
        mpp=truth.mpp,
    )


def painted_brown(
    truth: CropTruth, rng: np.random.Generator
) -> tuple[NDArray[np.float32], CropTruth]:
    """DAB for a random share of the nuclei, and the truth that knows which.

    Of bare centres only the middle is known; painting it would make rings, so they stay blue.
    """
    n = len(truth.centre_px)
    share = rng.choice([0.0, rng.uniform(0.02, 0.3), rng.uniform(0.2, 1.0)], p=[0.15, 0.45, 0.4])
    positive = rng.random(n) < (share if truth.outlined else 0)
    # Nuclei of one strength that touch have no border of colour: that is how they fuse on slides.
    strength = rng.uniform(0.3, 2.2) * np.exp(rng.normal(0, rng.choice([0.04, 0.25]), n))
    faint = rng.random(n) < rng.choice([0, 0.3])
    amount = np.where(positive, np.where(faint, rng.uniform(0.2, 0.4), strength), 0)
    table = np.concatenate([[0], amount]).astype(np.float32)
    brown = ndimage.gaussian_filter(table[truth.instances], rng.uniform(0.3, 1.3))
    return brown, CropTruth(
        instances=truth.instances,
        centre_px=truth.centre_px,
        cell_class=truth.cell_class,
        positive=positive.astype(np.int8),
        outlined=truth.outlined,
        complete=truth.complete,
        mpp=truth.mpp,
    )


def tensors(picture: NDArray[np.uint8], truth: CropTruth) -> dict[str, Tensor]:
    """A crop and its targets as tensors; the picture stays uint8 until it is batched."""
    targets = targets_of(truth)
    return {
        "picture": torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))),
        "nucleus": torch.from_numpy(targets.nucleus),
        "centre": torch.from_numpy(targets.centre),
        "offset": torch.from_numpy(targets.offset_px / np.float32(OFFSET_PX)),
        "inside": torch.from_numpy(targets.inside),
        "cell_class": torch.from_numpy(targets.cell_class),
        "positive": torch.from_numpy(targets.positive),
    }


def class_weights(fields: Sequence[StainedField], classes: int) -> Tensor:
    """Inverse square root of how common a class is, mean 1: rare ones are heard, not shouted."""
    known = np.concatenate([f.field.cell_class for f in fields])
    count = np.bincount(known[known != UNKNOWN], minlength=classes).astype(float)
    if not count.any():
        return torch.zeros(classes)
    weight = 1 / np.sqrt(np.maximum(count, 1))
    weight[count == 0] = 0
    return torch.tensor(weight / weight[count > 0].mean(), dtype=torch.float32)
