"""What a network is taught: crops of gathered fields, and the loss that judges it on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from torch import Tensor
from torch.utils.data import Dataset

from pathology.predictions.stain import estimate_stains
from pathology.records.settings.predictions import StainSettings
from pathology.records.stain import Stains
from pathology.training.field import LabelledField
from pathology.training.gather import (
    Sources,
    gathered_nuclei,
    gathered_tissue,
    images_sha256,
)
from pathology.training.loop import Loss
from pathology.training.nucleus_crops import NucleusCrops, StainedField, class_weights
from pathology.training.nucleus_loss import nucleus_loss
from pathology.training.recipe import Recipe
from pathology.training.taught import nucleus_loss_taught, tissue_loss_taught
from pathology.training.tissue_crops import StainedTissue, TissueCrops, tissue_loss
from pathology.training.tissue_field import TissueField

SAMPLED: Final = 2
"""Every so many px in x and y tell an image's stains."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lesson:
    """All that the loop needs to know of the data, and all that the card says of it."""

    crops: Dataset[dict[str, Tensor]]
    loss: Loss
    held_out: Sequence[LabelledField | TissueField]
    told: tuple[str, ...]
    images_sha256: str


def lesson_of(recipe: Recipe, sources: Sources, stain: StainSettings, *, taught: bool) -> Lesson:
    """Read, split, paint; ``taught`` adds a teacher's word to the loss.

    Raises
    ------
    UsageError
        Data or annotations are missing or wrong, see ``gather``.
    """
    if recipe.task == "nuclei":
        return _nuclei(recipe, sources, stain, taught=taught)
    return _tissue(recipe, sources, stain, taught=taught)


def _nuclei(recipe: Recipe, sources: Sources, stain: StainSettings, *, taught: bool) -> Lesson:
    gathered = gathered_nuclei(recipe, sources)
    fields = [StainedField(field=f, stains=_stains(f, stain)) for f in gathered.kept]
    crops = NucleusCrops(
        fields, gathered.weights, recipe.crops, seed=recipe.loop.seed, count=_count(recipe)
    )
    weights = class_weights(fields, len(recipe.classes))

    def loss(maps: Tensor, truth: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return nucleus_loss(maps, truth, weights.to(maps.device))

    return Lesson(
        crops=crops,
        loss=nucleus_loss_taught(loss, recipe.teacher) if taught and recipe.teacher else loss,
        held_out=gathered.held_out,
        told=gathered.told,
        images_sha256=images_sha256(gathered),
    )


def _tissue(recipe: Recipe, sources: Sources, stain: StainSettings, *, taught: bool) -> Lesson:
    gathered = gathered_tissue(recipe, sources)
    fields = [StainedTissue(field=f, stains=_stains(f, stain)) for f in gathered.kept]
    crops = TissueCrops(
        fields, gathered.weights, recipe.crops, seed=recipe.loop.seed, count=_count(recipe)
    )
    loss: Loss = tissue_loss
    if taught and recipe.teacher:
        loss = tissue_loss_taught(tissue_loss, recipe.teacher)
    return Lesson(
        crops=crops,
        loss=loss,
        held_out=gathered.held_out,
        told=gathered.told,
        images_sha256=images_sha256(gathered),
    )


def _count(recipe: Recipe) -> int:
    return recipe.loop.steps * recipe.loop.batch


def _stains(field: LabelledField | TissueField, settings: StainSettings) -> Stains:
    return estimate_stains([field.pixels[::SAMPLED, ::SAMPLED]], settings)
