"""What is written on the picture of a slide: names of regions, letters, a scale bar."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import ImageDraw

from pathology.exchange import ink
from pathology.exchange.overlay_layers import CloseUp
from pathology.exchange.overlay_map import SHOWN_EXCLUSIONS
from pathology.exchange.overlay_view import View, label_point
from pathology.exchange.overlay_words import PictureWords
from pathology.records.geometry import Mpp, px_to_um, um_to_px
from pathology.records.region import SlideRegion

LETTERS: Final = "ABC"
SIZE: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tags:
    """A pen for the words on one view of the slide, which lies at ``corner`` of the picture."""

    draw: ImageDraw.ImageDraw
    view: View
    corner: tuple[int, int]
    words: PictureWords
    size: int = SIZE  # of the letters, px

    def write(self, at: tuple[float, float], text: str, *, size: int | None = None) -> None:
        """Words on a white ground, their middle at ``at``, px of the view."""
        size = size or self.size
        width, edge = ink.text_width(text, size), 0.4 * size
        x, y = self.corner[0] + at[0] - width / 2, self.corner[1] + at[1] - size * 0.65
        ground = (x - edge, y - edge / 2, x + width + edge, y + size * 1.3 + edge / 3)
        self.draw.rounded_rectangle(ground, 4, fill=ink.PAPER, outline=ink.RULE)
        ink.write(self.draw, (x, y), text, size)

    def regions(self, regions: Iterable[SlideRegion]) -> None:
        """The name of every left-out area, field and hot spot and of a person's region."""
        for region in regions:
            text = self._name_of(region)
            if text is None:
                continue
            x, y = label_point(region, self.view)
            half = ink.text_width(text, self.size) / 2 + self.size / 2
            x = float(np.clip(x, half, max(half, self.view.width - half)))
            y = float(np.clip(y, self.size, max(self.size, self.view.height - self.size)))
            self.write((x, y), text)

    def _name_of(self, region: SlideRegion) -> str | None:
        """What is written beside a region; None for those that the legend explains."""
        if region.kind in ("field", "hotspot"):
            return self.words.region(region)
        if region.kind in SHOWN_EXCLUSIONS:
            return self.words.label(f"kind.{region.kind}")
        return self.words.label("by-person") if region.source == "person" else None

    def frames(self, close_ups: Sequence[CloseUp]) -> None:
        """Where each close-up lies, with its letter."""
        for letter, close_up in zip(LETTERS, close_ups, strict=False):
            region = close_up.region
            box = np.array([[region.box.x, region.box.y], [region.box.right, region.box.bottom]])
            inner = self.view.points(box * region.downsample)
            (left, top), (right, bottom) = inner + self.corner
            wide = (left - 1, top - 1, right + 1, bottom + 1)
            self.draw.rectangle(wide, outline=ink.PAPER, width=4)
            self.draw.rectangle((left, top, right, bottom), outline=(0, 0, 0), width=2)
            self.write((inner[0, 0] + 12, inner[0, 1] + 12), letter)

    def scale_bar(self, mpp: Mpp) -> None:
        """A bar of round length in the view's lower right corner."""
        view, unit = self.view, self.size / SIZE
        length_um = round_length(px_to_um(view.width * view.downsample, mpp) / 4.5)
        length = um_to_px(length_um, mpp) / view.downsample
        text = f"{length_um / 1000:g} mm" if length_um >= 1000 else f"{length_um:g} µm"
        wide = ink.text_width(text, self.size)
        width = max(length, wide)
        right = self.corner[0] + view.width - 16 * unit
        bottom = self.corner[1] + view.height - 14 * unit
        ground = (
            right - width - 10 * unit,
            bottom - 30 * unit,
            right + 10 * unit,
            bottom + 8 * unit,
        )
        self.draw.rounded_rectangle(ground, 4, fill=ink.PAPER)
        middle = right - width / 2
        left, end = middle - length / 2, middle + length / 2
        self.draw.rectangle((left, bottom - 3 * unit, end, bottom + unit), fill=ink.TEXT)
        ink.write(self.draw, (middle - wide / 2, bottom - 25 * unit), text, self.size)


def round_length(most: float) -> float:
    """The longest of 1, 2 and 5 times a power of ten that is not above ``most`` (> 0)."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(step * power for step in (1, 2, 5) if step * power <= most * (1 + 1e-9))
