"""The legend of the picture of a result: marks with counts, tissue classes, what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import ImageDraw

from pathology.exchange import ink
from pathology.exchange.overlay_layers import OverlayLayers
from pathology.exchange.overlay_map import (
    OUTLINED,
    TINTS,
    Painted,
    front_colour,
    heat_colours,
)
from pathology.exchange.overlay_marks import calls_of, draw_dot, marks_of
from pathology.exchange.overlay_words import number
from pathology.exchange.regions_geojson import NAMES
from pathology.records.geometry import px_area_to_mm2
from pathology.records.result import SlideResult

SIZE: Final = 16
STEP: Final = 21
COLUMN_WIDTH: Final = 390
TISSUE_WORDS: Final = {
    "TUMOUR": "tumour-like epithelium",
    "STROMA": "stroma",
    "OTHER": "other",
    "NORMAL": "normal",
}


def draw_legend(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    painted: Painted,
    layers: OverlayLayers,
    result: SlideResult,
) -> None:
    """Four columns below the slide: nuclei, tissue, left out, lines."""
    x, y = at
    _nuclei(draw, (x, y), painted, layers, result)
    _tissue(draw, (x + COLUMN_WIDTH, y), painted, layers)
    _left_out(draw, (x + 2 * COLUMN_WIDTH, y), layers, result)
    _lines(draw, (x + 3 * COLUMN_WIDTH, y), painted, layers, result)


def _heading(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str) -> None:
    ink.write(draw, at, text, SIZE, bold=True)


def _row(draw: ImageDraw.ImageDraw, at: tuple[float, float], label: str, value: str) -> None:
    x, y = at
    end = ink.write(draw, (x + 26, y), label, SIZE)
    if value:
        ink.write(draw, (end + 10, y), value, SIZE, colour=ink.QUIET)


def _nuclei(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    painted: Painted,
    layers: OverlayLayers,
    result: SlideResult,
) -> None:
    x, y = at
    nuclei, analysis = layers.nuclei, result.analysis
    calls = calls_of(nuclei.cell_class, nuclei.positive, nuclei.counted, analysis)
    _heading(draw, at, "Nuclei (number)")
    for place, (call, mark) in enumerate(marks_of(analysis).items(), start=1):
        row = y + place * STEP
        draw_dot(draw, (x + 9, row + SIZE * 0.6), mark, 5)
        _row(draw, (x, row), mark.label, f"{int(np.sum(calls == call)):,}")


def _tissue(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], painted: Painted, layers: OverlayLayers
) -> None:
    x, y = at
    _heading(draw, at, "Tissue (area seen)")
    if layers.tissue_map is None:
        ink.write(draw, (x, y + STEP), "not classified", SIZE, colour=ink.QUIET)
        return
    row = y
    for tissue, (colour, opacity) in TINTS.items():
        pixels = int(np.sum(layers.tissue_map.classes == tissue))
        if not pixels:
            continue
        row += STEP
        area = px_area_to_mm2(pixels, layers.tissue_map.mpp)
        if painted.dots:  # with a density the slide itself is grey
            strong = 2 * opacity
            shade = tuple(round(255 * (1 - strong) + c * strong) for c in colour)
            draw.rectangle((x, row + 3, x + 18, row + 16), fill=shade, outline=ink.GREY)
        _row(draw, (x, row), TISSUE_WORDS[tissue.name], f"{number(area)} mm²")


def _left_out(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    layers: OverlayLayers,
    result: SlideResult,
) -> None:
    x, y = at
    _heading(draw, at, "Left out (area)")
    rows = _exclusion_rows(layers, result)
    if not rows:
        ink.write(draw, (x, y + STEP), "nothing", SIZE, colour=ink.QUIET)
    for place, (label, value) in enumerate(rows, start=1):
        row = y + place * STEP
        _hatched(draw, (x, row + 3))
        _row(draw, (x, row), label, value)


def _exclusion_rows(layers: OverlayLayers, result: SlideResult) -> Sequence[tuple[str, str]]:
    words = {kind: name.lower() for kind, (name, _) in NAMES.items()}
    areas = sorted(result.quality.excluded_mm2.items(), key=lambda item: -item[1])
    rows = [
        (words.get(name, name), f"{number(area)} mm²")  # type: ignore[call-overload]
        for name, area in areas
        if area > 0
    ]
    if layers.lost:
        rows.append(("unreadable tiles", f"{len(layers.lost):,}"))
    return rows[:5]


def _hatched(draw: ImageDraw.ImageDraw, at: tuple[float, float]) -> None:
    x, y = at
    draw.rectangle((x, y, x + 18, y + 13), fill=ink.PAPER, outline=ink.DARK)
    for start in (0, 5, 10):
        draw.line((x + start, y + 13, x + start + 8, y), fill=ink.DARK)


def _counted_in(layers: OverlayLayers) -> list[tuple[str, ink.Colour, int]]:
    """Rows for the regions that findings were counted in, as far as there are any."""
    words = {"tumour_bed": "tumour bed", "field": "field", "hotspot": "hot spot"}
    kinds = {r.kind for r in layers.regions}
    rows = [
        (words[kind], colour, width // 2)
        for kind, (colour, width) in OUTLINED.items()
        if kind in kinds
    ]
    for region in (r for r in layers.regions if r.lines):
        colour = front_colour(region)
        words_of = "front, not assessable" if colour == ink.GREY else "invasive front"
        rows.append((words_of, colour, 5))
    return rows


def _lines(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    painted: Painted,
    layers: OverlayLayers,
    result: SlideResult,
) -> None:
    x, y = at
    _heading(draw, at, "Lines" if painted.dots else "Lines and density")
    rows = [("edge of tissue", ink.DARK, 1)]
    if any(r.source == "person" for r in layers.regions):
        rows.append(("region drawn by a person", (0, 0, 0), 4))
    rows += _counted_in(layers)
    if not painted.dots:
        rows.append(("edge of tumour-like epithelium", ink.BLUE, 2))
    for place, (label, colour, width) in enumerate(rows, start=1):
        middle = y + place * STEP + 10
        draw.line((x, middle, x + 18, middle), fill=colour, width=width)
        _row(draw, (x, y + place * STEP), label, "")
    if painted.dots:
        return
    row = y + (len(rows) + 1) * STEP + 4
    colours = heat_colours(np.linspace(0, 1, 120, dtype=np.float32))
    for i, shade in enumerate(colours.astype(int).tolist()):
        draw.line((x + i, row, x + i, row + 12), fill=tuple(shade))
    ink.write(draw, (x + 128, row - 3), f"0 to {number(painted.densest_per_mm2)}", SIZE)
    what = "positive nuclei" if result.analysis == "ki67" else "inflammatory cells"
    ink.write(draw, (x, row + 17), f"counted {what} per mm²", SIZE, colour=ink.QUIET)
