"""Colours, letters and lines of the picture of a result.

Colours are those of Okabe and Ito (2008), told apart with any colour vision; positive and negative
nuclei differ in shape as well. The letters come with Pillow, so a result looks the same on every
machine; they hold no Greek and no Chinese.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final, TypeAlias

from PIL import ImageDraw, ImageFont

Colour: TypeAlias = tuple[int, int, int]

PAPER: Final[Colour] = (255, 255, 255)
SHADE: Final[Colour] = (243, 244, 246)
TEXT: Final[Colour] = (28, 32, 38)
QUIET: Final[Colour] = (98, 104, 114)
RULE: Final[Colour] = (208, 212, 218)
WARNING: Final[Colour] = (158, 55, 0)
WARNING_PAPER: Final[Colour] = (255, 240, 222)
VERMILION: Final[Colour] = (213, 62, 0)
BLUE: Final[Colour] = (0, 92, 190)
YELLOW: Final[Colour] = (240, 228, 66)
GREEN: Final[Colour] = (0, 158, 115)
ORANGE: Final[Colour] = (230, 159, 0)
SKY: Final[Colour] = (86, 180, 233)
PURPLE: Final[Colour] = (162, 60, 130)
GREY: Final[Colour] = (120, 124, 130)
DARK: Final[Colour] = (45, 48, 54)

REPLACED: Final = str.maketrans(
    {"–": "-", "—": "-", "×": "x", "≥": ">=", "≤": "<=", "μ": "µ", "’": "'", "\u00a0": " "}
)
UNKNOWN_LETTERS: Final = re.compile(r"[^\x20-\x7eµ²]+")
DRAWN_BY_HAND: Final = re.compile(r"([µ²])")
BOLD_PER_SIZE: Final = 0.022  # width of the stroke that thickens letters


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType: its letters cannot be scaled")
    return font


def legible(text: str) -> str:
    """``text`` in letters that can be drawn; runs of others become "...", never a wrong letter."""
    return UNKNOWN_LETTERS.sub("...", text.translate(REPLACED))


def text_width(text: str, size: int) -> float:
    """Width of one line in px."""
    return sum(_run_width(run, size) for run in DRAWN_BY_HAND.split(legible(text)))


def _run_width(run: str, size: int) -> float:
    if run == "²":
        return _font(_small(size)).getlength("2")
    return _font(size).getlength("u" if run == "µ" else run)


def _small(size: int) -> int:
    return max(8, round(size * 0.62))


def write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    size: int,
    *,
    colour: Colour = TEXT,
    bold: bool = False,
) -> float:
    """Write one line with its upper left corner at ``at``; returns the x where it ends."""
    x, y = at
    stroke = size * BOLD_PER_SIZE if bold else 0
    pen: dict[str, Any] = {"fill": colour, "stroke_width": stroke, "stroke_fill": colour}
    for run in DRAWN_BY_HAND.split(legible(text)):
        if run == "²":
            draw.text((x, y - size * 0.08), "2", font=_font(_small(size)), **pen)
        elif run == "µ":
            draw.text((x, y), "u", font=_font(size), **pen)
            left = x + size * 0.105
            foot = (left, y + size * 0.6, left, y + size * 1.12)
            draw.line(foot, fill=colour, width=max(1, round(size * 0.085)))
        else:
            draw.text((x, y), run, font=_font(size), **pen)
        x += _run_width(run, size)
    return x


def wrapped(text: str, size: int, width: float, lines: int) -> list[str]:
    """``text`` in at most ``lines`` lines of ``width`` px; what does not fit ends in "..."."""
    rows: list[str] = []
    for word in legible(text).split():
        if rows and text_width(f"{rows[-1]} {word}", size) <= width:
            rows[-1] = f"{rows[-1]} {word}"
        else:
            rows.append(word)
    if len(rows) > lines:
        rows = [*rows[: lines - 1], " ".join(rows[lines - 1 :])]
    return [shortened(row, size, width) for row in rows]


def shortened(text: str, size: int, width: float) -> str:
    """``text``, its end replaced by "..." where it is wider than ``width``."""
    text = legible(text)
    if text_width(text, size) <= width:
        return text
    while text and text_width(f"{text}...", size) > width:
        text = text[:-1]
    return f"{text.rstrip()}..."
