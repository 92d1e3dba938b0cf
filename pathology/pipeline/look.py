"""One tile that was seen: its nuclei, tissue and focus, whatever of it will count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from pathology.exchange.cells_judged import PlacedNuclei
from pathology.pipeline.damage import lost_mask
from pathology.pipeline.tally import MapGrid, Tally
from pathology.predictions.tissue import map_block_px
from pathology.records.eyes import Eyes, TileSeen
from pathology.records.geometry import Box, Mpp
from pathology.records.prediction import Calibration, Nuclei, TissueClass
from pathology.records.region import PersonRegions
from pathology.records.settings.run import RunSettings
from pathology.records.slide import LostTile
from pathology.records.stain import Stains
from pathology.records.tile import Survey, Tile
from pathology.tiles.focus import blurred_blocks, focus_block_px


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """All that is known of a slide before its tiles are looked at.

    Decided once, so that what is seen in a tile does not depend on the tiles around it.
    """

    survey: Survey
    stains: Stains
    eyes: Eyes
    calibration: Calibration | None  # None: the scale is too coarse for nuclei
    person: PersonRegions | None
    settings: RunSettings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TileLooked:
    """What one tile shows. Arrays (rows, columns) are map pixels of the core."""

    nuclei: Nuclei
    classes: NDArray[np.uint8]
    blurred: NDArray[np.bool_]
    origin: tuple[int, int]  # row, column of the first map pixel


def map_grid(size_px0: tuple[int, int], downsample: float, mpp: Mpp, sight: Sight) -> MapGrid:
    """The slide's map grid for a work grid of ``downsample`` level-0 px per pixel, at ``mpp``."""
    block = map_block_px(mpp, sight.settings.predictions)
    width, height = size_px0
    return MapGrid(
        downsample=downsample * block,
        mpp=Mpp(mpp * block),
        rows=-(-ceil(height / downsample) // block),
        columns=-(-ceil(width / downsample) // block),
    )


def look(seen: TileSeen, sight: Sight) -> TileLooked:
    """A tile with its focus, on the map's grid."""
    tile, classes = seen.tile, seen.classes
    block = map_block_px(tile.mpp, sight.settings.predictions)
    return TileLooked(
        nuclei=seen.nuclei,
        classes=classes,
        blurred=_blurred_map(tile, classes.shape, block, sight),
        origin=(tile.core.y // block, tile.core.x // block),
    )


def add_to_tally(seen: TileLooked, lost: Sequence[LostTile], tally: Tally) -> None:
    """Sum one tile into the slide; what lies under a lost tile was not seen."""
    rows = slice(seen.origin[0], seen.origin[0] + seen.classes.shape[0])
    columns = slice(seen.origin[1], seen.origin[1] + seen.classes.shape[1])
    tally.classes[rows, columns] = seen.classes
    tally.blurred[rows, columns] = seen.blurred
    tally.looked_at[rows, columns] = True
    tally.lost.update(lost)
    if lost:
        _set_unread_apart(lost, (rows, columns), tally)
    nuclei = seen.nuclei
    tally.nuclei.append(PlacedNuclei(nuclei.centre_px0, nuclei.cell_class, nuclei.positive))


def _set_unread_apart(lost: Sequence[LostTile], place: tuple[slice, slice], tally: Tally) -> None:
    shape = tally.grid.rows, tally.grid.columns
    unread = lost_mask(lost, shape, tally.grid.downsample)[place]
    tally.unread[place] |= unread
    tally.classes[place][unread] = TissueClass.EXCLUDED


def _blurred_map(
    tile: Tile, shape: tuple[int, ...], block_px: int, sight: Sight
) -> NDArray[np.bool_]:
    """Focus blocks of the core, brought to its map pixels."""
    tiles = sight.settings.tiles
    core = Box(
        tile.core.x - tile.region.box.x,
        tile.core.y - tile.region.box.y,
        tile.core.width,
        tile.core.height,
    )
    blocks = blurred_blocks(tile.region.pixels[core.slices], tile.mpp, tiles)
    step = focus_block_px(tile.mpp, tiles)
    row = np.minimum((np.arange(shape[0]) * block_px + block_px // 2) // step, blocks.shape[0] - 1)
    column = np.minimum(
        (np.arange(shape[1]) * block_px + block_px // 2) // step, blocks.shape[1] - 1
    )
    on_map: NDArray[np.bool_] = blocks[np.ix_(row, column)]
    return on_map
