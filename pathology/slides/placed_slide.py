"""Regions that were cut out of a slide, shown where they lie on it: a folder with ``placed.json``.

Everything else on the slide is white, as beside a slide: it was not sent. So what was measured on
the whole slide, in its level-0 pixels, lies over the regions without any arithmetic.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Final

import numpy as np

from pathology.errors import SlideUnreadable
from pathology.records.geometry import Box
from pathology.records.slide import Level, LostTile, Scale, Slide, SlideFacts, SlideInfo
from pathology.slides import tiff_index
from pathology.slides.backend import Backend
from pathology.slides.path_kind import is_file
from pathology.slides.pyramid import StoredSize
from pathology.slides.region_tiff import COARSEST, GRID_PX0, TILE_PX
from pathology.slides.tile_pass import WHITE, Fetched, Place
from pathology.slides.tiled_slide import PyramidSlide

NAME: Final = "placed"
FILE: Final = "placed.json"
SCHEMA: Final = "pathology.placed/1"
PART: Final = re.compile(r"region-[0-9]{1,3}\.tif")
MOST_PARTS, MOST_BYTES = 100, 2**20
LARGEST_PX0: Final = 2**24


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRegion:
    """One region; its box is on the whole slide, level-0 px, its corner on ``GRID_PX0``."""

    file: str
    box_px0: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Some regions of a slide of ``width_px0`` x ``height_px0``, µm per px ``mpp``."""

    width_px0: int
    height_px0: int
    mpp: float
    regions: tuple[PlacedRegion, ...]

    def document(self) -> dict[str, Any]:
        """As ``placed.json`` holds it."""
        told = [
            {"file": r.file, "x": r.box_px0.x, "y": r.box_px0.y}
            | {"width": r.box_px0.width, "height": r.box_px0.height}
            for r in self.regions
        ]
        size = {"width_px0": self.width_px0, "height_px0": self.height_px0}
        return {"schema": SCHEMA, **size, "mpp": self.mpp, "regions": told}


def is_placed(path: Path) -> bool:
    """Whether ``path`` is a folder of placed regions."""
    return is_file(path / FILE)


def placed_files(path: Path) -> tuple[Path, ...]:
    """All files of such a folder that its list may name, the list first."""
    return (path / FILE, *sorted(p for p in path.glob("region-*.tif") if is_file(p)))


def read_placed(path: Path, slide_id: str) -> Placed:
    """What the list says.

    Raises
    ------
    SlideUnreadable
        "damaged-file": it cannot be read, or says what cannot be.
    """
    try:
        text = (path / FILE).read_bytes()[:MOST_BYTES]
        return _placed(json.loads(text))
    except OSError as cause:
        raise SlideUnreadable(slide_id, "cannot-read", {"detail": cause.strerror}) from cause
    except (ValueError, KeyError, TypeError, RecursionError) as cause:
        raise _damaged(slide_id, "its list of regions makes no sense") from cause


def _placed(told: dict[str, Any]) -> Placed:
    regions = tuple(
        PlacedRegion(
            file=str(r["file"]), box_px0=Box(*(_whole(r[n]) for n in ("x", "y", "width", "height")))
        )
        for r in told["regions"]
    )
    width, height, mpp = _whole(told["width_px0"]), _whole(told["height_px0"]), float(told["mpp"])
    whole = Box(0, 0, width, height)
    names = {r.file for r in regions if PART.fullmatch(r.file)}
    fit = all(
        r.box_px0.overlap(whole) == r.box_px0 and not (r.box_px0.x | r.box_px0.y) % GRID_PX0
        for r in regions
    )
    if told["schema"] != SCHEMA or not 0 < len(regions) <= MOST_PARTS or not fit:
        raise ValueError("no list of regions")
    if len(names) != len(regions) or not isfinite(mpp) or mpp <= 0:
        raise ValueError("names or scale")
    return Placed(width_px0=width, height_px0=height, mpp=mpp, regions=regions)


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST_PX0:
        raise ValueError("a length that is none")
    return value


def examine(path: Path, slide_id: str) -> SlideFacts:
    """What the folder says about itself; SlideUnreadable where a region is not as it says."""
    placed = read_placed(path, slide_id)
    for region in placed.regions:
        facts = tiff_index.examine(path / region.file, slide_id)
        if (facts.width_px0, facts.height_px0) != (region.box_px0.width, region.box_px0.height):
            raise _damaged(slide_id, "a region is not as large as its list says")
    return SlideFacts(
        format="placed-regions",
        backend=NAME,
        codec="deflate",
        levels=tuple(
            Level(
                width=s.width,
                height=s.height,
                downsample=s.downsample,
                tile_width=s.tile_width,
                tile_height=s.tile_height,
            )
            for s in _sizes(placed)
        ),
        stated_mpp=(placed.mpp, placed.mpp),
        magnification=None,
        scanner=None,
        files=placed_files(path),
    )


def open_placed(path: Path, info: SlideInfo) -> Slide:
    """The slide, ready to be read; raises as ``examine``."""
    placed = read_placed(path, info.slide_id)
    with ExitStack() as opened:
        parts = [opened.enter_context(_part(path, region, info)) for region in placed.regions]
        whole = opened.pop_all()
    boxes = [region.box_px0 for region in placed.regions]

    def fetch(size: StoredSize, places: Sequence[Place]) -> Iterator[tuple[Place, Fetched]]:
        for place in places:
            yield place, _fetched(size, place, list(zip(boxes, parts, strict=True)))

    return PyramidSlide(info, _sizes(placed), fetch, whole.close)


def _part(path: Path, region: PlacedRegion, info: SlideInfo) -> Slide:
    facts = tiff_index.examine(path / region.file, info.slide_id)
    scale = Scale(mpp_x=info.mpp, mpp_y=info.mpp, source=info.scale.source)
    own = SlideInfo(slide_id=info.slide_id, facts=facts, scale=scale)
    return tiff_index.open_tiled(path / region.file, own)


def _fetched(size: StoredSize, place: Place, parts: Sequence[tuple[Box, Slide]]) -> Fetched:
    """A tile of the whole slide, from the regions that it touches."""
    box, step = size.tile_box(*place), int(size.downsample)
    pixels = np.full((size.tile_height, size.tile_width, 3), WHITE, np.uint8)
    lost: list[LostTile] = []
    touched = False
    for on_slide, part in parts:
        x, y = on_slide.x // step, on_slide.y // step
        right, bottom = -(-on_slide.right // step), -(-on_slide.bottom // step)
        shown = box.overlap(Box(x, y, right - x, bottom - y))
        if shown is None:
            continue
        touched = True
        within = Box(shown.x - x, shown.y - y, shown.width, shown.height)
        region = part.read(within, downsample=float(step))
        here = Box(shown.x - box.x, shown.y - box.y, shown.width, shown.height)
        pixels[here.slices] = np.minimum(pixels[here.slices], region.pixels)
        if region.lost:
            lost.append(
                LostTile(
                    level=size.level, column=place.column, row=place.row, box_px0=size.to_px0(box)
                )
            )
    return Fetched(pixels if touched else None, tuple(lost))


def _sizes(placed: Placed) -> tuple[StoredSize, ...]:
    found: list[StoredSize] = []
    step = 1
    while True:
        width, height = max(1, placed.width_px0 // step), max(1, placed.height_px0 // step)
        found.append(
            StoredSize(
                level=len(found),
                reduce=1,
                downsample=float(step),
                width=width,
                height=height,
                tile_width=TILE_PX,
                tile_height=TILE_PX,
            )
        )
        if max(width, height) <= TILE_PX or step >= COARSEST:
            return tuple(found)
        step *= 2


def _damaged(slide_id: str, detail: str) -> SlideUnreadable:
    return SlideUnreadable(slide_id, "damaged-file", {"detail": detail})


BACKEND: Final = Backend(name=NAME, recognises=is_placed, examine=examine, open=open_placed)
