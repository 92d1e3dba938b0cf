"""How each nucleus is shown: by what was said of it, in colour and in shape."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

from pathology.exchange import ink
from pathology.records.prediction import CellClass, Nuclei, Positivity
from pathology.records.result import Analysis


class Call(IntEnum):
    """What was said of a nucleus, as far as the picture shows it."""

    LEFT_OUT = 0  # drawn first, so that what counts lies on top
    LYMPHOCYTE = 1
    TUMOUR = 2  # positivity was not asked
    NEGATIVE = 3
    AMBIGUOUS = 4
    POSITIVE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Colour and shape of a call."""

    label: str  # key among the labels, behind "mark."
    colour: ink.Colour
    shape: Literal["disc", "ring", "square", "speck"]


def marks_of(analysis: Analysis) -> dict[Call, Mark]:
    """The marks an analysis uses, most important first."""
    left_out = Mark(label="left-out", colour=ink.GREY, shape="speck")
    if analysis == "ki67":
        return {
            Call.POSITIVE: Mark(label="positive", colour=ink.VERMILION, shape="disc"),
            Call.NEGATIVE: Mark(label="negative", colour=ink.BLUE, shape="ring"),
            Call.AMBIGUOUS: Mark(label="ambiguous", colour=ink.YELLOW, shape="disc"),
            Call.LYMPHOCYTE: Mark(label="inflammatory", colour=ink.GREEN, shape="square"),
            Call.LEFT_OUT: left_out,
        }
    return {
        Call.LYMPHOCYTE: Mark(label="inflammatory-cell", colour=ink.GREEN, shape="square"),
        Call.TUMOUR: Mark(label="tumour", colour=ink.PURPLE, shape="ring"),
        Call.LEFT_OUT: left_out,
    }


def calls_of(
    cell_class: NDArray[np.uint8],
    positive: NDArray[np.int8],
    counted: NDArray[np.bool_],
    analysis: Analysis,
) -> NDArray[np.uint8]:
    """The call (n,) of each nucleus; arrays as in ``MarkedNuclei``."""
    calls = np.full(len(cell_class), Call.LEFT_OUT, np.uint8)
    tumour = counted & (cell_class == CellClass.TUMOUR)
    lymphocyte = cell_class == CellClass.LYMPHOCYTE
    if analysis == "infiltration":
        calls[counted & lymphocyte] = Call.LYMPHOCYTE
        calls[tumour] = Call.TUMOUR
        return calls
    calls[lymphocyte] = Call.LYMPHOCYTE
    calls[counted & (positive == Positivity.NEGATIVE)] = Call.NEGATIVE
    calls[counted & (positive == Positivity.UNKNOWN)] = Call.AMBIGUOUS
    calls[counted & (positive == Positivity.POSITIVE)] = Call.POSITIVE
    return calls


def draw_dot(draw: ImageDraw.ImageDraw, at: tuple[float, float], mark: Mark, radius: float) -> None:
    """One nucleus as a dot with a light rim, so that it stands out on any stain."""
    x, y = at
    if mark.shape == "speck":
        r = radius * 0.5
        draw.ellipse((x - r, y - r, x + r, y + r), fill=mark.colour)
        return
    r, rim = radius, max(1, round(radius * 0.28))
    frame = (x - r - rim, y - r - rim, x + r + rim, y + r + rim)
    body = (x - r, y - r, x + r, y + r)
    if mark.shape == "square":
        draw.rectangle(frame, fill=ink.PAPER)
        draw.rectangle(body, fill=mark.colour)
    elif mark.shape == "ring":
        draw.ellipse(frame, fill=ink.PAPER)
        draw.ellipse(body, outline=mark.colour, width=max(1, round(radius * 0.55)))
    else:
        edge = ink.DARK if mark.colour == ink.YELLOW else ink.PAPER
        draw.ellipse(frame, fill=edge)
        draw.ellipse(body, fill=mark.colour)


OUTLINE_WIDTH: Final = 4  # px of the doubled canvas


def draw_outline(
    draw: ImageDraw.ImageDraw, points: NDArray[np.floating], mark: Mark, *, counted: bool
) -> None:
    """One nucleus by its outline (n, 2); a positive one has a dot in its middle as well."""
    ring = [(float(x), float(y)) for x, y in (*points, points[0])]
    thin = OUTLINE_WIDTH if counted else OUTLINE_WIDTH // 2
    casing = ink.DARK if mark.colour == ink.YELLOW else ink.PAPER
    if counted:
        draw.line(ring, fill=casing, width=thin + 3, joint="curve")
    draw.line(ring, fill=mark.colour, width=thin, joint="curve")
    if mark.shape == "disc" and mark.colour != ink.YELLOW:
        x, y = points.mean(axis=0)
        draw_dot(draw, (float(x), float(y)), mark, OUTLINE_WIDTH * 1.4)


def calls_of_outlines(
    nuclei: Nuclei, counted: NDArray[np.bool_], analysis: Analysis
) -> NDArray[np.uint8]:
    """The call (n,) of each outlined nucleus."""
    return calls_of(nuclei.cell_class, nuclei.positive, counted, analysis)
