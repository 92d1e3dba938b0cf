"""Annotations as QuPath exports them (GeoJSON): outlines and points with the name of a class."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pathology.errors import UsageError

POSITIVE: Final[Mapping[str, int]] = {"positive": 1, "negative": 0}
"""QuPath's own words for cells that take a marker or not, as in ``Tumor: Positive``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawnShape:
    """One annotation, in pixels of the slide it was drawn on."""

    where: str  # file and number, for messages
    names: tuple[str, ...]  # classes, in lower case, without Positive and Negative
    positive: int | None
    rings_px0: tuple[NDArray[np.float64], ...]  # outer rings (n, 2) of an outline; () for points
    points_px0: NDArray[np.float64]  # (n, 2); (0, 2) for an outline


def read_shapes(path: Path) -> tuple[DrawnShape, ...]:
    """Every annotation of a file.

    Raises
    ------
    UsageError
        The file is missing or no GeoJSON, or a shape is neither outline nor point; the message
        names the file, the shape and what to do.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as cause:
        raise UsageError(
            f"{path.name}: cannot be read ({cause.strerror}). Export the annotations of "
            f"{path.stem} from QuPath as GeoJSON under this name"
        ) from cause
    except (ValueError, RecursionError) as cause:
        raise UsageError(f"{path.name}: is no GeoJSON. Export it from QuPath again") from cause
    features = document.get("features") if isinstance(document, dict) else document
    if not isinstance(features, list):
        raise UsageError(f"{path.name}: is no list of features. Export it from QuPath again")
    return tuple(_drawn(path.name, features))


def _drawn(name: str, features: list[Any]) -> Iterator[DrawnShape]:
    for number, feature in enumerate(features, start=1):
        where = f"{name}, shape {number}"
        try:
            # A cell has two outlines; the nucleus is the inner one.
            geometry = feature.get("nucleusGeometry") or feature["geometry"]
            kind, coordinates = geometry["type"], geometry["coordinates"]
            names, positive = _classes(feature.get("properties") or {})
            rings, points = _geometry(kind, coordinates, where)
        except (TypeError, ValueError, LookupError, AttributeError) as cause:
            raise UsageError(f"{where}: cannot be read. Export it from QuPath again") from cause
        yield DrawnShape(
            where=where, names=names, positive=positive, rings_px0=rings, points_px0=points
        )


def _classes(properties: Mapping[str, Any]) -> tuple[tuple[str, ...], int | None]:
    """Names of the class, and what it says of the marker."""
    told = properties.get("classification") or {}
    parts = told.get("names") or str(told.get("name", "")).split(":")
    words = [str(part).strip().casefold() for part in parts if str(part).strip()]
    positive = [POSITIVE[word] for word in words if word in POSITIVE]
    return tuple(w for w in words if w not in POSITIVE), positive[-1] if positive else None


def _geometry(
    kind: str, coordinates: Any, where: str
) -> tuple[tuple[NDArray[np.float64], ...], NDArray[np.float64]]:
    """Outer rings, and points."""
    none = np.empty((0, 2))
    match kind:
        case "Polygon":
            return (_places(coordinates[0]),), none
        case "MultiPolygon":
            return tuple(_places(polygon[0]) for polygon in coordinates), none
        case "Point":
            return (), _places([coordinates])
        case "MultiPoint":
            return (), _places(coordinates)
    raise UsageError(f"{where}: is a {kind!s:.40}. Annotate nuclei with outlines or with points")


def _places(coordinates: Any) -> NDArray[np.float64]:
    places = np.asarray(coordinates, np.float64)[:, :2]
    if places.shape[1] != 2 or not len(places) or not np.isfinite(places).all():
        raise ValueError("no places")
    return places
