"""The words above the picture of a result: what it is, its findings, what speaks against them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from PIL import ImageDraw

from pathology.exchange import ink
from pathology.exchange.overlay_words import Line, PictureWords, facts_of, title_of, warnings_of
from pathology.records.result import ShownResult

HEADLINE_ROWS: Final = 3
LARGE_ROWS: Final = 4  # findings below the headline that have a row of their own
# Heights of rows in px where letters have their usual size.
TITLE, HEADLINE, HEADLINE_MORE, LARGE, SMALL, PILL, FACTS = 30, 50, 26, 28, 23, 34, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The paper of a picture."""

    width: int  # px
    edge: int  # white border, px
    zoom: float = 1.0  # how much larger than usual letters and rows are

    def px(self, length: float) -> int:
        """A length in px, given for letters of the usual size."""
        return round(length * self.zoom)

    @property
    def room(self) -> int:
        """Width between the edges, px."""
        return self.width - 2 * self.edge


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heading:
    """What stands above the picture; ``lines`` are findings, the most important first."""

    sheet: Sheet
    words: PictureWords
    result: ShownResult
    place: str  # slide, and region
    aside: str  # at the right end of the first row
    lines: Sequence[Line]

    @property
    def height(self) -> int:
        """Of everything, px."""
        large, small = self._large(), self._small()
        rows = LARGE * len(large) + SMALL * math.ceil(len(small) / 2)
        pills = PILL * len(self._pill_rows())
        return self._headline_height() + self.sheet.px(TITLE + rows + pills + FACTS)

    def draw(self, draw: ImageDraw.ImageDraw, top: float) -> None:
        """Draw it from ``top`` on."""
        self._draw_title(draw, top)
        y = top + self.sheet.px(TITLE)
        self._draw_headline(draw, y)
        y += self._headline_height()
        y = self._draw_findings(draw, y)
        for row in self._pill_rows():
            x: float = self.sheet.edge
            for text in row:
                x = self._pill(draw, (x, y), text) + self.sheet.px(10)
            y += self.sheet.px(PILL)
        facts = ink.shortened(facts_of(self.result, self.words), self.sheet.px(17), self.sheet.room)
        ink.write(draw, (self.sheet.edge, y + self.sheet.px(4)), facts, self.sheet.px(17))

    def _large(self) -> Sequence[Line]:
        return self.lines[1 : 1 + LARGE_ROWS]

    def _small(self) -> Sequence[Line]:
        return self.lines[1 + LARGE_ROWS :]

    def _draw_title(self, draw: ImageDraw.ImageDraw, y: float) -> None:
        px, edge = self.sheet.px, self.sheet.edge
        title = title_of(self.result, self.words)
        left = self.sheet.width - edge - ink.text_width(self.aside, px(16))
        x = ink.write(draw, (edge, y), title, px(20), bold=True) + px(24)
        place = ink.shortened(self.place, px(16), left - x - px(24))
        ink.write(draw, (x, y + px(3)), place, px(16), colour=ink.QUIET)
        ink.write(draw, (left, y + px(3)), self.aside, px(16), colour=ink.QUIET)

    def _draw_headline(self, draw: ImageDraw.ImageDraw, y: float) -> None:
        px, line = self.sheet.px, self.lines[0]
        pen = ink.WARNING if line.refused else ink.TEXT
        x = ink.write(draw, (self.sheet.edge, y), line.value, px(36), colour=pen, bold=True) + px(
            16
        )
        for number, row in enumerate(self._headline_rows()):
            ink.write(draw, (x, y + px(14 + HEADLINE_MORE * number)), row, px(20), colour=pen)

    def _headline_rows(self) -> list[str]:
        """Name and detail beside the headline's number; a reason may need up to three rows."""
        px, line = self.sheet.px, self.lines[0]
        text = f"{line.name}:  {line.detail}" if line.detail else line.name
        room = self.sheet.room - px(16) - ink.text_width(line.value, px(36))
        return ink.wrapped(text, px(20), room, HEADLINE_ROWS)

    def _headline_height(self) -> int:
        more = len(self._headline_rows()) - 1
        return self.sheet.px(HEADLINE) + self.sheet.px(HEADLINE_MORE) * more

    def _draw_findings(self, draw: ImageDraw.ImageDraw, y: float) -> float:
        """The findings below the headline; returns where they end."""
        px, edge, half = self.sheet.px, self.sheet.edge, self.sheet.room / 2
        for line in self._large():
            self._finding(draw, (edge, y), line, (19, self.sheet.room))
            y += px(LARGE)
        for place, line in enumerate(self._small()):
            at = edge + half * (place % 2), y + px(SMALL) * (place // 2)
            self._finding(draw, at, line, (15, half - px(16)))
        return y + px(SMALL) * math.ceil(len(self._small()) / 2)

    def _finding(
        self,
        draw: ImageDraw.ImageDraw,
        at: tuple[float, float],
        line: Line,
        fit: tuple[float, float],
    ) -> None:
        """One finding in one row; ``fit`` is the size of its letters and the width it may take."""
        px, (x, y), (size, width) = self.sheet.px, at, fit
        colour, end = ink.WARNING if line.refused else ink.TEXT, at[0] + width
        x = ink.write(draw, at, f"{line.name}:", px(size), colour=ink.QUIET) + px(size / 2)
        x = ink.write(draw, (x, y), line.value, px(size), colour=colour, bold=True) + px(16)
        detail = ink.shortened(line.detail, px(size - 2), end - x)
        ink.write(draw, (x, y + px(2)), detail, px(size - 2), colour=colour)

    def _pill_rows(self) -> list[list[str]]:
        """Warnings in as many rows as they need."""
        px, rows, left = self.sheet.px, list[list[str]](), 0.0
        for text in self._warnings():
            need = ink.text_width(text, px(17)) + px(34)
            if not rows or need > left:
                rows.append([])
                left = self.sheet.room
            rows[-1].append(text)
            left -= need
        return rows

    def _warnings(self) -> Iterator[str]:
        px = self.sheet.px
        for text in warnings_of(self.result, self.words):
            yield ink.shortened(text, px(17), self.sheet.room - px(24))

    def _pill(self, draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str) -> float:
        px, (x, y) = self.sheet.px, at
        right = x + ink.text_width(text, px(17)) + px(24)
        ground = (x, y, right, y + px(28))
        draw.rounded_rectangle(ground, px(6), fill=ink.WARNING_PAPER)
        draw.rectangle((x, y + px(4), x + px(3), y + px(24)), fill=ink.WARNING)
        ink.write(draw, (x + px(12), y + px(4)), text, px(17), colour=ink.WARNING)
        return right
