"""What a tissue network told of a tile -> classes of the slide's map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pathology.predictions.framing import Framed, on_map
from pathology.predictions.tissue import map_block_px, stained
from pathology.records.geometry import Mpp
from pathology.records.model import ModelCard
from pathology.records.prediction import TissueClass
from pathology.records.settings.predictions import PredictionSettings
from pathology.records.stain import Stains
from pathology.records.tile import Tile


def reduction_for(card: ModelCard, mpp: Mpp) -> int | None:
    """How many work px make a pixel of the network's picture; None where none is in its range."""
    scale = card.input
    nearest = max(1, round(scale.mpp / mpp))
    fit = (n for n in (nearest, nearest + 1, nearest - 1) if n >= 1)
    return next((n for n in fit if scale.finest_mpp <= n * mpp <= scale.coarsest_mpp), None)


def tissue_classes(
    probabilities: NDArray[np.floating],
    frame: Framed,
    tile: Tile,
    card: ModelCard,
    look: tuple[Stains, PredictionSettings],
) -> NDArray[np.uint8]:
    """TissueClass of each map pixel of the core, (rows, columns).

    The class whose probability (classes, h, w) has the highest mean over the map pixel. What
    carries no stain is background, as it is for classical eyes: no network knows better.
    """
    stains, settings = look
    block = map_block_px(tile.mpp, settings)
    mean = on_map(probabilities, frame.box, tile.core, block)
    classes = tissue_enum(card)[mean.argmax(axis=0)]
    coloured = stained(frame.pixels, stains, settings.tissue)[None]
    share = on_map(coloured.astype(np.float32), frame.box, tile.core, block)[0]
    bare = share < settings.tissue.least_stained_share
    return np.where(bare, TissueClass.BACKGROUND, classes).astype(np.uint8)


def tissue_enum(card: ModelCard) -> NDArray[np.uint8]:
    """TissueClass of each of the card's classes, (classes,)."""
    return np.array([TissueClass[name.upper()] for name in card.classes], np.uint8)
