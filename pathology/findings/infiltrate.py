"""Area of mononuclear infiltrate: discs around nuclei, closed over short gaps, in the stroma.

    part  = area of (union of discs, closed) within the stroma of the bed
    whole = area of that stroma

Why discs and which: docs/adr/0011-area-of-infiltrate.md. The raster is filled block by block, each
with a halo as wide as a disc and its closing reach, so neither memory nor the answer depends on
the blocks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pathology.findings.bootstrap import block_bootstrap
from pathology.records.finding import AreaShare, NotMeasurable
from pathology.records.settings.infiltration import InfiltrateRule

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockAreas:
    """Areas of the blocks that hold stroma, (b,) each, in pixels of ``pixel_um``."""

    infiltrate: NDArray[np.int64]
    stroma: NDArray[np.int64]
    pixel_um: float

    @property
    def part_um2(self) -> int:
        """Infiltrated area, whole µm²."""
        return min(round(int(self.infiltrate.sum()) * self.pixel_um**2), self.whole_um2)

    @property
    def whole_um2(self) -> int:
        """Stroma, whole µm²."""
        return round(int(self.stroma.sum()) * self.pixel_um**2)


def infiltrate_areas(
    cells_um: NDArray[np.float64], stroma: Mask, mpp: float, rule: InfiltrateRule
) -> BlockAreas:
    """Infiltrate and stroma of every block of ``rule.block_um`` that holds stroma.

    ``stroma`` (rows, columns) has ``mpp`` µm per pixel and starts, as do ``cells_um`` (n, 2), at
    the slide's corner.
    """
    side = max(1, round(rule.block_um / rule.pixel_um))
    reach = math.ceil((rule.cell_radius_um + rule.closing_um) / rule.pixel_um) + 1
    by_row = cells_um[np.argsort(cells_um[:, 1], kind="stable")]
    part, whole = [], []
    for row, column in np.ndindex(*_blocks(stroma.shape, mpp, side * rule.pixel_um)):
        ground = _ground(stroma, mpp, (row * side, column * side), side, rule.pixel_um)
        if not ground.any():
            continue
        corner_um = np.array([column, row]) * side * rule.pixel_um
        low, high = corner_um - reach * rule.pixel_um, corner_um + (side + reach) * rule.pixel_um
        beside = by_row[slice(*np.searchsorted(by_row[:, 1], [low[1], high[1]]))]
        near = beside[(beside[:, 0] > low[0]) & (beside[:, 0] < high[0])]
        covered = _covered(near - corner_um, side, reach, rule)
        part.append(int((covered & ground).sum()))
        whole.append(int(ground.sum()))
    return BlockAreas(
        infiltrate=np.array(part, np.int64),
        stroma=np.array(whole, np.int64),
        pixel_um=rule.pixel_um,
    )


def stromal_share(blocks: BlockAreas, rule: InfiltrateRule) -> AreaShare | NotMeasurable:
    """Infiltrate in stroma with its interval by blocks; no number from too few of them.

    Cells in a few blocks could be counted, but no interval of a share of area comes from counting
    alone; a number that cannot say how sure it is is not told.
    """
    if len(blocks.stroma) < rule.least_blocks:
        return NotMeasurable(
            code="too-few-blocks",
            reason=(
                f"stroma in {len(blocks.stroma)} blocks of {rule.block_um:g} µm, fewer than the "
                f"{rule.least_blocks} that say how sure the share is"
            ),
        )
    part, whole = blocks.part_um2, blocks.whole_um2
    low, high = block_bootstrap(
        blocks.infiltrate, blocks.stroma, resamples=rule.resamples, seed=rule.seed
    )
    return AreaShare(
        part_um2=part,
        whole_um2=whole,
        low=min(low, part / whole),  # whole µm² are rounded
        high=max(high, part / whole),
        interval="block-bootstrap-95",
    )


def _blocks(shape: tuple[int, ...], mpp: float, side_um: float) -> tuple[int, int]:
    """Rows and columns of blocks that cover a map."""
    return math.ceil(shape[0] * mpp / side_um), math.ceil(shape[1] * mpp / side_um)


def _ground(stroma: Mask, mpp: float, corner: tuple[int, int], side: int, pixel_um: float) -> Mask:
    """The stroma mask on the block's raster; nothing beyond the mask."""
    row, column = (
        ((np.arange(side) + start + 0.5) * pixel_um / mpp).astype(np.int64) for start in corner
    )
    ground = np.zeros((side, side), bool)
    row, column = row[row < stroma.shape[0]], column[column < stroma.shape[1]]
    under = stroma[row[0] : row[-1] + 1, column[0] : column[-1] + 1]
    if under.any():
        ground[: len(row), : len(column)] = under[np.ix_(row - row[0], column - column[0])]
    return ground


def _covered(cells_um: NDArray[np.float64], side: int, reach: int, rule: InfiltrateRule) -> Mask:
    """Raster (side, side) of the closed union of discs around cells, from the block's corner."""
    pixel = rule.pixel_um
    wide = side + 2 * reach
    if not len(cells_um):
        return np.zeros((side, side), bool)
    discs = _discs(cells_um / pixel + reach, wide, rule.cell_radius_um / pixel)
    gap = rule.closing_um / 2 / pixel
    grown = ndimage.distance_transform_edt(~discs) <= gap
    kept = ndimage.distance_transform_edt(np.pad(grown, 1, constant_values=True))[1:-1, 1:-1] > gap
    return np.asarray((discs | kept)[reach:-reach, reach:-reach])


def _discs(points: NDArray[np.float64], wide: int, radius: float) -> Mask:
    """Pixels whose middle lies within ``radius`` of any point."""
    span = math.ceil(radius) + 1
    offset = np.arange(-span, span + 1)
    row = np.floor(points[:, 1]).astype(np.int64)[:, None] + offset
    column = np.floor(points[:, 0]).astype(np.int64)[:, None] + offset
    dy = (row + 0.5 - points[:, 1:])[:, :, None]
    dx = (column + 0.5 - points[:, :1])[:, None, :]
    which, i, j = np.nonzero(dy**2 + dx**2 <= radius**2)
    at_row, at_column = row[which, i], column[which, j]
    held = (at_row >= 0) & (at_row < wide) & (at_column >= 0) & (at_column < wide)
    mask = np.zeros((wide, wide), bool)
    mask[at_row[held], at_column[held]] = True
    return mask
