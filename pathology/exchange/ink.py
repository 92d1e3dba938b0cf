"""Colours, letters and lines of the picture of a result.

Colours are those of Okabe and Ito (2008), told apart with any colour vision; positive and negative
nuclei differ in shape as well. Latin letters come with Pillow and Chinese ones with this program
(``fonts/``, made by ``scripts/font``), so a result looks the same on every machine. There is no
Greek, and of Chinese only what the labels need.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import groupby
from pathlib import Path
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
BY_HAND: Final = "µ²"  # drawn from the Latin letters u and 2
CHINESE_FONT: Final = Path(__file__).parent / "fonts" / "chinese.ttf"
CHINESE_SIZE: Final = 0.96  # of the Latin letters: Chinese ones fill their square, and look larger
BOLD_PER_SIZE: Final = 0.022  # width of the stroke that thickens letters
OPENING, CLOSING = "（《“", "），。；：、！？》”"
PIECE: Final = re.compile(
    rf"\s*(?:[{OPENING}]*[^\x00-\x7e{BY_HAND}{OPENING}{CLOSING}][{CLOSING}]*"
    rf"|[\x21-\x7e{BY_HAND}]+[{CLOSING}]*|\S)"
)
"""What stays together at the end of a line: a Latin word, or one Chinese letter and the brackets
and stops that belong to it."""


@cache
def _latin(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType: its letters cannot be scaled")
    return font


@cache
def _chinese(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(CHINESE_FONT, round(CHINESE_SIZE * size))


@cache
def _is_chinese(letter: str) -> bool:
    """Whether the shipped font has ``letter``: of one that it lacks nothing is drawn."""
    return not letter.isascii() and _chinese(32).getmask(letter).getbbox() is not None


def _is_known(letter: str) -> bool:
    return " " <= letter <= "~" or letter in BY_HAND or _is_chinese(letter)


def legible(text: str) -> str:
    """``text`` in letters that can be drawn; runs of others become "...", never a wrong letter."""
    runs = groupby(text.translate(REPLACED), _is_known)
    return "".join("".join(letters) if known else "..." for known, letters in runs)


def _runs(text: str) -> list[tuple[str, str]]:
    """``text`` in runs of one kind: "µ" and "²", "chinese", and "" for Latin letters."""
    kinds = groupby(
        legible(text), lambda c: c if c in BY_HAND else "chinese" if _is_chinese(c) else ""
    )
    return [(kind, "".join(letters)) for kind, letters in kinds]


def text_width(text: str, size: int) -> float:
    """Width of one line in px."""
    return sum(_run_width(kind, run, size) for kind, run in _runs(text))


def _run_width(kind: str, run: str, size: int) -> float:
    if kind == "chinese":
        return _chinese(size).getlength(run)
    if kind == "²":
        return _latin(_small(size)).getlength("2" * len(run))
    return _latin(size).getlength("u" * len(run) if kind == "µ" else run)


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
    for kind, run in _runs(text):
        if kind == "chinese":
            foot = y + _latin(size).getmetrics()[0]  # one line to stand on for all letters
            draw.text((x, foot), run, font=_chinese(size), anchor="ls", **pen)
        elif kind == "²":
            draw.text((x, y - size * 0.08), "2" * len(run), font=_latin(_small(size)), **pen)
        elif kind == "µ":
            draw.text((x, y), "u", font=_latin(size), **pen)
            left = x + size * 0.105
            tail = (left, y + size * 0.6, left, y + size * 1.12)
            draw.line(tail, fill=colour, width=max(1, round(size * 0.085)))
        else:
            draw.text((x, y), run, font=_latin(size), **pen)
        x += _run_width(kind, run, size)
    return x


def wrapped(text: str, size: int, width: float, lines: int) -> list[str]:
    """``text`` in at most ``lines`` lines of ``width`` px; what does not fit ends in "...".

    Latin text is parted between words, Chinese between letters.
    """
    rows: list[str] = []
    for piece in PIECE.findall(" ".join(legible(text).split())):
        if rows and text_width(rows[-1] + piece, size) <= width:
            rows[-1] += piece
        else:
            rows.append(piece)
    if len(rows) > lines:
        rows = [*rows[: lines - 1], "".join(rows[lines - 1 :])]
    return [shortened(row.strip(), size, width) for row in rows]


def shortened(text: str, size: int, width: float) -> str:
    """``text``, its end replaced by "..." where it is wider than ``width``."""
    text = legible(text)
    if text_width(text, size) <= width:
        return text
    while text and text_width(f"{text}...", size) > width:
        text = text[:-1]
    return f"{text.rstrip()}..."
