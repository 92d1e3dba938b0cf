"""``overlay.png``: one picture that shows a person what was measured and what was left out.

A heading says the result, what speaks against it and where the scale comes from; below it the slide
with everything that was seen, close-ups with the outline of every nucleus, and a legend.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw

from pathology.exchange import ink
from pathology.exchange.overlay_heading import Heading, Sheet
from pathology.exchange.overlay_layers import CloseUp, OverlayLayers
from pathology.exchange.overlay_legend import Legend
from pathology.exchange.overlay_map import paint_close_up, paint_slide, shown_by_number
from pathology.exchange.overlay_tags import LETTERS, Tags
from pathology.exchange.overlay_view import View
from pathology.exchange.overlay_words import PictureWords, finding_line
from pathology.exchange.whole_file import write_whole
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
MOST_CLOSE_UPS: Final = len(LETTERS)
LETTER_SIZE: Final = 18  # of a close-up


def save_picture(path: Path, picture: Image.Image, *, dots_per_inch: int = 96) -> None:
    """The picture as PNG; raises OutputError when it cannot be written."""
    data = io.BytesIO()
    picture.save(data, format="PNG", optimize=False, dpi=(dots_per_inch, dots_per_inch))
    write_whole(path, data.getvalue())


def draw_overlay(
    overview: Region, result: SlideResult, layers: OverlayLayers, words: PictureWords
) -> Image.Image:
    """The picture, 1600 px wide, RGB, in the language of ``words``.

    ``overview`` shows the whole slide, or the part of it that matters, at any scale.
    """
    sheet = Sheet(width=WIDTH, edge=EDGE)
    heading = _heading(sheet, result, words)
    top = EDGE + heading.height + 6
    picture = Image.new("RGB", (WIDTH, top + BODY_HEIGHT + LEGEND_HEIGHT + 2 * GAP), ink.PAPER)
    draw = ImageDraw.Draw(picture)
    heading.draw(draw, EDGE)
    close_ups = layers.close_ups[:MOST_CLOSE_UPS]
    room, view = _room(overview, beside=bool(close_ups))
    painted = paint_slide(view, overview, layers, result, shown_by_number(layers.nuclei))
    draw.rectangle((EDGE, top, EDGE + room - 1, top + BODY_HEIGHT - 1), fill=ink.SHADE)
    corner = EDGE + (room - view.width) // 2, top + (BODY_HEIGHT - view.height) // 2
    picture.paste(painted.image, corner)
    tags = Tags(draw=draw, view=view, corner=corner, words=words)
    tags.regions(layers.regions)
    tags.frames(close_ups)
    tags.scale_bar(result.mpp)
    _close_ups(picture, close_ups, result, words, (EDGE + room + GAP, top))
    legend = Legend(sheet=sheet, words=words, result=result, layers=layers, painted=painted)
    legend.draw(draw, top + BODY_HEIGHT + GAP)
    return picture


def _heading(sheet: Sheet, result: SlideResult, words: PictureWords) -> Heading:
    return Heading(
        sheet=sheet,
        words=words,
        result=result,
        place=words.label("slide", slide_id=result.slide_id),
        aside=f"{result.software}   |   {words.label('not-for-diagnosis')}",
        lines=[finding_line(f, words) for f in result.findings],
    )


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


def _close_ups(
    picture: Image.Image,
    close_ups: Sequence[CloseUp],
    result: SlideResult,
    words: PictureWords,
    at: tuple[int, int],
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
        tags = Tags(draw=draw, view=view, corner=corner, words=words)
        tags.scale_bar(result.mpp)
        tags.write((16, 16), letter, size=LETTER_SIZE)


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
