"""Regions as GeoJSON the way QuPath reads and writes it: one feature a region, level-0 pixels.

QuPath measures from the slide's upper left corner, y down, in pixels of the scan. That is no
longitude and latitude (RFC 7946 knows nothing else), so no other frame is ever assumed.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pathology.errors import OutputError
from pathology.exchange.documents import validate
from pathology.exchange.shapes import closed
from pathology.exchange.whole_file import write_whole
from pathology.records.region import Line, Polygon, RegionKind, SlideRegion

FEATURE_NAMES: Final = uuid.UUID("6f0c7d1e-52a8-5a0e-9b43-0d3f6a6f2b11")
"""Namespace of feature ids (RFC 4122, version 5): the same region always has the same id."""

AREA, LENGTH = "area mm2", "length mm"

NAMES: Final[Mapping[RegionKind, tuple[str, tuple[int, int, int]]]] = MappingProxyType(
    {
        "tissue": ("Tissue", (120, 120, 120)),
        "tumour": ("Tumor", (200, 0, 0)),  # QuPath's own spelling and colour
        "stroma": ("Stroma", (150, 200, 150)),
        "tumour_bed": ("Tumour bed", (160, 60, 0)),
        "front": ("Invasive front", (230, 159, 0)),
        "margin": ("Invasive margin", (240, 228, 66)),
        "field": ("Field", (0, 114, 178)),
        "hotspot": ("Hot spot", (213, 94, 0)),
        "out_of_focus": ("Out of focus", (90, 90, 140)),
        "pen": ("Pen", (0, 158, 115)),
        "bubble": ("Air bubble", (86, 180, 233)),
        "fold": ("Fold", (204, 121, 167)),
        "control_tissue": ("Control tissue", (148, 103, 189)),
        "unreadable": ("Unreadable", (0, 0, 0)),
        "necrosis": ("Necrosis", (50, 50, 50)),  # these four are QuPath's or a person's words
        "in_situ": ("In situ", (110, 60, 160)),
        "normal": ("Normal", (0, 130, 90)),
        "artefact": ("Artefact", (130, 130, 60)),
    }
)
KIND_OF: Final[Mapping[str, RegionKind]] = MappingProxyType(
    {
        **{name.casefold(): kind for kind, (name, _) in NAMES.items()},
        **{kind: kind for kind in NAMES},
        "region*": "tumour",  # QuPath's class for "some region", like no class at all
    }
)


def write_regions(path: Path, regions: Sequence[SlideRegion]) -> None:
    """``regions`` as a FeatureCollection that QuPath opens by dragging it onto the slide.

    Raises
    ------
    OutputError
        Two regions share an id, a number is not finite, or the file cannot be written.
    """
    ids = [r.region_id for r in regions]
    if len(set(ids)) != len(ids):
        raise OutputError(f"{path.name}: two regions have the same id")
    document = {
        "type": "FeatureCollection",
        "schema": "pathology.regions/1",
        "features": [_feature(r) for r in regions],
    }
    validate(document, "regions-1")
    write_whole(path, _pieces(document, regions))


PLACE: Final = "coordinates of this region"
"""Stands for the points while a document is checked: they may be millions."""


def _feature(region: SlideRegion) -> dict[str, Any]:
    name, colour = NAMES[region.kind]
    return {
        "type": "Feature",
        "id": str(uuid.uuid5(FEATURE_NAMES, region.region_id)),
        "geometry": {"type": _geometry(region), "coordinates": [PLACE]},
        "properties": {
            "objectType": "annotation",
            "name": f"{name} ({region.region_id})",
            "classification": {"name": name, "color": list(colour)},
            "isLocked": True,
            "measurements": (
                {LENGTH: region.length_mm} if region.lines else {AREA: region.area_mm2}
            ),
            "region_id": region.region_id,
            "kind": region.kind,
            "source": region.source,
        },
    }


def _geometry(region: SlideRegion) -> str:
    kind = "LineString" if region.lines else "Polygon"
    return kind if len(region.lines or region.polygons) == 1 else f"Multi{kind}"


def _pieces(document: Mapping[str, Any], regions: Sequence[SlideRegion]) -> Iterator[bytes]:
    """The document as text, its points made one polygon at a time."""
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as cause:
        raise OutputError("a region's area is not finite") from cause
    between = text.split(json.dumps(PLACE))
    yield between[0].encode("utf-8")
    for region, after in zip(regions, between[1:], strict=True):
        parts = [_line_text(line) for line in region.lines] or map(_points_text, region.polygons)
        single = len(region.lines or region.polygons) == 1
        for number, points in enumerate(parts):
            yield ("," * (number > 0) + (points[1:-1] if single else points)).encode("ascii")
        yield after.encode("utf-8")


def _points_text(polygon: Polygon) -> str:
    """Rings of a polygon as JSON."""
    rings = [_plain(closed(ring)) for ring in (polygon.outer, *polygon.holes)]
    return json.dumps(rings, separators=(",", ":"))


def _line_text(line: Line) -> str:
    """A line as JSON."""
    return json.dumps(_plain(line.points_px0), separators=(",", ":"))


def _plain(points: NDArray[np.float64]) -> list[list[float]]:
    """Points as numbers; whole ones without a fraction, as most corners are."""
    if not np.isfinite(points).all():
        raise OutputError("a region holds a point that is not finite")
    whole = points.astype(np.int64)
    plain: list[list[float]] = (whole if (whole == points).all() else points).tolist()
    return plain
