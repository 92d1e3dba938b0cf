"""Regions as a person may change them: outlines corner by corner, places by their middle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from pathology.exchange.shapes import closed
from pathology.exchange.simpler import simpler
from pathology.records.region import PERSON_EXCLUDES, Polygon, RegionKind, SlideRegion

ADOPTED: Final[frozenset[RegionKind]] = frozenset({"tumour", "tumour_bed", "tissue"})
"""What a person may take over as the tumour region."""
PLACES: Final[frozenset[RegionKind]] = frozenset({"field", "hotspot"})


def editable_told(regions: Iterable[SlideRegion]) -> list[dict[str, Any]]:
    """What a person drew, with its corners; fields and hot spots; and what may be adopted."""
    return [t for region in regions if (t := _told(region)) is not None]


def _told(region: SlideRegion) -> dict[str, Any] | None:
    named = {"id": region.region_id, "kind": region.kind, "source": region.source}
    if region.kind in PLACES:
        points = np.concatenate([p.outer.points_px0 for p in region.polygons])
        low, high = points.min(axis=0), points.max(axis=0)
        middle, reach = ((low + high) / 2).tolist(), float((high - low).max() / 2)
        return {**named, "form": "place", "middle": middle, "reach_px0": reach}
    if region.source == "person" and region.kind in ("tumour", *PERSON_EXCLUDES):
        return {**named, "form": "area", "polygons": _rings(region.polygons)}
    if region.source == "automatic" and region.kind in ADOPTED:
        return {**named, "form": "adoptable"}
    return None


def adopted(
    regions: Iterable[SlideRegion], region_id: str, most_points: int
) -> list[list[list[list[float]]]] | None:
    """Outlines of a region of the program, smoothed to at most half of ``most_points`` corners.

    None where there is no such region, or none that a person may take over.
    """
    for region in regions:
        told = _told(region)
        if region.region_id == region_id and told is not None and told["form"] == "adoptable":
            return _rings(simpler(region.polygons, most_points // 2))
    return None


def _rings(polygons: Iterable[Polygon]) -> list[list[list[list[float]]]]:
    """GeoJSON's coordinates of a MultiPolygon."""
    return [[closed(ring).round(2).tolist() for ring in (p.outer, *p.holes)] for p in polygons]
