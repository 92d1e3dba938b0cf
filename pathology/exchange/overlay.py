"""``overlay.png``: one picture that shows a person what was measured and what was left out.

A banner says the result, what speaks against it and where the scale comes from; below it the slide
with everything that was seen, close-ups with the outline of every nucleus, and a legend.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from pathology.exchange import ink
from pathology.exchange.overlay_layers import CloseUp, OverlayLayers
from pathology.exchange.overlay_legend import draw_legend
from pathology.exchange.overlay_map import (
    SHOWN_EXCLUSIONS,
    View,
    label_point,
    paint_close_up,
    paint_slide,
)
from pathology.exchange.overlay_words import (
    NOT_FOR_DIAGNOSIS,
    Line,
    facts_of,
    finding_line,
    title_of,
    warnings_of,
)
from pathology.exchange.regions_geojson import NAMES
from pathology.exchange.whole_file import write_whole
from pathology.records.geometry import px_to_um, um_to_px
from pathology.records.region import SlideRegion
from pathology.records.result import SlideResult
from pathology.records.slide import Region

WIDTH: Final = 1600
EDGE: Final = 20  # white border
GAP: Final = 14
BODY_HEIGHT: Final = 700  # of the slide and the column of close-ups
SIDE_WIDTH: Final = 440  # of the close-ups, at least
WIDEST_SIDE: Final = 700  # and at most, where the slide is narrow
ROOM_FOR_LARGE: Final = 600  # from here one close-up is large
LEGEND_HEIGHT: Final = 190
MOST_FINDINGS: Final = 5
MOST_CLOSE_UPS: Final = 3
LETTERS: Final = "ABC"
PILL_SIZE: Final = 17
HEADLINE_SIZE: Final = 36
DETAIL_SIZE: Final = 20  # of the words beside the headline
HEADLINE_ROWS: Final = 3
FINDING_HEIGHT: Final = 28  # of a finding that is not the headline


def save_overlay(path: Path, picture: Image.Image) -> None:
    """The picture as PNG; raises OutputError when it cannot be written."""
    data = io.BytesIO()
    picture.save(data, format="PNG", optimize=False)
    write_whole(path, data.getvalue())


def draw_overlay(overview: Region, result: SlideResult, layers: OverlayLayers) -> Image.Image:
    """The picture, 1600 px wide, RGB.

    ``overview`` shows the whole slide, or the part of it that matters, at any scale.
    """
    lines = [finding_line(f) for f in result.findings[:MOST_FINDINGS]]
    pills = _pill_rows(warnings_of(result))
    banner = _banner_height(lines, len(pills))
    height = banner + BODY_HEIGHT + LEGEND_HEIGHT + 2 * GAP
    picture = Image.new("RGB", (WIDTH, height), ink.PAPER)
    draw = ImageDraw.Draw(picture)
    _banner(draw, result, lines, pills)
    close_ups = layers.close_ups[:MOST_CLOSE_UPS]
    room, view = _room(overview, beside=bool(close_ups))
    painted = paint_slide(view, overview, layers, result)
    draw.rectangle((EDGE, banner, EDGE + room - 1, banner + BODY_HEIGHT - 1), fill=ink.SHADE)
    corner = EDGE + (room - view.width) // 2, banner + (BODY_HEIGHT - view.height) // 2
    picture.paste(painted.image, corner)
    _names(draw, layers, view, corner)
    _frames_of_close_ups(draw, close_ups, view, corner)
    _scale_bar(draw, _Frame(*corner, view.width, view.height), view.downsample, result.info.mpp)
    _close_ups(picture, close_ups, result, (EDGE + room + GAP, banner))
    legend = (EDGE, banner + BODY_HEIGHT + GAP)
    draw_legend(draw, legend, painted, layers, result)
    return picture


@dataclass(frozen=True, slots=True)
class _Frame:
    x: int
    y: int
    width: int
    height: int


def _room(overview: Region, *, beside: bool) -> tuple[int, View]:
    """Width kept for the slide, and the slide in it; what it leaves goes to the close-ups."""
    whole = WIDTH - 2 * EDGE
    if not beside:
        return whole, View.of(overview, whole, BODY_HEIGHT)
    view = View.of(overview, whole - GAP - SIDE_WIDTH, BODY_HEIGHT)
    return whole - GAP - min(WIDEST_SIDE, whole - GAP - view.width), view


def _banner_height(lines: Sequence[Line], pill_rows: int) -> int:
    findings = _headline_height(lines[0]) + FINDING_HEIGHT * (len(lines) - 1)
    return EDGE + 30 + findings + 34 * pill_rows + 32 + 6


def _pill_rows(texts: Sequence[str]) -> list[list[str]]:
    """Warnings in as many rows as they need."""
    rows: list[list[str]] = []
    room = 0.0
    for text in (ink.shortened(t, PILL_SIZE, WIDTH - 2 * EDGE - 24) for t in texts):
        need = ink.text_width(text, PILL_SIZE) + 34
        if not rows or need > room:
            rows.append([])
            room = WIDTH - 2 * EDGE
        rows[-1].append(text)
        room -= need
    return rows


def _banner(
    draw: ImageDraw.ImageDraw, result: SlideResult, lines: Sequence[Line], pills: list[list[str]]
) -> None:
    y = EDGE
    version = f"{result.provenance.software}   |   {NOT_FOR_DIAGNOSIS}"
    left = WIDTH - EDGE - ink.text_width(version, 16)
    room = left - EDGE - ink.text_width(title_of(result), 20) - 60
    x = ink.write(draw, (EDGE, y), title_of(result), 20, bold=True)
    slide = ink.shortened(f"slide {result.info.slide_id}", 16, room)
    ink.write(draw, (x + 24, y + 3), slide, 16, colour=ink.QUIET)
    ink.write(draw, (left, y + 3), version, 16, colour=ink.QUIET)
    y += 30
    for number, line in enumerate(lines):
        y += _finding(draw, line, y, large=number == 0)
    for row in pills:
        x = EDGE
        for text in row:
            x = _pill(draw, (x, y), text) + 10
        y += 34
    ink.write(draw, (EDGE, y + 4), ink.shortened(facts_of(result), 17, WIDTH - 2 * EDGE), 17)


def _finding(draw: ImageDraw.ImageDraw, line: Line, y: float, *, large: bool) -> int:
    colour = ink.WARNING if line.refused else ink.TEXT
    if large:
        x = ink.write(draw, (EDGE, y), line.value, HEADLINE_SIZE, colour=colour, bold=True) + 16
        rows = _headline_rows(line)
        for number, row in enumerate(rows):
            ink.write(draw, (x, y + 14 + 26 * number), row, DETAIL_SIZE, colour=colour)
        return _headline_height(line)
    x = ink.write(draw, (EDGE, y), f"{line.name}:", 19, colour=ink.QUIET) + 10
    x = ink.write(draw, (x, y), line.value, 19, colour=colour, bold=True) + 16
    detail = ink.shortened(line.detail, 17, WIDTH - EDGE - x)
    ink.write(draw, (x, y + 2), detail, 17, colour=colour)
    return FINDING_HEIGHT


def _headline_rows(line: Line) -> list[str]:
    """Name and detail beside the headline's number; a reason may need a second and third row."""
    text = f"{line.name}:  {line.detail}" if line.detail else line.name
    room = WIDTH - 2 * EDGE - 16 - ink.text_width(line.value, HEADLINE_SIZE)
    return ink.wrapped(text, DETAIL_SIZE, room, HEADLINE_ROWS)


def _headline_height(line: Line) -> int:
    return 50 + 26 * (len(_headline_rows(line)) - 1)


def _pill(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str) -> float:
    x, y = at
    right = x + ink.text_width(text, PILL_SIZE) + 24
    draw.rounded_rectangle((x, y, right, y + 28), 6, fill=ink.WARNING_PAPER)
    draw.rectangle((x, y + 4, x + 3, y + 24), fill=ink.WARNING)
    ink.write(draw, (x + 12, y + 4), text, PILL_SIZE, colour=ink.WARNING)
    return right


def _tag(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int) -> None:
    """Words on a white ground, their middle at ``at``."""
    width = ink.text_width(text, size)
    x, y = at[0] - width / 2, at[1] - size * 0.65
    ground = (x - 6, y - 3, x + width + 6, y + size * 1.3 + 2)
    draw.rounded_rectangle(ground, 4, fill=ink.PAPER, outline=ink.RULE)
    ink.write(draw, (x, y), text, size)


def _names(
    draw: ImageDraw.ImageDraw, layers: OverlayLayers, view: View, corner: tuple[int, int]
) -> None:
    """The name of every left-out area and of a person's region, kept inside the slide."""
    for region in layers.regions:
        text = _name_of(region)
        if text is None:
            continue
        x, y = label_point(region, view)
        half = ink.text_width(text, 15) / 2 + 8
        x = float(np.clip(x, half, max(half, view.width - half)))
        y = float(np.clip(y, 14, max(14, view.height - 14)))
        _tag(draw, (corner[0] + x, corner[1] + y), text, 15)


def _name_of(region: SlideRegion) -> str | None:
    """What is written beside a region; None for those that the legend explains."""
    if region.kind in ("field", "hotspot"):
        return region.region_id.replace("-", " ")
    if region.kind in SHOWN_EXCLUSIONS:
        return NAMES[region.kind][0].lower()
    return "region drawn by a person" if region.source == "person" else None


def _frames_of_close_ups(
    draw: ImageDraw.ImageDraw,
    close_ups: Sequence[CloseUp],
    view: View,
    corner: tuple[int, int],
) -> None:
    for letter, close_up in zip(LETTERS, close_ups, strict=False):
        region = close_up.region
        box = np.array([[region.box.x, region.box.y], [region.box.right, region.box.bottom]])
        (left, top), (right, bottom) = view.points(box * region.downsample) + corner
        draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=ink.PAPER, width=4)
        draw.rectangle((left, top, right, bottom), outline=(0, 0, 0), width=2)
        _tag(draw, (left + 12, top + 12), letter, 15)


def _scale_bar(draw: ImageDraw.ImageDraw, frame: _Frame, downsample: float, mpp: float) -> None:
    """A bar of round length in the frame's lower right corner."""
    length_um = round_length(px_to_um(frame.width * downsample, mpp) / 4.5)
    length = um_to_px(length_um, mpp) / downsample
    text = f"{length_um / 1000:g} mm" if length_um >= 1000 else f"{length_um:g} µm"
    width = max(length, ink.text_width(text, 15))
    right, bottom = frame.x + frame.width - 16, frame.y + frame.height - 14
    ground = (right - width - 10, bottom - 30, right + 10, bottom + 8)
    draw.rounded_rectangle(ground, 4, fill=ink.PAPER)
    middle = right - width / 2
    draw.rectangle(
        (middle - length / 2, bottom - 3, middle + length / 2, bottom + 1), fill=ink.TEXT
    )
    ink.write(draw, (middle - ink.text_width(text, 15) / 2, bottom - 25), text, 15)


def round_length(most: float) -> float:
    """The longest of 1, 2 and 5 times a power of ten that is not above ``most`` (> 0)."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(step * power for step in (1, 2, 5) if step * power <= most * (1 + 1e-9))


def _close_ups(
    picture: Image.Image, close_ups: Sequence[CloseUp], result: SlideResult, at: tuple[int, int]
) -> None:
    draw = ImageDraw.Draw(picture)
    frames = _frames(len(close_ups), at)
    for letter, close_up, frame in zip(LETTERS, close_ups, frames, strict=False):
        ends = (frame.x, frame.y, frame.x + frame.width - 1, frame.y + frame.height - 1)
        draw.rectangle(ends, fill=ink.SHADE)
        view = View.of(close_up.region, frame.width, frame.height)
        image = paint_close_up(view, close_up, result.analysis)
        corner = (
            frame.x + (frame.width - view.width) // 2,
            frame.y + (frame.height - view.height) // 2,
        )
        picture.paste(image, corner)
        shown = _Frame(*corner, view.width, view.height)
        _scale_bar(draw, shown, view.downsample, result.info.mpp)
        _tag(draw, (corner[0] + 16, corner[1] + 16), letter, 18)


def _frames(count: int, at: tuple[int, int]) -> list[_Frame]:
    """Places of the close-ups: one above the other, or two small ones under a large one."""
    x, y = at
    width = WIDTH - EDGE - x
    if count == MOST_CLOSE_UPS and width >= ROOM_FOR_LARGE:
        large = round((BODY_HEIGHT - GAP) * 2 / 3)
        small, half = BODY_HEIGHT - GAP - large, (width - GAP) // 2
        below = y + large + GAP
        return [
            _Frame(x, y, width, large),
            _Frame(x, below, half, small),
            _Frame(x + width - half, below, half, small),
        ]
    height = (BODY_HEIGHT - GAP * (count - 1)) // max(count, 1)
    return [_Frame(x, y + i * (height + GAP), width, height) for i in range(count)]
