"""Tile -> tissue classes on a coarse map, from pixels alone, so that it works at 1 µm/px too.

H&E. Epithelium is even and bluish: nuclei stand close in a cytoplasm that itself takes some
haematoxylin. Stroma is pale in red light with dark specks. Two numbers say that, both from the
red density R (eosin hardly absorbs red), averaged over a neighbourhood of stained pixels:

    basophilia = mean(min(R, cap)) / cap                in 0..1
    unevenness = standard deviation of R / mean of R
    epithelium = basophilia - weight * unevenness > the slide's threshold

How dark and how sharp a slide is moves both numbers, so the threshold is the slide's own (Otsu
over its samples), within bounds: a slide without stroma must not be split in two.

IHC. Cytoplasm stays colourless, so what tells a tumour nest is how much of the area nuclei cover.

Blood, keratin and the like are tissue with dense second stain and no red density.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from pathology.predictions.stain import DensityTables, density_table
from pathology.records.geometry import Mpp
from pathology.records.prediction import TissueClass
from pathology.records.settings.predictions import PredictionSettings, TissueSettings
from pathology.records.stain import Stains
from pathology.records.tile import Tile

MOST_BLOCK_PX = 16
"""Cores are whole multiples of this."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockMeans:
    """Means over blocks, (rows, columns) each; ``red`` and its square over stained pixels only."""

    stained: NDArray[np.float32]  # share of pixels that carry stain
    basophilia: NDArray[np.float32]
    red: NDArray[np.float32]
    red_squared: NDArray[np.float32]
    green: NDArray[np.float32]
    nuclear: NDArray[np.float32]  # share of pixels dark in red


def map_block_px(mpp: float, settings: PredictionSettings) -> int:
    """Edge of a map pixel in work px: the power of two whose length is nearest to ``map_um``."""
    wanted = max(1.0, settings.tissue.map_um / mpp)
    return int(min(MOST_BLOCK_PX, 2 ** round(np.log2(wanted))))


def epithelium_threshold(
    samples: Sequence[NDArray[np.uint8]], mpp: Mpp, stains: Stains, settings: PredictionSettings
) -> float:
    """Score from which a map pixel of this slide is epithelium, decided once for all tiles.

    ``samples`` are (h, w, 3) patches of tissue at ``mpp``. On IHC and without stained tissue in the
    samples it is the setting's own.
    """
    tissue = settings.tissue
    if stains.kind != "he":
        return tissue.ihc_least_nuclear_share
    block = map_block_px(mpp, settings)
    scores = [np.empty(0, np.float32)]
    for sample in samples:
        rows, columns = (n // block * block for n in sample.shape[:2])
        if rows and columns:
            rgb = sample[:rows, :columns]
            present = _present(rgb, stains, block, tissue)
            scores.append(_score(_means(rgb, stains, block, mpp, tissue), stains, tissue)[present])
    pooled = np.concatenate(scores)
    if len(pooled) == 0 or pooled.min() == pooled.max():
        return tissue.least_score
    return float(np.clip(threshold_otsu(pooled), tissue.least_score, tissue.most_score))


def classify_tissue(
    tile: Tile, stains: Stains, threshold: float, settings: PredictionSettings
) -> NDArray[np.uint8]:
    """TissueClass of each map pixel of the core, (rows, columns) uint8.

    ``threshold`` is the slide's ``epithelium_threshold``. Map pixels lie on the work grid's own
    corner: the core starts at a multiple of ``map_block_px``; where it is cut at the slide's edge
    the last row and column are too.
    """
    block = map_block_px(tile.mpp, settings)
    rgb, row, column = _aligned(tile, block)
    tissue = settings.tissue
    means = _means(rgb, stains, block, tile.mpp, tissue)
    present = _present(rgb, stains, block, tissue)
    epithelium = _score(means, stains, tissue) > threshold
    classes = np.where(epithelium, TissueClass.TUMOUR, TissueClass.STROMA)
    if stains.kind == "he":
        other = (means.green > tissue.other_least_green_od) & (
            means.basophilia < tissue.other_most_basophilia
        )
        classes = np.where(other, TissueClass.OTHER, classes)
    classes = np.where(present, classes, TissueClass.BACKGROUND)
    rows, columns = -(-tile.core.height // block), -(-tile.core.width // block)
    return classes[row : row + rows, column : column + columns].astype(np.uint8)


def stained(rgb: NDArray[np.uint8], stains: Stains, settings: TissueSettings) -> NDArray[np.bool_]:
    """Pixels (h, w) of a picture (h, w, 3) that carry stain. On IHC tissue is much paler."""
    tables = density_table(stains)
    total = tables.density(rgb, 0) + tables.density(rgb, 1) + tables.density(rgb, 2)
    least = settings.stained_od if stains.kind == "he" else settings.ihc_stained_od
    carries: NDArray[np.bool_] = total > least
    return carries


def basophilia_at(
    points_px: NDArray[np.float64], tile: Tile, stains: Stains, settings: PredictionSettings
) -> NDArray[np.float32]:
    """Basophilia of the neighbourhood of points (n, 2) x, y in px of the tile's picture, 0..1."""
    block = map_block_px(tile.mpp, settings)
    rgb, row, column = _aligned(tile, block)
    tissue = settings.tissue
    means = _means(rgb, stains, block, tile.mpp, tissue).basophilia
    corner = np.array([tile.core.x - tile.region.box.x, tile.core.y - tile.region.box.y])
    blocks = np.floor((points_px - corner) / block).astype(np.int64)
    columns = np.clip(blocks[:, 0] + column, 0, means.shape[1] - 1)
    rows = np.clip(blocks[:, 1] + row, 0, means.shape[0] - 1)
    found: NDArray[np.float32] = means[rows, columns]
    return found


def _aligned(tile: Tile, block: int) -> tuple[NDArray[np.uint8], int, int]:
    """Pixels that start and end on the map's grid, and the core's first map row and column."""
    box, core = tile.region.box, tile.core
    left, top = -box.x % block, -box.y % block
    rgb = tile.region.pixels[top:, left:]
    bottom, right = -rgb.shape[0] % block, -rgb.shape[1] % block
    whole = np.pad(rgb, ((0, bottom), (0, right), (0, 0)), constant_values=255)
    return whole, (core.y - box.y - top) // block, (core.x - box.x - left) // block


def _means(
    rgb: NDArray[np.uint8], stains: Stains, block: int, mpp: float, settings: TissueSettings
) -> BlockMeans:
    blocks = _block_means(rgb, density_table(stains), block, settings)
    return _smoothed(blocks, settings.smooth_um / (block * mpp), settings)


def _score(means: BlockMeans, stains: Stains, settings: TissueSettings) -> NDArray[np.float32]:
    """How much a map pixel looks like epithelium (H&E), or lies in a crowd of nuclei (IHC)."""
    if stains.kind != "he":
        return means.nuclear
    variance = np.maximum(means.red_squared - means.red**2, 0)
    unevenness = np.sqrt(variance) / (means.red + settings.faint_od)
    score: NDArray[np.float32] = means.basophilia - settings.unevenness_weight * unevenness
    return score


def _present(
    rgb: NDArray[np.uint8], stains: Stains, block: int, settings: TissueSettings
) -> NDArray[np.bool_]:
    """Blocks with tissue: enough of their pixels carry stain."""
    share = _blocked(stained(rgb, stains, settings).astype(np.float32), block)
    present: NDArray[np.bool_] = share >= settings.least_stained_share
    return present


def _block_means(
    rgb: NDArray[np.uint8], tables: DensityTables, block: int, settings: TissueSettings
) -> BlockMeans:
    red, green = tables.density(rgb, 0), tables.density(rgb, 1)
    stained = ((red + green + tables.density(rgb, 2)) > settings.stained_od).astype(np.float32)
    cap = settings.basophilia_cap_od
    return BlockMeans(
        stained=_blocked(stained, block),
        basophilia=_blocked((np.minimum(red, cap) / cap * stained).astype(np.float32), block),
        red=_blocked(red * stained, block),
        red_squared=_blocked(red * red * stained, block),
        green=_blocked(green * stained, block),
        nuclear=_blocked((red > settings.ihc_nuclear_od).astype(np.float32), block),
    )


def _smoothed(means: BlockMeans, sigma: float, settings: TissueSettings) -> BlockMeans:
    """Means over a neighbourhood; those over stained pixels are weighed by how many there are."""

    def spread(image: NDArray[np.float32]) -> NDArray[np.float32]:
        wide: NDArray[np.float32] = ndimage.gaussian_filter(
            image, sigma, truncate=settings.truncate, mode="nearest"
        )
        return wide

    stained = spread(means.stained) + np.float32(1e-3)
    return BlockMeans(
        stained=stained,
        basophilia=spread(means.basophilia) / stained,
        red=spread(means.red) / stained,
        red_squared=spread(means.red_squared) / stained,
        green=spread(means.green) / stained,
        nuclear=spread(means.nuclear),
    )


def _blocked(image: NDArray[np.float32], block: int) -> NDArray[np.float32]:
    """Mean over each block."""
    rows, columns = image.shape[0] // block, image.shape[1] // block
    means: NDArray[np.float32] = image.reshape(rows, block, columns, block).mean(axis=(1, 3))
    return means
