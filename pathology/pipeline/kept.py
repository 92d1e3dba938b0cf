"""What a result keeps of what was seen, so that it can be counted again in another region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from pathology.errors import UsageError
from pathology.exchange.cells_judged import placed_nuclei
from pathology.exchange.maps_zarr import GridMap, read_map
from pathology.pipeline.seen import Seen
from pathology.pipeline.tally import MapGrid, Tally
from pathology.records.geometry import Box, Mpp
from pathology.records.slide import LostTile
from pathology.records.tile import ExcludedArea, Exclusion, Survey

TISSUE_CLASS: Final = "tissue_class"
SURVEY: Final = "survey"
"""Map of the slide seen from afar; the bits are tissue and each kind of excluded area."""
LOOKED: Final = "looked"
"""Map of the tiles that were looked at, on the grid of the tissue classes; bits as below."""
LOOKED_AT, OUT_OF_FOCUS, UNREADABLE = "looked_at", "out_of_focus", "unreadable"
TISSUE: Final = "tissue"


def kept_maps(seen: Seen) -> dict[str, GridMap]:
    """The maps that ``recalled`` needs; no region is in them."""
    survey, tally = seen.survey, seen.tally
    afar = {TISSUE: survey.tissue} | {area.name: area.mask for area in survey.excluded}
    looked = {LOOKED_AT: tally.looked_at, OUT_OF_FOCUS: tally.blurred, UNREADABLE: tally.unread}
    told = {
        "lost_tiles": [_told(tile) for tile in sorted(tally.lost)],
        "nuclei_visible": seen.nuclei_visible,
        "coarsest_mpp": seen.coarsest_mpp,
    }
    shape = survey.downsample, survey.mpp
    return {
        SURVEY: _bits(afar, *shape, {}),
        LOOKED: _bits(looked, tally.grid.downsample, tally.grid.mpp, told),
    }


def on_grid(grid: MapGrid, pixels: NDArray[np.generic]) -> GridMap:
    """Pixels (rows, columns) of a grid as a map."""
    return GridMap(pixels=pixels, downsample=grid.downsample, mpp=grid.mpp)


def _bits(
    masks: Mapping[str, NDArray[np.bool_]], downsample: float, mpp: Mpp, told: Mapping[str, Any]
) -> GridMap:
    """Masks in one map of bits, at most eight; ``told["bits"]`` says which is which."""
    bits = {name: 1 << place for place, name in enumerate(masks)}
    shape = next(iter(masks.values())).shape
    pixels = np.zeros(shape, np.uint8)
    for name, mask in masks.items():
        pixels |= mask.astype(np.uint8) * np.uint8(bits[name])
    return GridMap(pixels=pixels, downsample=downsample, mpp=mpp, told={**told, "bits": bits})


def _told(tile: LostTile) -> list[int]:
    box = tile.box_px0
    return [tile.level, tile.column, tile.row, box.x, box.y, box.width, box.height]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recalled:
    """What was seen of a slide, from its result."""

    survey: Survey
    tally: Tally
    nuclei_visible: bool
    coarsest_mpp: float


def recalled(folder: Path, slide_id: str) -> Recalled:
    """What the result in a folder keeps of what was seen; nuclei are read in batches.

    Raises
    ------
    UsageError
        Maps or nuclei are missing or damaged, or the result was made before results kept these.
    """
    maps = folder / "maps.zarr"
    if maps.is_dir() and not (maps / LOOKED).is_dir():
        raise UsageError(
            "the result was made before results kept what it takes to count them again. Run the "
            "analysis anew: pathology run SLIDE --within CORRECTED.geojson"
        )
    classes, looked = read_map(maps, TISSUE_CLASS), read_map(maps, LOOKED)
    try:
        survey = _survey(read_map(maps, SURVEY), slide_id)
        tally = _tally(classes, looked, survey)
        told = looked.told
        seen = Recalled(
            survey=survey,
            tally=tally,
            nuclei_visible=bool(told["nuclei_visible"]),
            coarsest_mpp=float(told["coarsest_mpp"]),
        )
    except (LookupError, TypeError, ValueError) as cause:
        raise UsageError("maps.zarr: is not as this program writes it") from cause
    tally.nuclei.extend(placed_nuclei(folder / "cells.parquet"))
    return seen


def _survey(afar: GridMap, slide_id: str) -> Survey:
    tissue, *areas = _masks(afar).items()
    return Survey(
        slide_id=slide_id,
        downsample=afar.downsample,
        mpp=Mpp(afar.mpp),
        tissue=tissue[1],
        excluded=tuple(ExcludedArea(name=cast(Exclusion, n), mask=m) for n, m in areas),
    )


def _tally(classes: GridMap, looked: GridMap, survey: Survey) -> Tally:
    rows, columns = classes.pixels.shape
    grid = MapGrid(downsample=classes.downsample, mpp=Mpp(classes.mpp), rows=rows, columns=columns)
    masks, tally = _masks(looked), Tally.empty(grid, survey)
    if looked.pixels.shape != classes.pixels.shape:
        raise ValueError("maps of two results")
    tally.classes = classes.pixels.astype(np.uint8)
    tally.looked_at, tally.blurred = masks[LOOKED_AT], masks[OUT_OF_FOCUS]
    tally.unread = masks[UNREADABLE]
    tally.lost.update(_lost(*tile) for tile in looked.told["lost_tiles"])
    return tally


def _masks(bits: GridMap) -> dict[str, NDArray[np.bool_]]:
    """The masks of a map of bits, in the order of the bits."""
    named = sorted(bits.told["bits"].items(), key=lambda item: int(item[1]))
    pixels = bits.pixels.astype(np.uint8)
    return {name: (pixels & np.uint8(bit)) > 0 for name, bit in named}


def _lost(level: int, column: int, row: int, *box: int) -> LostTile:
    return LostTile(level=level, column=column, row=row, box_px0=Box(*box))
