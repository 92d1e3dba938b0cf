"""The slide itself, and pieces of it, with everything that was seen drawn on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from pathology.exchange import ink
from pathology.exchange.overlay_layers import CloseUp, MarkedNuclei, OverlayLayers
from pathology.exchange.overlay_marks import (
    Call,
    calls_of,
    calls_of_outlines,
    draw_dot,
    draw_outline,
    marks_of,
)
from pathology.exchange.overlay_view import FINE, View
from pathology.records.geometry import Box, Mpp, px_area_to_mm2, um_to_px
from pathology.records.prediction import TissueClass
from pathology.records.region import PERSON_EXCLUDES, RegionKind, SlideRegion
from pathology.records.result import Analysis, ShownResult
from pathology.records.slide import Region

FADE: Final = 0.14  # share of white laid over the slide, so that marks stand out
TINTS: Final = {
    TissueClass.TUMOUR: (ink.ORANGE, 0.20),
    TissueClass.STROMA: (ink.SKY, 0.16),
    TissueClass.OTHER: (ink.GREY, 0.30),
    TissueClass.NORMAL: (ink.GREEN, 0.14),
}
Shown: TypeAlias = Literal["density", "dots", "outlines"]
"""How nuclei are shown, from afar to near."""
MOST_DOTS: Final = 6000  # beyond this dots run together and a density says more
DOT_RADIUS_PX: Final = (1.3, 4.5)  # smallest, largest
DOT_RADIUS_UM: Final = 2.5  # at least, within those limits: somewhat less than a nucleus
HEAT_CELL_PX: Final = 5  # edge of a cell of the density, px of the picture
HEAT_BLUR: Final = 1.6  # sigma of its smoothing, cells
HEAT_QUANTILE: Final = 0.995  # of the cells that hold something: the top of the colour scale
HEAT_OPACITY: Final = 0.85
HEAT_RISE: Final = 4  # a quarter of the top is opaque; less shows the tissue through
SHOWN_EXCLUSIONS: Final = (
    "out_of_focus",
    "pen",
    "bubble",
    "fold",
    "control_tissue",
    "unreadable",
    *PERSON_EXCLUDES,
)
OUTLINED: Final[Mapping[RegionKind, tuple[ink.Colour, int]]] = {
    "tumour_bed": (ink.PURPLE, 4),
    "field": (ink.DARK, 6),
    "hotspot": (ink.VERMILION, 10),
}
"""Colour and width, on the larger canvas, of where findings were counted."""
ASKED: Final[tuple[ink.Colour, int]] = (ink.DARK, 6)
FRONT_WIDTH: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Painted:
    """A finished picture and what its legend needs."""

    image: Image.Image
    view: View
    shown: Shown
    densest_per_mm2: float  # top of the density's colour scale; 0 where none is shown


def shown_by_number(nuclei: MarkedNuclei) -> Shown:
    """Dots, or a density where there are too many of them."""
    return "dots" if len(nuclei.centre_px0) <= MOST_DOTS else "density"


def paint_slide(
    view: View, overview: Region, layers: OverlayLayers, result: ShownResult, shown: Shown
) -> Painted:
    """The slide in ``view`` with tissue classes, left-out areas, nuclei and a person's region.

    ``overview`` shows what ``view`` shows. Outlines are those of the layers' close-ups.
    """
    fine, analysis = view.finer(), result.analysis
    calls = calls_of(
        layers.nuclei.cell_class, layers.nuclei.positive, layers.nuclei.counted, analysis
    )
    canvas, classes, top = _ground(overview, fine, shown), _classes(fine, layers), 0.0
    if shown == "density":
        heated_px0 = layers.nuclei.centre_px0[calls == heated(analysis)]
        cell_mm2 = px_area_to_mm2((HEAT_CELL_PX * view.downsample) ** 2, result.mpp)
        top = _heat(canvas, fine.points(heated_px0)) / cell_mm2
        _stroke(canvas, classes == TissueClass.TUMOUR, ink.BLUE, width=3)
    else:
        _tint(canvas, classes, strength=0.5 if shown == "outlines" else 1)
    _outline_regions(canvas, fine, layers.regions)
    if (asked := layers.asked) is not None and needs_line(asked):
        _cased(canvas, fine.mask(asked.polygons), *ASKED)
    image = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    if shown == "dots":
        points = fine.points(layers.nuclei.centre_px0)
        _dots(draw, points, calls, analysis, _radius(fine, calls, result.mpp))
    if shown == "outlines":
        for close_up in layers.close_ups:
            _outlines(draw, fine, close_up, analysis)
    _draw_front(draw, fine, layers.regions)
    for box in (t.box_px0 for t in layers.lost):
        _crossed_out(draw, fine, box)
    return Painted(image=image.reduce(FINE), view=view, shown=shown, densest_per_mm2=top)


def _ground(overview: Region, view: View, shown: Shown) -> NDArray[np.float32]:
    """The slide, paler the less its own detail matters."""
    canvas = _pixels(overview, view)
    if shown == "density":  # it needs a quiet ground: grey, and tumour by its edge alone
        canvas = np.repeat(canvas.mean(axis=-1, keepdims=True), 3, axis=-1)
    if shown == "outlines":  # near to, the nuclei themselves are looked at
        return canvas
    return canvas * (1 - FADE) + 255 * FADE


def _outline_regions(
    canvas: NDArray[np.float32], view: View, regions: Sequence[SlideRegion]
) -> None:
    """The edge of the tissue, left-out areas hatched, and on top what a person drew."""
    for region in sorted(regions, key=lambda r: r.source == "person"):
        if region.source == "person":
            mask = view.mask(region.polygons)
            _stroke(canvas, mask, ink.PAPER, width=14)
            _stroke(canvas, mask, (0, 0, 0), width=7)
        elif region.kind == "tissue":
            _stroke(canvas, view.mask(region.polygons), ink.DARK, width=2)
        elif region.kind in OUTLINED:
            _cased(canvas, view.mask(region.polygons), *OUTLINED[region.kind])
        elif region.kind in SHOWN_EXCLUSIONS:
            _hatch(canvas, view.mask(region.polygons))


def needs_line(region: SlideRegion) -> bool:
    """Whether a region has no line of its own: one is drawn where it is asked for by name."""
    known = ("tissue", *OUTLINED, *SHOWN_EXCLUSIONS)
    return bool(region.polygons) and region.source != "person" and region.kind not in known


def _cased(
    canvas: NDArray[np.float32], mask: NDArray[np.bool_], colour: ink.Colour, width: int
) -> None:
    """The edge of a mask in colour, between two white lines."""
    _stroke(canvas, mask, ink.PAPER, width=width + 4)
    _stroke(canvas, mask, colour, width=width)


def front_colour(region: SlideRegion) -> ink.Colour:
    """The front is orange; what of it cannot be assessed is grey."""
    return ink.GREY if region.region_id.endswith("not-assessable") else ink.ORANGE


def _draw_front(draw: ImageDraw.ImageDraw, view: View, regions: Sequence[SlideRegion]) -> None:
    for region in regions:
        for line in region.lines:
            points = [(float(x), float(y)) for x, y in view.points(line.points_px0)]
            draw.line(points, fill=ink.PAPER, width=FRONT_WIDTH + 4, joint="curve")
            draw.line(points, fill=front_colour(region), width=FRONT_WIDTH, joint="curve")


def paint_close_up(view: View, close_up: CloseUp, analysis: Analysis) -> Image.Image:
    """A piece of the slide with the outline of every nucleus in the colour of its call."""
    fine = view.finer()
    image = Image.fromarray(_pixels(close_up.region, fine).astype(np.uint8))
    _outlines(ImageDraw.Draw(image), fine, close_up, analysis)
    return image.reduce(FINE)


def _outlines(draw: ImageDraw.ImageDraw, view: View, close_up: CloseUp, analysis: Analysis) -> None:
    nuclei, marks = close_up.nuclei, marks_of(analysis)
    calls = calls_of_outlines(nuclei, close_up.counted, analysis)
    for i in np.argsort(calls, kind="stable").tolist():
        outline = nuclei.outline_px0[nuclei.outline_start[i] : nuclei.outline_start[i + 1]]
        if len(outline) > 2 and calls[i] in marks:
            mark = marks[Call(calls[i])]
            draw_outline(draw, view.points(outline), mark, counted=bool(close_up.counted[i]))


def _pixels(region: Region, view: View) -> NDArray[np.float32]:
    image = Image.fromarray(region.pixels).resize(
        (view.width, view.height), Image.Resampling.BICUBIC
    )
    return np.asarray(image, np.float32).copy()


def _classes(view: View, layers: OverlayLayers) -> NDArray[np.uint8]:
    """Tissue classes (height, width) under the canvas; background where none is known."""
    found = layers.tissue_map
    if found is None:
        return np.full((view.height, view.width), TissueClass.BACKGROUND, np.uint8)
    rows = ((np.arange(view.height) + 0.5) * view.downsample + view.y_px0) / found.downsample
    columns = ((np.arange(view.width) + 0.5) * view.downsample + view.x_px0) / found.downsample
    height, width = found.classes.shape
    row, column = np.floor(rows).astype(int), np.floor(columns).astype(int)
    classes = found.classes[np.ix_(row.clip(0, height - 1), column.clip(0, width - 1))].copy()
    classes[(row < 0) | (row >= height)] = TissueClass.BACKGROUND
    classes[:, (column < 0) | (column >= width)] = TissueClass.BACKGROUND
    return classes


def _tint(canvas: NDArray[np.float32], classes: NDArray[np.uint8], *, strength: float) -> None:
    for tissue, (colour, full) in TINTS.items():
        where, opacity = classes == tissue, full * strength
        canvas[where] = canvas[where] * (1 - opacity) + np.asarray(colour, np.float32) * opacity


def _stroke(
    canvas: NDArray[np.float32], mask: NDArray[np.bool_], colour: ink.Colour, *, width: int
) -> None:
    edge = ndimage.binary_dilation(mask, iterations=width // 2)
    edge &= ~ndimage.binary_erosion(mask, iterations=width - width // 2, border_value=1)
    canvas[edge] = colour


def _hatch(canvas: NDArray[np.float32], mask: NDArray[np.bool_]) -> None:
    row, column = np.ogrid[: mask.shape[0], : mask.shape[1]]
    canvas[mask] = canvas[mask] * 0.65 + 255 * 0.35
    lines = mask & ((row + column) % 16 < 3)
    canvas[lines] = canvas[lines] * 0.25 + np.asarray(ink.DARK, np.float32) * 0.75
    _stroke(canvas, mask, ink.DARK, width=2)


def _radius(view: View, calls: NDArray[np.uint8], mpp: Mpp) -> float:
    """Radius of dots, canvas px: the fewer, the larger."""
    least = um_to_px(DOT_RADIUS_UM, mpp) / view.downsample
    smallest, largest = DOT_RADIUS_PX
    spacing = np.sqrt(view.width * view.height / max(1, len(calls)))
    return float(np.clip(max(0.11 * spacing, least), smallest * FINE, largest * FINE))


def _dots(
    draw: ImageDraw.ImageDraw,
    points: NDArray[np.float64],
    calls: NDArray[np.uint8],
    analysis: Analysis,
    radius: float,
) -> None:
    marks = marks_of(analysis)
    for i in np.argsort(calls, kind="stable").tolist():
        if calls[i] in marks:
            draw_dot(draw, (points[i, 0], points[i, 1]), marks[Call(calls[i])], radius)


def heated(analysis: Analysis) -> Call:
    """The call whose density is shown where nuclei are too many for dots."""
    return Call.POSITIVE if analysis == "ki67" else Call.LYMPHOCYTE


def _heat(canvas: NDArray[np.float32], points: NDArray[np.float64]) -> float:
    """Lay the density of ``points`` on the canvas; the top of its scale, nuclei per cell."""
    height, width, _ = canvas.shape
    cell = HEAT_CELL_PX * FINE
    edges = np.arange(0, height + cell, cell), np.arange(0, width + cell, cell)
    number, *_ = np.histogram2d(points[:, 1], points[:, 0], bins=edges)
    density = ndimage.gaussian_filter(number, HEAT_BLUR)
    some = density[density > 0]
    if not len(some):
        return 0.0
    top = float(np.quantile(some, HEAT_QUANTILE))
    size = (density.shape[1] * cell, density.shape[0] * cell)
    small = Image.fromarray(np.clip(density / top, 0, 1).astype(np.float32))
    share = np.asarray(small.resize(size, Image.Resampling.BILINEAR))[:height, :width]
    opacity = (HEAT_OPACITY * np.clip(HEAT_RISE * share, 0, 1))[..., None]
    canvas *= 1 - opacity
    canvas += opacity * heat_colours(share)
    return top


def heat_colours(share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pale yellow to dark red (..., 3); dark means many, also in grey."""
    stops = np.array([(255, 244, 190), (253, 187, 90), (227, 74, 51), (110, 0, 30)], np.float32)
    at = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(share, at, stops[:, c]) for c in range(3)], -1).astype(np.float32)


def _crossed_out(draw: ImageDraw.ImageDraw, view: View, box: Box) -> None:
    corners = view.points(np.array([[box.x, box.y], [box.right, box.bottom]]))
    (left, top), (right, bottom) = corners.tolist()
    draw.rectangle((left, top, right, bottom), outline=(0, 0, 0), width=FINE * 2, fill=ink.SHADE)
    draw.line((left, top, right, bottom), fill=(0, 0, 0), width=FINE)
    draw.line((left, bottom, right, top), fill=(0, 0, 0), width=FINE)
