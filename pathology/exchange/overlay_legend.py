"""The legend of the picture of a result: marks with counts, tissue classes, what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import ImageDraw

from pathology.exchange import ink
from pathology.exchange.overlay_heading import Sheet
from pathology.exchange.overlay_layers import OverlayLayers
from pathology.exchange.overlay_map import (
    ASKED,
    OUTLINED,
    SHOWN_EXCLUSIONS,
    TINTS,
    Painted,
    front_colour,
    heat_colours,
    needs_line,
)
from pathology.exchange.overlay_marks import Call, Mark, calls_of, draw_dot, draw_outline, marks_of
from pathology.exchange.overlay_words import PictureWords, number
from pathology.records.geometry import px_area_to_mm2
from pathology.records.result import ShownResult

SIZE: Final = 16
STEP: Final = 21
MOST_EXCLUSIONS: Final = 5
HEAT_LENGTH: Final = 120  # of the scale of a density


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Legend:
    """What the legend explains; numbers are those of the layers."""

    sheet: Sheet
    words: PictureWords
    result: ShownResult
    layers: OverlayLayers
    painted: Painted

    def draw(self, draw: ImageDraw.ImageDraw, top: float) -> None:
        """Four columns from ``top`` on: nuclei, tissue, left out, lines."""
        columns = (self._nuclei, self._tissue, self._left_out, self._lines)
        for place, column in enumerate(columns):
            column(draw, (self.sheet.edge + place * self.sheet.room / len(columns), top))

    @property
    def height(self) -> int:
        """Of the longest column, px."""
        rows = len(self._line_rows()) + (0 if self._has_dots() else 2)
        return self.sheet.px(STEP * (2 + max(rows, MOST_EXCLUSIONS)))

    def _has_dots(self) -> bool:
        return self.painted.shown != "density"

    def _heading(self, draw: ImageDraw.ImageDraw, at: tuple[float, float], key: str) -> None:
        here = ".here" if self.layers.part and key != "lines" else ""
        text = self.words.known(key + here, self.words.label(key))
        ink.write(draw, at, text, self.sheet.px(SIZE), bold=True)

    def _row(
        self, draw: ImageDraw.ImageDraw, at: tuple[float, float], label: str, value: str = ""
    ) -> None:
        px, (x, y) = self.sheet.px, at
        end = ink.write(draw, (x + px(26), y), label, px(SIZE))
        ink.write(draw, (end + px(10), y), value, px(SIZE), colour=ink.QUIET)

    def _quiet(self, draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str) -> None:
        ink.write(draw, at, text, self.sheet.px(SIZE), colour=ink.QUIET)

    def _nuclei(self, draw: ImageDraw.ImageDraw, at: tuple[float, float]) -> None:
        px, (x, y), nuclei = self.sheet.px, at, self.layers.nuclei
        analysis = self.result.analysis
        calls = calls_of(nuclei.cell_class, nuclei.positive, nuclei.counted, analysis)
        self._heading(draw, at, "nuclei")
        for call, mark in marks_of(analysis).items():
            y += px(STEP)
            self._mark(draw, (x + px(9), y + px(SIZE * 0.6)), call, mark)
            label = self.words.label(f"mark.{mark.label}")
            self._row(draw, (x, y), label, f"{int(np.sum(calls == call)):,}")

    def _mark(
        self, draw: ImageDraw.ImageDraw, at: tuple[float, float], call: Call, mark: Mark
    ) -> None:
        """A nucleus as the picture shows it: by its outline, or as a dot."""
        if self.painted.shown != "outlines":
            draw_dot(draw, at, mark, self.sheet.px(5))
            return
        turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        ring = np.stack([np.cos(turn), np.sin(turn)], axis=1) * self.sheet.px(7) + at
        asked = call != Call.LYMPHOCYTE or self.result.analysis == "infiltration"
        draw_outline(draw, ring, mark, counted=asked and call != Call.LEFT_OUT)

    def _tissue(self, draw: ImageDraw.ImageDraw, at: tuple[float, float]) -> None:
        px, (x, y), found = self.sheet.px, at, self.layers.tissue_map
        self._heading(draw, at, "tissue")
        if found is None:
            self._quiet(draw, (x, y + px(STEP)), self.words.label("tissue.none"))
            return
        for tissue, (colour, opacity) in TINTS.items():
            pixels = int(np.sum(found.classes == tissue))
            if not pixels:
                continue
            y += px(STEP)
            if self._has_dots():  # with a density the slide itself is grey
                strong = 2 * opacity
                shade = tuple(round(255 * (1 - strong) + c * strong) for c in colour)
                patch = (x, y + px(3), x + px(18), y + px(16))
                draw.rectangle(patch, fill=shade, outline=ink.GREY)
            area = f"{number(px_area_to_mm2(pixels, found.mpp))} mm²"
            self._row(draw, (x, y), self.words.label(f"tissue.{tissue.name}"), area)

    def _left_out(self, draw: ImageDraw.ImageDraw, at: tuple[float, float]) -> None:
        px, (x, y) = self.sheet.px, at
        self._heading(draw, at, "left-out")
        rows = self._exclusion_rows()
        if not rows:
            self._quiet(draw, (x, y + px(STEP)), self.words.label("left-out.none"))
        for label, value in rows[:MOST_EXCLUSIONS]:
            y += px(STEP)
            self._hatched(draw, (x, y + px(3)))
            self._row(draw, (x, y), label, value)

    def _exclusion_rows(self) -> Sequence[tuple[str, str]]:
        """Areas of the slide, largest first; of a part of it, what is to be seen there."""
        if self.layers.part:
            here = {r.kind for r in self.layers.regions}
            rows = [(self.words.label(f"kind.{k}"), "") for k in SHOWN_EXCLUSIONS if k in here]
        else:
            areas = sorted(self.result.quality.excluded_mm2.items(), key=lambda item: -item[1])
            rows = [
                (self.words.known(f"kind.{name}", name), f"{number(area)} mm²")
                for name, area in areas
                if area > 0
            ]
        if self.layers.lost:
            rows.append((self.words.label("unreadable-tiles"), f"{len(self.layers.lost):,}"))
        return rows

    def _hatched(self, draw: ImageDraw.ImageDraw, at: tuple[float, float]) -> None:
        px, (x, y) = self.sheet.px, at
        draw.rectangle((x, y, x + px(18), y + px(13)), fill=ink.PAPER, outline=ink.DARK)
        for start in (0, 5, 10):
            line = (x + px(start), y + px(13), x + px(start + 8), y)
            draw.line(line, fill=ink.DARK, width=px(1))

    def _line_rows(self) -> list[tuple[str, ink.Colour, int]]:
        """Label, colour and width of every kind of line on the picture."""
        label, regions = self.words.label, self.layers.regions
        kinds = {r.kind for r in regions}
        rows = [(label("edge-of-tissue"), ink.DARK, 1)] if "tissue" in kinds else []
        if any(r.source == "person" for r in regions):
            rows.append((label("by-person"), (0, 0, 0), 4))
        rows += [
            (label(f"kind.{kind}"), colour, width // 2)
            for kind, (colour, width) in OUTLINED.items()
            if kind in kinds
        ]
        for region in (r for r in regions if r.lines):
            colour = front_colour(region)
            key = "front.not-assessable" if colour == ink.GREY else "kind.front"
            rows.append((label(key), colour, 5))
        asked = self.layers.asked
        if asked is not None and needs_line(asked):
            rows.append((label(f"kind.{asked.kind}"), ASKED[0], ASKED[1] // 2))
        if not self._has_dots():
            rows.append((label("edge-of-tumour"), ink.BLUE, 2))
        return rows

    def _lines(self, draw: ImageDraw.ImageDraw, at: tuple[float, float]) -> None:
        px, (x, y) = self.sheet.px, at
        self._heading(draw, at, "lines" if self._has_dots() else "lines-and-density")
        for label, colour, width in self._line_rows():
            y += px(STEP)
            middle = y + px(10)
            draw.line((x, middle, x + px(18), middle), fill=colour, width=px(width))
            self._row(draw, (x, y), label)
        if not self._has_dots():
            self._density(draw, (x, y + px(STEP + 4)))

    def _density(self, draw: ImageDraw.ImageDraw, at: tuple[float, float]) -> None:
        px, (x, y), length = self.sheet.px, at, self.sheet.px(HEAT_LENGTH)
        colours = heat_colours(np.linspace(0, 1, length, dtype=np.float32))
        for i, shade in enumerate(colours.astype(int).tolist()):
            draw.line((x + i, y, x + i, y + px(12)), fill=tuple(shade))
        most = number(self.painted.densest_per_mm2)
        reach = self.words.label("density.range", most=most)
        ink.write(draw, (x + length + px(8), y - px(3)), reach, px(SIZE))
        what = self.words.label(f"density.{self.result.analysis}")
        self._quiet(draw, (x, y + px(17)), what)
