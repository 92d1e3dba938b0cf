"""One tile that was seen: focus, what of it was analysed, and why a nucleus is not scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pathology.exchange.outlines import inside
from pathology.pipeline.damage import lost_mask
from pathology.pipeline.regions import person_id
from pathology.pipeline.tally import COUNTED, MapGrid, Tally, pixel_under
from pathology.predictions.tissue import map_block_px
from pathology.records.eyes import Eyes, TileSeen
from pathology.records.geometry import Box, Mpp
from pathology.records.prediction import Calibration, CellClass, Nuclei, TissueClass
from pathology.records.region import CONFIRMED, PersonRegions, RegionKind
from pathology.records.result import Analysis
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

    analysis: Analysis
    survey: Survey
    stains: Stains
    eyes: Eyes
    calibration: Calibration | None  # None: the scale is too coarse for nuclei
    person: PersonRegions | None
    settings: RunSettings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TileScored:
    """What one tile shows. Arrays (rows, columns) are map pixels of the core."""

    nuclei: Nuclei
    excluded_by: NDArray[np.str_]  # (n,), "" where the nucleus is scored
    regions: list[list[str]]  # (n,) ids of the regions a nucleus lies in
    classes: NDArray[np.uint8]
    blurred: NDArray[np.bool_]
    analysed: NDArray[np.bool_]
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


def look(seen: TileSeen, sight: Sight, grid: MapGrid) -> TileScored:
    """What of a tile counts, and why the rest does not."""
    tile, nuclei, classes = seen.tile, seen.nuclei, seen.classes
    block = map_block_px(tile.mpp, sight.settings.predictions)
    origin = tile.core.y // block, tile.core.x // block
    centres = _map_centres_px0(classes.shape, origin, grid)
    scored = sampled(sight.survey.scored, sight.survey.downsample, centres)
    fit = scored.reshape(classes.shape)
    wanted = _wanted(sight, centres).reshape(classes.shape)
    blurred = _blurred_map(tile, classes.shape, block, sight)
    maps = _Maps(classes=classes, blurred=blurred & fit, analysed=fit & wanted & ~blurred)
    pixel = _local(nuclei, classes.shape, origin, grid)
    return TileScored(
        nuclei=nuclei,
        excluded_by=exclusions(nuclei, blurred[pixel], sight),
        regions=_regions(nuclei, maps, pixel, sight),
        classes=classes,
        blurred=maps.blurred,
        analysed=maps.analysed,
        origin=origin,
    )


class _Maps(NamedTuple):
    """Map pixels (rows, columns) of a core."""

    classes: NDArray[np.uint8]
    blurred: NDArray[np.bool_]  # of tissue that would else be scored
    analysed: NDArray[np.bool_]


def add_to_tally(seen: TileScored, lost: Sequence[LostTile], tally: Tally) -> None:
    """Sum one tile into the slide; what lies under a lost tile was not analysed."""
    rows = slice(seen.origin[0], seen.origin[0] + seen.classes.shape[0])
    columns = slice(seen.origin[1], seen.origin[1] + seen.classes.shape[1])
    tally.classes[rows, columns] = seen.classes
    tally.analysed[rows, columns] = seen.analysed
    tally.out_of_focus[rows, columns] = seen.blurred
    tally.looked_at[rows, columns] = True
    tally.lost.update(lost)
    if lost:
        _set_unread_apart(lost, (rows, columns), tally)
    tally.add_nuclei(seen.nuclei, seen.excluded_by)


def _set_unread_apart(lost: Sequence[LostTile], place: tuple[slice, slice], tally: Tally) -> None:
    shape = tally.grid.rows, tally.grid.columns
    unread = lost_mask(lost, shape, tally.grid.downsample)[place]
    tally.analysed[place] &= ~unread
    tally.classes[place][unread] = TissueClass.EXCLUDED


def exclusions(nuclei: Nuclei, blurred: NDArray[np.bool_], sight: Sight) -> NDArray[np.str_]:
    """Why each nucleus (n,) is not scored; "" where it is.

    The first reason in this order counts: outside the person's region, left out by the person,
    excluded areas, out of focus, outside the tissue, another class.
    """
    centres, survey = nuclei.centre_px0, sight.survey
    reasons = np.full(len(nuclei), COUNTED, dtype="U16")

    def set_apart(name: str, where: NDArray[np.bool_]) -> None:
        reasons[where & (reasons == COUNTED)] = name

    if sight.analysis == "ki67":  # infiltration is asked beyond the tumour as well
        set_apart("outside_region", ~_within(sight, centres))
    for kind, where in _left_out(sight, centres).items():
        set_apart(kind, where)
    for area in survey.excluded:
        set_apart(area.name, sampled(area.mask, survey.downsample, centres))
    set_apart("out_of_focus", blurred)
    set_apart("outside_tissue", ~sampled(survey.tissue, survey.downsample, centres))
    if sight.analysis == "ki67":
        for other in (CellClass.LYMPHOCYTE, CellClass.STROMA, CellClass.OTHER):
            set_apart(other.name.lower(), nuclei.cell_class == other)
    return reasons


def sampled(
    mask: NDArray[np.bool_], downsample: float, points_px0: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Values (n,) of a mask under points (n, 2) of the slide."""
    row, column = pixel_under(points_px0, downsample, (mask.shape[0], mask.shape[1]))
    return mask[row, column]


def _within(sight: Sight, points_px0: NDArray[np.float64]) -> NDArray[np.bool_]:
    if sight.person is None:
        return np.ones(len(points_px0), bool)
    return inside(sight.person.tumour, points_px0)


def _left_out(sight: Sight, points_px0: NDArray[np.float64]) -> dict[RegionKind, NDArray[np.bool_]]:
    """Points (n,) in what a person left out, by kind."""
    drawn = {} if sight.person is None else sight.person.excluded
    return {kind: inside(polygons, points_px0) for kind, polygons in drawn.items()}


def _wanted(sight: Sight, points_px0: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Points (n,) that count: in the person's region, and in nothing that the person left out.

    Infiltration is asked beyond the tumour as well, in the outer margin.
    """
    wanted = np.ones(len(points_px0), bool)
    if sight.analysis == "ki67":
        wanted = _within(sight, points_px0)
    for where in _left_out(sight, points_px0).values():
        wanted &= ~where
    return wanted


def _map_centres_px0(
    shape: tuple[int, ...], origin: tuple[int, int], grid: MapGrid
) -> NDArray[np.float64]:
    rows = (np.arange(shape[0]) + origin[0] + 0.5) * grid.downsample
    columns = (np.arange(shape[1]) + origin[1] + 0.5) * grid.downsample
    y, x = np.meshgrid(rows, columns, indexing="ij")
    return np.stack([x.ravel(), y.ravel()], axis=1)


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


def _local(
    nuclei: Nuclei, shape: tuple[int, ...], origin: tuple[int, int], grid: MapGrid
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Map pixels of the core under the nuclei; a centre just over the seam is moved inside."""
    row = np.floor(nuclei.centre_px0[:, 1] / grid.downsample).astype(np.intp) - origin[0]
    column = np.floor(nuclei.centre_px0[:, 0] / grid.downsample).astype(np.intp) - origin[1]
    return np.clip(row, 0, shape[0] - 1), np.clip(column, 0, shape[1] - 1)


def _regions(
    nuclei: Nuclei, seen: _Maps, pixel: tuple[NDArray[np.intp], NDArray[np.intp]], sight: Sight
) -> list[list[str]]:
    """Ids of all regions of ``regions.geojson`` that each nucleus lies in."""
    centres, survey = nuclei.centre_px0, sight.survey
    analysed, classes = seen.analysed[pixel], seen.classes[pixel]
    inside = {"tissue": sampled(survey.tissue, survey.downsample, centres)}
    for area in survey.excluded:
        inside[area.name] = sampled(area.mask, survey.downsample, centres)
    inside["out_of_focus"] = seen.blurred[pixel]
    inside["tumour"] = analysed & (classes == TissueClass.TUMOUR)
    inside["stroma"] = analysed & (classes == TissueClass.STROMA)
    if sight.person is not None:
        inside[CONFIRMED] = _within(sight, centres)
        for kind, where in _left_out(sight, centres).items():
            inside[person_id(kind)] = where
    # Few combinations occur, so each list is made once.
    member = np.stack(list(inside.values()), axis=1)
    kinds, which = np.unique(member, axis=0, return_inverse=True)
    lists = [[n for n, held in zip(inside, kind, strict=True) if held] for kind in kinds.tolist()]
    return [lists[i] for i in which.ravel().tolist()]
