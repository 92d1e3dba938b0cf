"""One picture of a slide or of a region of it, for a paper or a talk.

The draft's banner, the findings, the slide with what was seen on it, a scale bar and a legend. How
nuclei are shown follows from how large they come out: a density from afar, dots, their outlines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from pathology.exchange import ink
from pathology.exchange.overlay_heading import Heading, Sheet
from pathology.exchange.overlay_layers import OverlayLayers
from pathology.exchange.overlay_legend import Legend
from pathology.exchange.overlay_map import Shown, paint_slide
from pathology.exchange.overlay_tags import SIZE, Tags
from pathology.exchange.overlay_view import View
from pathology.exchange.overlay_words import PictureWords, finding_line
from pathology.records.finding import Finding
from pathology.records.geometry import Box, px_to_um
from pathology.records.region import SlideRegion
from pathology.records.result import StoredResult
from pathology.records.slide import Region

DOTS_PER_INCH: Final = 300
WIDTH: Final = 2160  # px: 183 mm at 300 dots per inch, the full width of a journal's page
TALLEST: Final = 1700  # px, of the slide in it
EDGE: Final = 24
GAP: Final = 20
BANNER_HEIGHT: Final = 52
SHEET: Final = Sheet(width=WIDTH, edge=EDGE, zoom=1.5)  # letters of 6 points at 300 per inch
MARGIN: Final = 0.2  # around a region, of its longer side
OUTLINES_TO_UM_PER_PX: Final = 0.5
"""Outlines up to here: a nucleus of 8 µm is 16 px across, four times the width of its line and
casing. Coarser, the line would cover the nucleus that it stands for."""
DOTS_TO_UM_PER_PX: Final = 2.0
"""Dots up to here: nuclei 10 µm apart are 5 px apart, which leaves room for a dot and its rim.
Coarser, dots run together, and how dark a place is would tell how they overlap."""


def shown_at(um_per_px: float) -> Shown:
    """How nuclei are shown where a pixel of the picture is ``um_per_px`` wide."""
    if um_per_px <= OUTLINES_TO_UM_PER_PX:
        return "outlines"
    return "dots" if um_per_px <= DOTS_TO_UM_PER_PX else "density"


def figure_box(region: SlideRegion | None, extent_px0: tuple[int, int]) -> Box:
    """The part of the slide that is shown, level-0 px: a region with its margin, or all of it."""
    slide = Box(0, 0, *extent_px0)
    if region is None:
        return slide
    (left, top), (right, bottom) = bounds_px0(region)
    margin = MARGIN * max(right - left, bottom - top)
    x, y = math.floor(left - margin), math.floor(top - margin)
    wide = Box(x, y, math.ceil(right + margin) - x, math.ceil(bottom + margin) - y)
    return wide.overlap(slide) or slide


def bounds_px0(region: SlideRegion) -> tuple[tuple[float, float], tuple[float, float]]:
    """Upper left and lower right corner of a region, level-0 px."""
    parts = [p.outer.points_px0 for p in region.polygons]
    points = np.concatenate([*parts, *(line.points_px0 for line in region.lines)])
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return (left, top), (right, bottom)


def figure_downsample(box_px0: Box) -> float:
    """Level-0 px per picture px for ``box_px0``, never below 1: the scale the slide is read at."""
    return max(1.0, box_px0.width / SHEET.room, box_px0.height / TALLEST)


def figure_view(region: Region) -> View:
    """``region`` as large as the picture has room for."""
    return View.of(region, SHEET.room, TALLEST)


def draw_figure(
    region: Region, result: StoredResult, layers: OverlayLayers, words: PictureWords
) -> Image.Image:
    """The figure, 2160 px wide, RGB, in the language of ``words``.

    ``region`` is what the layers' box shows; for outlines they hold one close-up, of all of it.
    """
    view = figure_view(region)
    shown = figure_shown(region, result)
    if shown == "density" and not len(layers.nuclei.centre_px0):
        shown = "dots"  # no nuclei: colours of the slide and its tissue say more than grey
    painted = paint_slide(view, region, layers, result, shown)
    heading = _heading(result, layers.asked, words)
    legend = Legend(sheet=SHEET, words=words, result=result, layers=layers, painted=painted)
    top = EDGE + BANNER_HEIGHT + GAP + heading.height + GAP
    height = top + view.height + GAP + legend.height
    picture = Image.new("RGB", (WIDTH, height), ink.PAPER)
    draw = ImageDraw.Draw(picture)
    _draw_banner(draw, words.label("banner"))
    heading.draw(draw, EDGE + BANNER_HEIGHT + GAP)
    corner = EDGE + (SHEET.room - view.width) // 2, top
    picture.paste(painted.image, corner)
    tags = Tags(draw=draw, view=view, corner=corner, words=words, size=SHEET.px(SIZE))
    tags.regions(layers.regions)
    tags.scale_bar(result.mpp)
    legend.draw(draw, top + view.height + GAP)
    return picture


def figure_shown(region: Region, result: StoredResult) -> Shown:
    """How nuclei are shown on the figure of ``region``."""
    return shown_at(px_to_um(figure_view(region).downsample, result.mpp))


def _heading(result: StoredResult, asked: SlideRegion | None, words: PictureWords) -> Heading:
    place = words.label("slide", slide_id=result.slide_id)
    if asked is not None:
        place += "   |   " + words.label("region", region_id=asked.region_id)
    return Heading(
        sheet=SHEET,
        words=words,
        result=result,
        place=place,
        aside=result.software,
        lines=[finding_line(f, words) for f in _findings_first_of(result.findings, asked)],
    )


def _findings_first_of(findings: Sequence[Finding], asked: SlideRegion | None) -> Sequence[Finding]:
    """Those that were counted in the region asked for come first."""
    if asked is None:
        return findings
    return sorted(findings, key=lambda finding: asked.region_id not in finding.regions)


def _draw_banner(draw: ImageDraw.ImageDraw, text: str) -> None:
    size = SHEET.px(18)
    ground = (EDGE, EDGE, WIDTH - EDGE, EDGE + BANNER_HEIGHT)
    draw.rounded_rectangle(ground, 8, fill=ink.WARNING_PAPER, outline=ink.WARNING, width=2)
    left = (WIDTH - ink.text_width(text, size)) / 2
    at = left, EDGE + (BANNER_HEIGHT - size * 1.3) / 2
    ink.write(draw, at, text, size, colour=ink.WARNING, bold=True)
