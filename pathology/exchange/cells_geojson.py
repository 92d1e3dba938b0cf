"""Regions and nuclei as GeoJSON that QuPath opens: streamed, one batch of nuclei in memory.

Nuclei are detections in QuPath's own classes, so that it can compute a positive share itself
("Tumor: Positive", "Tumor: Negative"); what was not counted is "Ignore*". Level-0 pixels.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from pathology.exchange.documents import read_json
from pathology.exchange.whole_file import write_whole
from pathology.exchange.wire_status import BANNER_EN, BANNER_ZH
from pathology.records.result import StoredResult

NUCLEUS_NAMES: Final = uuid.UUID("3f6b8a52-9d0e-5c1b-8a77-2c1f0f6f6a10")
"""Namespace of nucleus ids (RFC 4122, version 5): the same nucleus always has the same id."""
CLASSES: Final[Mapping[str, tuple[str, tuple[int, int, int]]]] = {
    "tumour": ("Tumor", (200, 0, 0)),
    "lymphocyte": ("Immune cells", (160, 90, 160)),
    "stroma": ("Stroma", (150, 200, 150)),
    "other": ("Other", (255, 200, 0)),
    "positive": ("Tumor: Positive", (213, 62, 0)),
    "negative": ("Tumor: Negative", (0, 92, 190)),
    "excluded": ("Ignore*", (180, 180, 180)),
}
AREA, DAB, PROBABILITY = "Nucleus: Area µm^2", "Nucleus: DAB OD mean", "Class probability"
PLACES: Final = 2
"""Decimals of a point, level-0 px: outlines have no finer truth."""


def write_geojson(
    path: Path, result: StoredResult, regions: Path, batches: Iterable[pa.RecordBatch]
) -> None:
    """Regions of a result and all its nuclei, as one FeatureCollection.

    Raises
    ------
    UsageError
        The regions cannot be read.
    OutputError
        The file cannot be written.
    """
    write_whole(path, _pieces(result, read_json(regions), batches))


def _pieces(
    result: StoredResult, regions: Mapping[str, Any], batches: Iterable[pa.RecordBatch]
) -> Iterator[bytes]:
    head = {
        "type": "FeatureCollection",
        "schema": "pathology.cells-geojson/1",
        "result_id": result.result_id,
        "state": "AI_DRAFT",
        "banner": {"en": BANNER_EN, "zh": BANNER_ZH},
    }
    yield f'{_text(head)[:-1]},"features":['.encode()
    first = True
    for feature in regions["features"]:
        yield (b"" if first else b",\n") + _text(feature).encode()
        first = False
    for batch in batches:
        for text in _nuclei(batch, result):
            yield (b"" if first else b",\n") + text.encode()
            first = False
    yield b"]}\n"


def _nuclei(batch: pa.RecordBatch, result: StoredResult) -> Iterator[str]:
    columns = batch.to_pydict()
    shapes = shapely.from_wkb(np.array(columns["outline"], dtype=object))
    points = shapely.points(columns["x_px0"], columns["y_px0"])
    for i, number in enumerate(columns["cell_id"]):
        shape = points[i] if shapes[i] is None else shapes[i]
        name, colour = CLASSES[_kind(columns, i)]
        measured = {AREA: round(columns["area_um2"][i], 3)}
        measured[PROBABILITY] = round(columns["class_probability"][i], 4)
        if columns["dab_od"][i] is not None:
            measured[DAB] = round(columns["dab_od"][i], 4)
        yield _text(
            {
                "type": "Feature",
                "id": str(uuid.uuid5(NUCLEUS_NAMES, f"{result.result_id}/{number}")),
                "geometry": _geometry(shape),
                "properties": {
                    "objectType": "detection",
                    "classification": {"name": name, "color": list(colour)},
                    "measurements": measured,
                    "cell_id": number,
                    "class": columns["class"][i],
                    "positive": columns["positive"][i],
                    "excluded_by": columns["excluded_by"][i],
                },
            }
        )


def _kind(columns: Mapping[str, list[Any]], i: int) -> str:
    """How QuPath should class a nucleus."""
    name: str = columns["class"][i]
    if columns["excluded_by"][i] is not None:
        return "excluded" if name == "tumour" else name
    if name == "tumour" and columns["positive"][i] is not None:
        return "positive" if columns["positive"][i] else "negative"
    return name


def _geometry(shape: Any) -> dict[str, Any]:
    line = np.round(shapely.get_coordinates(shape), PLACES).tolist()
    if shape.geom_type == "Point":
        return {"type": "Point", "coordinates": line[0]}
    return {"type": "Polygon", "coordinates": [line]}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
