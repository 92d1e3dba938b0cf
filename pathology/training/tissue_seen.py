"""Tissue that a network, and the classical analysis, see in a whole labelled image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pathology.predictions.forward import Network
from pathology.predictions.framing import Framed, framed
from pathology.predictions.network_tissue import reduction_for, tissue_classes, tissue_enum
from pathology.predictions.stain import estimate_stains
from pathology.predictions.tissue import classify_tissue, epithelium_threshold, map_block_px
from pathology.records.geometry import Mpp
from pathology.records.model import ModelCard
from pathology.records.settings.predictions import PredictionSettings
from pathology.records.tile import Tile
from pathology.tiles.plan import work_downsample
from pathology.training.tissue_field import TissueField
from pathology.training.whole_field import core_pixels, on_own_grid, whole_tile


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TissueSeen:
    """TissueClass of each pixel (h, w) of an image."""

    finest: NDArray[np.uint8]  # as finely as the eyes tell it
    as_mapped: NDArray[np.uint8]  # as findings use it: in squares of the slide's map


def tissue_by_network(
    field: TissueField, network: Network, settings: PredictionSettings
) -> TissueSeen | None:
    """What a network of tissue sees; None where no scale in its range can be had.

    Raises
    ------
    SlideError
        The network's answer is not finite, or its device failed.
    """
    card = network.card
    downsample = work_downsample(Mpp(field.mpp), settings.scale.work_mpp)
    tile = whole_tile(field.pixels, field.mpp, downsample, card.input.halo_um)
    reduction = reduction_for(card, tile.mpp)
    if reduction is None:
        return None
    frame = framed(tile.region.pixels, tile.region.box, card.input.step_px, reduction)
    (answer,) = network.forward([frame.pixels])
    probabilities = answer.maps()
    stains = estimate_stains([core_pixels(tile)], settings.stain)
    mapped = tissue_classes(probabilities, frame, tile, card, (stains, settings))
    finest = _finest(probabilities, frame, tile, card)
    shape = field.allowed.shape
    return TissueSeen(
        finest=on_own_grid(finest, downsample, shape),
        as_mapped=on_own_grid(mapped, downsample * map_block_px(tile.mpp, settings), shape),
    )


def tissue_by_baseline(field: TissueField, settings: PredictionSettings) -> TissueSeen:
    """What the classical analysis sees, calibrated on the image; it has no finer map."""
    downsample = work_downsample(Mpp(field.mpp), settings.scale.work_mpp)
    reach_um = settings.tissue.smooth_um * settings.tissue.truncate
    tile = whole_tile(field.pixels, field.mpp, downsample, reach_um)
    core = core_pixels(tile)
    stains = estimate_stains([core], settings.stain)
    threshold = epithelium_threshold([core], tile.mpp, stains, settings)
    mapped = classify_tissue(tile, stains, threshold, settings)
    block = map_block_px(tile.mpp, settings)
    classes = on_own_grid(mapped, downsample * block, field.allowed.shape)
    return TissueSeen(finest=classes, as_mapped=classes)


def _finest(
    probabilities: NDArray[np.floating], frame: Framed, tile: Tile, card: ModelCard
) -> NDArray[np.uint8]:
    """TissueClass of each work px of the core: the likeliest after linear interpolation."""
    wide = torch.nn.functional.interpolate(
        torch.from_numpy(probabilities)[None].float(),
        size=(frame.box.height, frame.box.width),
        mode="bilinear",
        align_corners=False,
    )
    classes: NDArray[np.uint8] = tissue_enum(card)[
        frame.own(wide[0].numpy(), tile.core).argmax(axis=0)
    ]
    return classes
