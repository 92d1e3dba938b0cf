"""Regions and nuclei as GeoJSON that QuPath opens: streamed, one batch of nuclei in memory.

Nuclei are detections in QuPath's own classes, so that it can compute a positive share itself
("Tumor: Positive", "Tumor: Negative"). What lies where nothing was counted is "Ignore*"; a nucleus
that was not counted because of its class keeps that class. Level-0 pixels.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from pathology.errors import OutputError, UsageError
from pathology.exchange.features_stream import features
from pathology.exchange.whole_file import write_whole
from pathology.exchange.wire_status import BANNER_EN, BANNER_ZH
from pathology.records.result import StoredResult

NUCLEUS_NAMES: Final = uuid.UUID("3f6b8a52-9d0e-5c1b-8a77-2c1f0f6f6a10")
"""Namespace of nucleus ids (RFC 4122, version 5): the same nucleus always has the same id."""
CLASSES: Final[Mapping[str, tuple[str, tuple[int, int, int]]]] = MappingProxyType(
    {
        "tumour": ("Tumor", (200, 0, 0)),
        "lymphocyte": ("Immune cells", (160, 90, 160)),
        "stroma": ("Stroma", (150, 200, 150)),
        "other": ("Other", (255, 200, 0)),
        "positive": ("Tumor: Positive", (213, 62, 0)),
        "negative": ("Tumor: Negative", (0, 92, 190)),
        "excluded": ("Ignore*", (180, 180, 180)),
    }
)
CLASSIFICATIONS: Final = MappingProxyType(
    {kind: {"name": name, "color": list(colour)} for kind, (name, colour) in CLASSES.items()}
)
AREA, DAB, PROBABILITY = "Nucleus: Area µm^2", "Nucleus: DAB OD mean", "Class probability"
PLACES: Final = 2
"""Decimals of a point, level-0 px: outlines have no finer truth."""
AREA_PLACES, SHARE_PLACES = 3, 4
"""Decimals of an area in µm², and of an optical density or a probability."""
ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def write_geojson(
    path: Path, result: StoredResult, regions: Path, batches: Iterable[pa.RecordBatch]
) -> None:
    """Regions of a result and all its nuclei, as one FeatureCollection.

    ``cells_back.read_cells_geojson`` gives the nuclei back: points within 0.005 px, areas within
    0.0005 µm², optical densities and probabilities within 0.00005.

    Raises
    ------
    UsageError
        The regions cannot be read.
    OutputError
        A number is not finite, or the file cannot be written.
    """
    try:
        write_whole(path, _pieces(result, regions, batches))
    except ValueError as cause:
        raise OutputError(f"{path.name}: a number of a nucleus is not finite") from cause


def object_type(feature: Mapping[str, Any]) -> str:
    """What QuPath takes a feature for; a shape that says nothing is an annotation."""
    properties = feature.get("properties")
    if not isinstance(properties, dict):
        return "annotation"
    return str(properties.get("objectType", properties.get("object_type", "annotation")))


def _pieces(
    result: StoredResult, regions: Path, batches: Iterable[pa.RecordBatch]
) -> Iterator[bytes]:
    head = {
        "schema": "pathology.cells-geojson/1",
        "result_id": result.result_id,
        "state": "AI_DRAFT",
        "banner": {"en": BANNER_EN, "zh": BANNER_ZH},
    }
    yield from _collection(head, _texts(result, regions, batches))


def _collection(head: Mapping[str, object], texts: Iterable[str]) -> Iterator[bytes]:
    """A FeatureCollection of features that are text already, one a line."""
    yield f'{ENCODER.encode({"type": "FeatureCollection", **head})[:-1]},"features":['.encode()
    before = "\n"
    for text in texts:
        yield f"{before}{text}".encode()
        before = ",\n"
    yield b"\n]}\n"


def _texts(result: StoredResult, regions: Path, batches: Iterable[pa.RecordBatch]) -> Iterator[str]:
    yield from map(ENCODER.encode, features(regions))
    for batch in batches:
        yield from _nuclei(batch, result.result_id)


def _nuclei(batch: pa.RecordBatch, result_id: str) -> Iterator[str]:
    rows = batch.drop_columns(["outline"]).to_pylist()
    rings = _rings(batch["outline"])
    for row, ring in zip(rows, rings, strict=True):
        centre = [round(row["x_px0"], PLACES), round(row["y_px0"], PLACES)]
        geometry = (
            {"type": "Polygon", "coordinates": [ring]}
            if ring
            else {"type": "Point", "coordinates": centre}
        )
        number = row["cell_id"]
        feature = {
            "type": "Feature",
            "id": str(uuid.uuid5(NUCLEUS_NAMES, f"{result_id}/{number}")),
            "geometry": geometry,
            "properties": {
                "objectType": "detection",
                "classification": CLASSIFICATIONS[
                    kind_of(row["class"], row["positive"], row["excluded_by"])
                ],
                "measurements": _measured(row),
                "cell_id": number,
                "centre_px0": centre,
                "class": row["class"],
                "positive": row["positive"],
                "excluded_by": row["excluded_by"],
                "regions": row["regions"],
            },
        }
        yield ENCODER.encode(feature)


def _measured(row: Mapping[str, Any]) -> dict[str, float]:
    measured = {
        AREA: round(row["area_um2"], AREA_PLACES),
        PROBABILITY: round(row["class_probability"], SHARE_PLACES),
    }
    if row["dab_od"] is not None:
        measured[DAB] = round(row["dab_od"], SHARE_PLACES)
    return measured


def kind_of(cell_class: str, positive: bool | None, excluded_by: str | None) -> str:
    """The key of ``CLASSES`` for a nucleus."""
    if excluded_by not in (None, cell_class):
        return "excluded"
    if cell_class == "tumour" and positive is not None:
        return "positive" if positive else "negative"
    return cell_class


def _rings(outlines: pa.Array) -> list[list[list[float]]]:
    """Outer rings (n), closed, as plain numbers; an empty list where there is no outline."""
    shapes = shapely.get_exterior_ring(outline_shapes(outlines))
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    plain: list[list[float]] = np.round(points, PLACES).tolist()
    start = np.searchsorted(owner, np.arange(len(shapes) + 1)).tolist()
    return [plain[a:b] for a, b in pairwise(start)]


def outline_shapes(outlines: pa.Array) -> NDArray[np.object_]:
    """Polygons (n,) of a column of WKB; None where it is null.

    Raises
    ------
    UsageError
        One of them is no WKB.
    """
    wkb = np.array([*outlines.to_pylist(), None], dtype=object)[:-1]
    try:
        shapes: NDArray[np.object_] = shapely.from_wkb(wkb)
    except shapely.errors.GEOSException as cause:
        raise UsageError("cells.parquet: an outline is damaged. Copy the result again") from cause
    return shapes
