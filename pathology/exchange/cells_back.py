"""Nuclei back from GeoJSON: our own export, or what QuPath made of it.

QuPath keeps geometry, class and measurements of a detection and may drop members it does not know;
``read_cells_geojson`` says what stands in for them. Where a person has given a nucleus another
class, that class counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
import shapely

from pathology.errors import UsageError
from pathology.exchange.cells_geojson import AREA, CLASSES, DAB, PROBABILITY, object_type
from pathology.exchange.cells_parquet import CELLS_SCHEMA, CLASS_NAMES, ROW_GROUP
from pathology.exchange.features_stream import features

KIND_OF: Final[Mapping[str, str]] = MappingProxyType(
    {name.casefold(): kind for kind, (name, _) in CLASSES.items()}
)
IGNORED: Final = "ignored"
"""Why a nucleus of class "Ignore*" is not counted, where the file has lost it."""
FURTHEST_PX0: Final = 2.0**31
TOLD_LENGTH: Final = 64


def read_cells_geojson(path: Path) -> pa.Table:
    """Detections and cells of a GeoJSON file as a table of ``CELLS_SCHEMA``.

    Regions and other objects are passed over. What another program dropped is made up for:
    ``cell_id`` counts from 0 unless every nucleus has one, the centre is that of the outline,
    ``class_probability`` is NaN, ``dab_od`` null, ``regions`` empty, and "Ignore*" is class other,
    excluded by "ignored"; that a class is not counted by an analysis is not told then. A cell's
    outline is that of its nucleus.

    Raises
    ------
    UsageError
        The file is no GeoJSON; a nucleus has no class, an unknown one, no area in its
        measurements, or no outline in one piece; or two have the same ``cell_id``. The message
        names the object.
    """
    rows = _rows(path)
    batches = []
    while some := list(islice(rows, ROW_GROUP)):
        columns = [pa.array([row[f.name] for row in some], _plain(f.type)) for f in CELLS_SCHEMA]
        cast = [c.cast(f.type) for c, f in zip(columns, CELLS_SCHEMA, strict=True)]
        batches.append(pa.RecordBatch.from_arrays(cast, schema=_UNNUMBERED))
    table = pa.Table.from_batches(batches, _UNNUMBERED).unify_dictionaries()
    return _numbered(table, path.name)


_UNNUMBERED: Final = CELLS_SCHEMA.set(0, CELLS_SCHEMA.field("cell_id").with_nullable(True))


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _numbered(table: pa.Table, name: str) -> pa.Table:
    ids = table["cell_id"]
    if ids.null_count:
        ids = pa.chunked_array([pa.array(range(len(table)), pa.int64())])
    elif len(ids.unique()) != len(ids):
        raise UsageError(f"{name}: two nuclei have the same cell_id. Export it again")
    return table.set_column(0, CELLS_SCHEMA.field("cell_id"), ids).cast(CELLS_SCHEMA)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for number, feature in enumerate(features(path), start=1):
        if object_type(feature) in ("detection", "cell"):
            yield _row(feature, f"{path.name}, object {number}")


def _row(feature: Mapping[str, Any], where: str) -> dict[str, Any]:
    properties = feature["properties"]
    shape = _shape(feature.get("nucleusGeometry") or feature.get("geometry"), where)
    measured = _measurements(properties.get("measurements"), where)
    area = measured.get(AREA)
    if area is None:
        raise UsageError(f"{where}: has no measurement {AREA!r}. Keep the measurements on export")
    x, y = _centre(properties.get("centre_px0"), shape)
    name, positive, excluded_by = _judged(properties, where)
    regions, cell_id = properties.get("regions"), properties.get("cell_id")
    return {
        "cell_id": cell_id if type(cell_id) is int and 0 <= cell_id < 2**63 else None,
        "x_px0": x,
        "y_px0": y,
        "area_um2": area,
        "class": name,
        "class_probability": measured.get(PROBABILITY, math.nan),
        "positive": positive,
        "dab_od": measured.get(DAB),
        "regions": [r for r in regions if isinstance(r, str)] if isinstance(regions, list) else [],
        "excluded_by": excluded_by,
        "outline": shapely.to_wkb(shape, byte_order=1) if shape.geom_type == "Polygon" else None,
    }


def _judged(properties: Mapping[str, Any], where: str) -> tuple[str, bool | None, str | None]:
    """Class, positive and excluded_by: the classification's, and ours where the two agree."""
    kind = _kind(properties.get("classification"), where)
    ours, positive, excluded_by = (properties.get(k) for k in ("class", "positive", "excluded_by"))
    positive = positive if isinstance(positive, bool) else None
    excluded_by = excluded_by if isinstance(excluded_by, str) else None
    if kind == "excluded":
        return ours if ours in CLASS_NAMES else "other", positive, excluded_by or IGNORED
    if kind in ("positive", "negative"):
        return "tumour", kind == "positive", None
    if ours != kind:  # a person's class, or a file that has lost ours
        left_out_by_class = excluded_by is not None and excluded_by == ours
        return kind, None, kind if left_out_by_class and kind != "tumour" else None
    return kind, positive if kind != "tumour" else None, excluded_by


def _kind(classification: Any, where: str) -> str:
    """A key of ``CLASSES``."""
    name = classification.get("name") if isinstance(classification, dict) else None
    if name is None:
        raise UsageError(f"{where}: has no class. Classify every nucleus, export it again")
    known = KIND_OF.get(str(name).casefold())
    if known is None:
        allowed = ", ".join(text for text, _ in CLASSES.values())
        raise UsageError(f"{where}: unknown class {str(name)[:TOLD_LENGTH]!r}. Known: {allowed}")
    return known


def _measurements(told: Any, where: str) -> dict[str, float]:
    """By name; QuPath before 0.4 wrote a list."""
    if isinstance(told, list):
        told = {str(m.get("name")): m.get("value") for m in told if isinstance(m, dict)}
    if not isinstance(told, dict):
        raise UsageError(f"{where}: has no measurements. Keep them on export")
    return {k: float(v) for k, v in told.items() if _is_number(v)}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and abs(value) < FURTHEST_PX0


def _centre(told: Any, shape: Any) -> tuple[float, float]:
    if isinstance(told, list) and len(told) == 2 and all(map(_is_number, told)):
        return float(told[0]), float(told[1])
    middle = shapely.centroid(shape)
    return float(middle.x), float(middle.y)


def _shape(geometry: Any, where: str) -> Any:
    """A polygon, or the point that stands for a nucleus without outline."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    told: Any = geometry.get("coordinates") if isinstance(geometry, dict) else None
    try:
        if kind == "Point":
            return shapely.Point(*_points([told])[0])
        if kind == "Polygon":
            outer, *holes = map(_points, told)
            return shapely.Polygon(outer, holes)
    except (TypeError, ValueError, OverflowError, shapely.errors.GEOSException) as cause:
        raise UsageError(f"{where}: its points cannot be read. Export it again") from cause
    said = str(kind)[:TOLD_LENGTH]
    raise UsageError(f"{where}: is no outline in one piece ({said}). Split or delete it")


def _points(told: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    points = [(x, y) for x, y, *_ in told]
    if not all(_is_number(x) and _is_number(y) for x, y in points):
        raise ValueError("points are no numbers, or lie beyond any slide")
    return points
