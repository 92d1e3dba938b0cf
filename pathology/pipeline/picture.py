"""The picture of a result: the slide from afar, and close-ups of what was counted."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pathology.exchange.cells_judged import PlacedNuclei
from pathology.exchange.overlay import draw_overlay
from pathology.exchange.overlay_layers import CloseUp, MarkedNuclei, OverlayLayers
from pathology.exchange.overlay_words import PictureWords
from pathology.pipeline.analyse import Looked
from pathology.pipeline.score import Scored, sampled, set_apart
from pathology.pipeline.seen import Seen
from pathology.records.geometry import Box
from pathology.records.prediction import Positivity, TissueClass
from pathology.records.region import SlideRegion
from pathology.records.result import SlideResult
from pathology.records.slide import Region, Slide
from pathology.records.tile import Tile
from pathology.tiles.overview import read_overview

CLOSE_UP_PX = (512, 256)
"""Width and height of a close-up, work px: multiples of every block a tile is judged by."""
GROUND_PX = 2048
"""Longest side of the ground of a picture that is drawn without the slide."""
GREYS = {
    TissueClass.BACKGROUND: 245,
    TissueClass.TUMOUR: 160,
    TissueClass.STROMA: 200,
    TissueClass.OTHER: 220,
    TissueClass.EXCLUDED: 255,
    TissueClass.NORMAL: 210,
}
"""Levels of tissue classes, 8 bit, where the slide is not at hand."""
WITHOUT_SLIDE = "drawn-without-the-slide"
"""Told in the picture as flags are; it says nothing of the numbers."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawing:
    """What is to be drawn, and in what language."""

    seen: Seen
    scored: Scored
    result: SlideResult
    regions: tuple[SlideRegion, ...]
    words: PictureWords

    def layers(self, close_ups: tuple[CloseUp, ...] = ()) -> OverlayLayers:
        """The layers of the picture."""
        tally = self.seen.tally
        return OverlayLayers(
            regions=self.regions,
            tissue_map=tally.tissue_map(self.seen.info.slide_id),
            nuclei=self.scored.nuclei,
            close_ups=close_ups,
            lost=tuple(sorted(tally.lost)),
        )


Draw: TypeAlias = Callable[[Drawing], Image.Image]


def draw(slide: Slide, looked: Looked, drawing: Drawing) -> Image.Image:
    """The picture of a result; places of close-ups are looked at once more, with outlines."""
    return draw_seen(looked.overview, close_ups(slide, looked, drawing.scored.nuclei), drawing)


def draw_seen(overview: Region, close: tuple[CloseUp, ...], drawing: Drawing) -> Image.Image:
    """The picture of a result on what was seen of its slide."""
    return draw_overlay(overview, drawing.result, drawing.layers(close), drawing.words)


def close_ups(slide: Slide, looked: Looked, nuclei: MarkedNuclei) -> tuple[CloseUp, ...]:
    """The places worth a close look, looked at once more, with outlines."""
    return tuple(_close_up(slide, box, looked) for box in places(nuclei, looked))


def draw_from_afar(slide: Slide, drawing: Drawing) -> Image.Image:
    """The picture of a result that is counted again: no close-ups, nobody looks anew."""
    overview = read_overview(slide, drawing.seen.settings.tiles)
    return draw_overlay(overview, drawing.result, drawing.layers(), drawing.words)


def draw_without_slide(drawing: Drawing) -> Image.Image:
    """The picture on the tissue map in grey; the picture says so."""
    tally, result = drawing.seen.tally, drawing.result
    step = max(1, -(-max(tally.classes.shape) // GROUND_PX))
    levels = np.full(256, GREYS[TissueClass.BACKGROUND], np.uint8)
    levels[list(GREYS)] = list(GREYS.values())
    grey = levels[tally.classes[::step, ::step]]
    ground = Region(
        box=Box(0, 0, grey.shape[1], grey.shape[0]),
        downsample=tally.grid.downsample * step,
        pixels=np.repeat(grey[..., None], 3, axis=2),
    )
    flags = (*result.quality.flags, WITHOUT_SLIDE)
    told = replace(result, quality=replace(result.quality, flags=flags))
    return draw_overlay(ground, told, drawing.layers(), drawing.words)


def places(nuclei: MarkedNuclei, looked: Looked) -> tuple[Box, ...]:
    """Up to three places worth a close look, work px: where most is positive, counted, left out."""
    if not len(nuclei.centre_px0):
        return ()
    cells = (nuclei.centre_px0 / looked.plan.downsample // CLOSE_UP_PX).astype(np.int64)
    kinds, cell_of = np.unique(cells, axis=0, return_inverse=True)
    positive = nuclei.counted & (nuclei.positive == Positivity.POSITIVE)
    chosen: list[int] = []
    survey = looked.seen.survey
    in_tissue = sampled(survey.tissue, survey.downsample, nuclei.centre_px0)
    for wanted in (positive, nuclei.counted, in_tissue & ~nuclei.counted):
        best = _fullest(cell_of.ravel(), wanted, len(kinds), chosen)
        if best is not None:
            chosen.append(best)
    width, height = CLOSE_UP_PX
    facts, downsample = looked.seen.info.facts, looked.plan.downsample
    slide = Box(
        0, 0, math.ceil(facts.width_px0 / downsample), math.ceil(facts.height_px0 / downsample)
    )
    boxes = (Box(int(x) * width, int(y) * height, width, height) for x, y in kinds[chosen].tolist())
    return tuple(cut for box in boxes if (cut := box.overlap(slide)) is not None)


def _fullest(
    cell_of: NDArray[np.int64], wanted: NDArray[np.bool_], cells: int, taken: list[int]
) -> int | None:
    """The cell with most wanted nuclei that is not taken; None if none has any."""
    number = np.bincount(cell_of[wanted], minlength=cells)
    number[taken] = 0
    best = int(number.argmax())
    return best if number[best] else None


def _close_up(slide: Slide, box: Box, looked: Looked) -> CloseUp:
    plan = looked.plan
    region = slide.read(box.grown(plan.halo_px), downsample=plan.downsample)
    tile = Tile(core=box, region=region, mpp=plan.mpp)
    (seen,) = looked.sight.eyes.see([tile], looked.sight.calibration)
    nuclei = seen.nuclei
    placed = PlacedNuclei(nuclei.centre_px0, nuclei.cell_class, nuclei.positive)
    return CloseUp(
        region=slide.read(box, downsample=plan.downsample),
        nuclei=nuclei,
        counted=set_apart(placed, looked.seen).counted,
    )
