"""Regions of a GeoJSON file: one of ours, or drawn by a person in QuPath or another program."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely

from pathology.errors import UsageError
from pathology.exchange.cells_geojson import object_type
from pathology.exchange.documents import read_json
from pathology.exchange.features_stream import objects
from pathology.exchange.regions_geojson import KIND_OF, NAMES
from pathology.exchange.shapes import Shape, area_px0, polygons_of_shape
from pathology.records.geometry import Mpp, px_area_to_mm2, px_to_um
from pathology.records.region import CONFIRMED, Line, Polygon, RegionKind, SlideRegion

ID_LENGTH: Final = 64
GIVEN_NAME: Final = re.compile(r"(.+) \(([a-z0-9_-]+)\)")
OWN_NAMES: Final = frozenset(name for name, _ in NAMES.values())
MOST_POINTS: Final = 5_000_000  # beyond this a file was not drawn by a person
FURTHEST_PX0: Final = 2.0**31  # no scan is wider; also keeps areas exact


def read_regions(
    path: Path, *, mpp: Mpp, extent_px0: tuple[int, int] | None = None, called: str | None = None
) -> tuple[SlideRegion, ...]:
    """Regions of a file of ours, or drawn by a person; areas are measured anew with ``mpp``.

    A FeatureCollection, a Feature, a list of features or a bare geometry is read. A shape without
    a class is a tumour region. ``extent_px0`` is (width, height) of the slide: a region that lies
    wholly beside it was drawn on another one. ``called`` stands for the file's name in messages,
    since QuPath names the file after the slide, and a slide's name may be a patient's.

    Raises
    ------
    UsageError
        The file is no GeoJSON, holds no area, or an area that crosses itself, is empty or lies
        beside the slide; the message names the shape and what to do.
    """
    name = called or path.name
    return _checked(read_json(path, called=name), mpp, extent_px0, name)


def drawn_regions(
    document: Any, *, mpp: Mpp, extent_px0: tuple[int, int], called: str
) -> tuple[SlideRegion, ...]:
    """Regions of a GeoJSON document that is at hand; as ``read_regions`` of a file."""
    return _checked(document, mpp, extent_px0, called)


def read_annotations(
    path: Path, *, mpp: Mpp, extent_px0: tuple[int, int], called: str
) -> tuple[tuple[SlideRegion, ...], int]:
    """Regions of a file that may hold nuclei too, and how many nuclei were passed over.

    Such a file is an export of all that is known of a slide. It is read object by object; apart
    from that everything is as in ``read_regions``.
    """
    kept: list[Any] = []
    nuclei = 0
    for one in objects(path, called=called):
        if isinstance(one, dict) and object_type(one) in ("detection", "cell"):
            nuclei += 1
        else:
            kept.append(one)
    return _checked(kept, mpp, extent_px0, called), nuclei


def read_stored_regions(path: Path, *, mpp: Mpp) -> tuple[SlideRegion, ...]:
    """Regions of a result's own file, its invasive fronts among them.

    Raises
    ------
    UsageError
        As ``read_regions``, or a front cannot be read.
    """
    document = read_json(path)
    areas = _checked(document, mpp, None, path.name)
    try:
        features = [f for f in document["features"] if _is_front(f["properties"])]
        return (*areas, *(_front(feature, mpp) for feature in features))
    except (KeyError, TypeError, ValueError) as cause:
        raise UsageError(f"{path.name}: a front cannot be read. Copy the result again") from cause


def _front(feature: Mapping[str, Any], mpp: Mpp) -> SlideRegion:
    geometry = feature["geometry"]
    told = geometry["coordinates"]
    lines = tuple(
        Line(points_px0=np.array(points, np.float64).reshape(-1, 2))
        for points in ([told] if geometry["type"] == "LineString" else told)
    )
    lengths = [np.hypot(*np.diff(line.points_px0, axis=0).T).sum() for line in lines]
    return SlideRegion(
        region_id=str(feature["properties"]["region_id"]),
        kind="front",
        lines=lines,
        length_mm=px_to_um(float(sum(lengths)), mpp) / 1000,
    )


def _checked(
    document: Any, mpp: Mpp, extent_px0: tuple[int, int] | None, name: str
) -> tuple[SlideRegion, ...]:
    drawn = list(_drawn(document, name))
    if not drawn:
        raise UsageError(f"{name}: holds no region. Draw one, export it again")
    if sum(shapely.get_num_coordinates(d.shape) for d in drawn) > MOST_POINTS:
        raise UsageError(f"{name}: has more than {MOST_POINTS} points. Simplify the regions")
    if extent_px0 is not None:
        _refuse_other_slide(drawn, extent_px0, name)
    return _named(drawn, mpp, name)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Drawn:
    shape: Shape
    properties: Mapping[str, Any]
    where: str


def _drawn(document: Any, name: str) -> Iterator[_Drawn]:
    features = document
    if isinstance(document, dict):
        features = document.get("features") if "features" in document else [document]
    if not isinstance(features, list):
        raise UsageError(f"{name}: is no GeoJSON. Export the region from QuPath as GeoJSON")
    for number, feature in enumerate(features, start=1):
        where = f"{name}, region {number}"
        if not isinstance(feature, dict):
            raise UsageError(f"{where}: is no GeoJSON feature")
        properties = feature.get("properties") or {}
        if not isinstance(properties, dict):
            raise UsageError(f"{where}: its properties are no table")
        geometry = feature.get("geometry") if feature.get("type") == "Feature" else feature
        if properties.get("objectType", "annotation") != "annotation":
            raise UsageError(f"{where}: is no annotation. Export annotations only, no detections")
        if _is_front(properties):  # a line, and never a person's: measured anew
            continue
        yield _Drawn(shape=_shape(geometry, where), properties=properties, where=where)


def _shape(geometry: Any, where: str) -> Shape:
    """A valid area in level-0 px."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise UsageError(f"{where}: is no area ({str(kind)[:ID_LENGTH]}). Draw a closed outline")
    coordinates = geometry.get("coordinates")
    try:
        parts = [coordinates] if kind == "Polygon" else list(coordinates)
        shape = shapely.MultiPolygon([_part(rings) for rings in parts])
    except (TypeError, ValueError, IndexError, shapely.errors.GEOSException) as cause:
        raise UsageError(f"{where}: its points cannot be read. Export it again") from cause
    if shape.is_empty or shape.area == 0:
        raise UsageError(f"{where}: is empty. Draw it again")
    if not shape.is_valid:
        reason = shapely.is_valid_reason(shape)
        raise UsageError(f"{where}: is no proper area ({reason}). Draw it without crossing lines")
    return shape


def _part(rings: Any) -> Shape:
    outer, *holes = (_points(ring) for ring in rings)
    return shapely.Polygon(outer, holes)


def _points(ring: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    points = np.array([[x, y] for x, y, *_ in ring])
    if points.dtype.kind not in "if":  # text and true would pass for numbers
        raise ValueError("points are not numbers")
    points = points.astype(np.float64)
    if len(points) < 3 or not (np.abs(points) < FURTHEST_PX0).all():
        raise ValueError("too few points, or points beyond any slide")
    return points


def _refuse_other_slide(drawn: Sequence[_Drawn], extent_px0: tuple[int, int], name: str) -> None:
    slide = shapely.box(0, 0, *extent_px0)
    for one in drawn:
        if shapely.area(shapely.intersection(one.shape, slide)) == 0:
            raise UsageError(
                f"{one.where}: lies beside this slide. Draw it on this very slide, and export it "
                "in pixels of the full scan"
            )


def _named(drawn: Sequence[_Drawn], mpp: Mpp, name: str) -> tuple[SlideRegion, ...]:
    regions = []
    for number, one in enumerate(drawn, start=1):
        polygons = polygons_of_shape(one.shape)
        regions.append(
            SlideRegion(
                region_id=_id(one.properties, number),
                kind=_kind(one),
                polygons=polygons,
                area_mm2=_area_mm2(polygons, mpp, one.where),
                source="automatic" if _is_automatic(one.properties) else "person",
            )
        )
    if len({r.region_id for r in regions}) != len(regions):
        raise UsageError(f"{name}: two regions have the same region_id. Export it again")
    return tuple(regions)


def _area_mm2(polygons: tuple[Polygon, ...], mpp: Mpp, where: str) -> float:
    area = px_area_to_mm2(area_px0(polygons), mpp)
    if not math.isfinite(area) or area <= 0:
        raise UsageError(f"{where}: is empty. Draw it again")
    return area


def _is_front(properties: Mapping[str, Any]) -> bool:
    """Whether it is an invasive front of ours; QuPath keeps its class, not its kind."""
    classification = properties.get("classification")
    name = classification.get("name") if isinstance(classification, dict) else None
    return _stated_kind(properties) == "front" or name == NAMES["front"][0]


def _is_automatic(properties: Mapping[str, Any]) -> bool:
    """Whether this program drew it. QuPath drops what it does not know, but keeps the name."""
    if "source" in properties:
        return bool(properties["source"] == "automatic")
    named = _named_id(properties)
    return named is not None and named != CONFIRMED and not named.startswith("person-")


def _named_id(properties: Mapping[str, Any]) -> str | None:
    """The id in a name that this program gave, as in "Field (field-1)"."""
    match = GIVEN_NAME.fullmatch(str(properties.get("name") or ""))
    return match[2] if match and match[1] in OWN_NAMES else None


def _id(properties: Mapping[str, Any], number: int) -> str:
    given = properties.get("region_id", _named_id(properties))
    if isinstance(given, str) and 0 < len(given) <= ID_LENGTH and given.isprintable():
        return given
    return f"person-{number}"


def _stated_kind(properties: Mapping[str, Any]) -> RegionKind | None:
    """The kind that a file of ours states."""
    stated = properties.get("kind")
    return KIND_OF[stated] if isinstance(stated, str) and stated in NAMES else None


def _kind(one: _Drawn) -> RegionKind:
    if (stated := _stated_kind(one.properties)) is not None:
        return stated
    classification = one.properties.get("classification")
    name = classification.get("name") if isinstance(classification, dict) else None
    if name is None:
        return "tumour"
    known = KIND_OF.get(str(name).casefold())
    if known is None:
        allowed = ", ".join(text for text, _ in NAMES.values())
        raise UsageError(
            f"{one.where}: unknown class {str(name)[:ID_LENGTH]!r}. Give it none, or one of: "
            f"{allowed}"
        )
    return known
