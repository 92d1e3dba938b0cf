"""Chosen regions of a slide for a bundle: where the whole is too much, or more than is asked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pathology.exchange.regions_read import read_stored_regions
from pathology.records.geometry import Box, Mpp, um_to_px
from pathology.records.region import SlideRegion
from pathology.records.result import StoredResult
from pathology.records.settings.scale import ScaleSettings
from pathology.records.slide import StatedScale
from pathology.slides.open import open_slide
from pathology.slides.placed_slide import FILE, Placed, PlacedRegion
from pathology.slides.region_tiff import on_grid, write_region

REGIONS: Final = "regions.geojson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectangle:
    """A part of a slide as people give it, µm from the slide's upper left corner."""

    x_um: float
    y_um: float
    width_um: float
    height_um: float
    slide_id: str | None = None  # None: the case's only slide

    def __post_init__(self) -> None:
        sides = (self.x_um, self.y_um, self.width_um, self.height_um)
        if not all(0 <= side < 1e7 for side in sides) or not self.width_um * self.height_um:
            raise ValueError("a rectangle has a place on the slide and two sides, in µm")

    def box_px0(self, mpp: Mpp) -> Box:
        """Level-0 px that hold it."""
        x, y = (int(um_to_px(side, mpp)) for side in (self.x_um, self.y_um))
        right = um_to_px(self.x_um + self.width_um, mpp)
        bottom = um_to_px(self.y_um + self.height_um, mpp)
        return Box(x, y, max(1, int(right + 0.5) - x), max(1, int(bottom + 0.5) - y))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A slide, and what is cut out of it (level-0 px)."""

    slide: Path
    boxes_px0: tuple[Box, ...]
    scale: ScaleSettings


def cut_regions(cut: Cut, stored: StoredResult, folder: Path) -> None:
    """Write the regions of a result's slide into ``folder``, which is made.

    Raises
    ------
    ValueError
        A region lies beside the slide.
    SlideUnreadable, ScaleUnknown, OSError
        The slide cannot be read, or a region not be written.
    """
    folder.mkdir(parents=True)
    said = StatedScale(mpp=stored.mpp, source="user")  # the scale that its result was made with
    slide_id = stored.slide.id
    with open_slide(cut.slide, slide_id=slide_id, scale=cut.scale, said=said) as slide:
        boxes = dict.fromkeys(on_grid(box, slide) for box in cut.boxes_px0)
        regions = []
        for number, box in enumerate(boxes, 1):
            name = f"region-{number}.tif"
            write_region(slide, box, folder / name)
            regions.append(PlacedRegion(file=name, box_px0=box))
        facts = slide.info.facts
    placed = Placed(
        width_px0=facts.width_px0,
        height_px0=facts.height_px0,
        mpp=stored.mpp,
        regions=tuple(regions),
    )
    (folder / FILE).write_text(json.dumps(placed.document()), "utf-8")


def boxes_around(
    result: Path, stored: StoredResult, wanted: Iterable[str], margin_um: float
) -> list[Box]:
    """Boxes around a result's regions of these kinds or ids, each with a margin; may be none."""
    names = frozenset(wanted)
    if not names or not (result / REGIONS).is_file():
        return []
    regions = read_stored_regions(result / REGIONS, mpp=stored.mpp)
    margin = int(um_to_px(margin_um, stored.mpp) + 0.5)
    return [_bounds(r, margin) for r in regions if {r.kind, r.region_id} & names]


def kinds_of(result: Path, mpp: Mpp) -> frozenset[str]:
    """Kinds of regions that a result has; UsageError where they cannot be read."""
    if not (result / REGIONS).is_file():
        return frozenset()
    return frozenset(r.kind for r in read_stored_regions(result / REGIONS, mpp=mpp))


def _bounds(region: SlideRegion, margin: int) -> Box:
    points = [p.outer.points_px0 for p in region.polygons] + [n.points_px0 for n in region.lines]
    left, top = (int(min(p[:, i].min() for p in points)) for i in (0, 1))
    right, bottom = (int(max(p[:, i].max() for p in points)) + 1 for i in (0, 1))
    x, y = max(0, left - margin), max(0, top - margin)
    return Box(x, y, right + margin - x, bottom + margin - y)
