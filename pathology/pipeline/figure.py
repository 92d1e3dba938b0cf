"""A figure of a stored result: the slide, and what the result's files say of one part of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from pathology.errors import SlideError, UsageError
from pathology.exchange.cells_near import marked_nuclei, outlined_nuclei
from pathology.exchange.figure import (
    bounds_px0,
    draw_figure,
    figure_box,
    figure_downsample,
    figure_shown,
)
from pathology.exchange.maps_zarr import read_tissue
from pathology.exchange.overlay_layers import CloseUp, OverlayLayers
from pathology.exchange.overlay_words import PictureWords
from pathology.exchange.regions_read import read_stored_regions
from pathology.records.geometry import Box, um_to_px
from pathology.records.reasons import Language
from pathology.records.region import SlideRegion
from pathology.records.result import StoredResult
from pathology.records.settings.run import RunSettings
from pathology.records.slide import Region, StatedScale
from pathology.slides.open import open_slide
from pathology.tiles.overview import read_in_blocks

REACH_UM: Final = 20.0
"""How far from its centre an outline may reach: nuclei just beside the box are drawn into it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureOrder:
    """Which part of which result is drawn, and on which scan."""

    folder: Path  # of the result
    slide: Path
    region: str | None  # id of a region; None: the whole slide
    language: Language


def figure(order: FigureOrder, result: StoredResult, settings: RunSettings) -> Image.Image:
    """The picture, 2160 px wide.

    The slide is read at the picture's own scale, and of the nuclei only those in it are kept.

    Raises
    ------
    UsageError
        There is no such region, the slide cannot be read, or a file of the result is damaged.
    """
    pixels, layers = figure_layers(order, result, settings)
    words = PictureWords(language=order.language, findings=settings.exchange.findings)
    return draw_figure(pixels, result, layers, words)


def figure_layers(
    order: FigureOrder, result: StoredResult, settings: RunSettings
) -> tuple[Region, OverlayLayers]:
    """Pixels of the part that is shown, and what lies on it; errors as ``figure``."""
    regions = read_stored_regions(order.folder / "regions.geojson", mpp=result.mpp)
    asked = _asked(order.region, regions)
    box = figure_box(asked, (result.slide.width_px0, result.slide.height_px0))
    pixels = _read(order.slide, result, box, settings)
    layers = OverlayLayers(
        regions=tuple(r for r in regions if _in(r, box)),
        tissue_map=read_tissue(order.folder / "maps.zarr", result.slide_id, box),
        nuclei=marked_nuclei(order.folder / "cells.parquet", box),
        close_ups=_outlines(order.folder / "cells.parquet", pixels, box, result),
        lost=pixels.lost,
        part=asked is not None,
        asked=asked,
    )
    return pixels, layers


def _asked(region_id: str | None, regions: tuple[SlideRegion, ...]) -> SlideRegion | None:
    if region_id is None:
        return None
    known = {region.region_id: region for region in regions}
    if region_id not in known:
        raise UsageError(
            f"--region {region_id[:64]}: there is no such region. This result has: "
            f"{', '.join(known)}"
        )
    return known[region_id]


def _in(region: SlideRegion, box: Box) -> bool:
    """Whether a region's bounds reach into ``box``."""
    (left, top), (right, bottom) = bounds_px0(region)
    return left < box.right and right > box.x and top < box.bottom and bottom > box.y


def _read(path: Path, result: StoredResult, box: Box, settings: RunSettings) -> Region:
    """Pixels of ``box`` at the figure's scale. The slide's scale is the one of the result."""
    downsample = figure_downsample(box)
    x, y = math.floor(box.x / downsample), math.floor(box.y / downsample)
    right, bottom = math.ceil(box.right / downsample), math.ceil(box.bottom / downsample)
    grid = Box(x, y, right - x, bottom - y)
    said = StatedScale(mpp=result.mpp, source="user")
    site = settings.site.scale
    try:
        with open_slide(path, slide_id=result.slide_id, scale=site, said=said) as slide:
            return read_in_blocks(slide, grid, downsample, settings.tiles.overview)
    except SlideError as cause:
        raise UsageError(f"--slide: {cause.text()}") from cause


def _outlines(cells: Path, pixels: Region, box: Box, result: StoredResult) -> tuple[CloseUp, ...]:
    """The whole figure as a close-up where outlines are shown; nothing elsewhere."""
    if figure_shown(pixels, result) != "outlines":
        return ()
    reach = math.ceil(um_to_px(REACH_UM, result.mpp))
    found = outlined_nuclei(cells, box.grown(reach))
    return (CloseUp(region=pixels, nuclei=found.nuclei, counted=found.counted),)
