"""Nuclei, and the invasive front, as DICOM Microscopy Bulk Simple Annotations (PS3.3 A.87).

One group for each class, call and reason not to count, as an annotation itself says nothing else.
Coordinates are pixels of the slide's total pixel matrix: the same frame as level-0 pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import shapely
from highdicom.ann import AnnotationGroup, Measurements, MicroscopyBulkSimpleAnnotations
from highdicom.color import CIELabColor
from numpy.typing import NDArray
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from pathology.errors import OutputError
from pathology.exchange.cells_geojson import CLASSES, kind_of, outline_shapes
from pathology.exchange.dicom_object import (
    DicomPlace,
    algorithm,
    draft_words,
    finish,
    own_concept,
    placed,
    unit_concept,
)
from pathology.exchange.dicom_slide import DicomSlide
from pathology.exchange.regions_geojson import NAMES
from pathology.records.region import SlideRegion
from pathology.records.result import StoredResult

MEASURED: Final = (
    ("cell_id", own_concept("cell-id", "Number of the nucleus in the result"), "1"),
    ("area_um2", own_concept("nucleus-area", "Area of the nucleus"), "um2"),
    ("class_probability", own_concept("class-probability", "Probability of the class"), "1"),
    ("dab_od", own_concept("dab-od", "Mean DAB optical density of the nucleus"), "1"),
)
"""Columns of ``cells.parquet`` that go along; a nucleus without DAB has no value there."""
LARGEST_WHOLE: Final = 2**24
"""DICOM measures annotations in 32-bit floats, which are exact on whole numbers up to this."""


class _Kind(NamedTuple):
    """Nuclei that go into one group."""

    cell_class: str
    positive: bool | None
    excluded_by: str | None
    outlined: bool


@dataclass(slots=True, eq=False)
class _Gathered:
    """Points, points of each nucleus, and measurements, in pieces."""

    points: list[NDArray[np.float32]] = field(default_factory=list)
    lengths: list[NDArray[np.int64]] = field(default_factory=list)
    measured: list[NDArray[np.float32]] = field(default_factory=list)

    def graphics(self) -> list[NDArray[np.float32]]:
        """One array (points, 2) a nucleus."""
        cuts = np.cumsum(np.concatenate(self.lengths))[:-1]
        return np.split(np.concatenate(self.points), cuts)


def nuclei_annotations(
    slide: DicomSlide,
    result: StoredResult,
    batches: Iterable[pa.RecordBatch],
    fronts: Sequence[SlideRegion],
    place: DicomPlace,
) -> MicroscopyBulkSimpleAnnotations | None:
    """Nuclei and front lines; None where there is neither.

    Raises
    ------
    OutputError
        There are more nuclei than a 32-bit float can number, or a point is not finite.
    UsageError
        The nuclei cannot be read.
    """
    groups = [*_nuclei_groups(result, batches), *_front_groups(fronts)]
    if not groups:
        return None
    try:
        made = MicroscopyBulkSimpleAnnotations(
            source_images=[slide.header],
            annotation_coordinate_type="2D",
            annotation_groups=[
                AnnotationGroup(
                    number=number,
                    uid=generate_uid(),
                    algorithm_type="AUTOMATIC",
                    algorithm_identification=algorithm(result),
                    **group,
                )
                for number, group in enumerate(groups, start=1)
            ],
            content_description=draft_words(slide),
            content_label="NUCLEI",
            **placed(place, result),
        )
    except ValueError as cause:
        raise OutputError("DICOM: a point of a nucleus is not finite") from cause
    finish(made, slide)
    return made


def _nuclei_groups(
    result: StoredResult, batches: Iterable[pa.RecordBatch]
) -> Iterator[dict[str, Any]]:
    gathered: dict[_Kind, _Gathered] = defaultdict(_Gathered)
    rows = 0
    for batch in batches:
        rows += len(batch)
        _gather(gathered, batch)
    if rows > LARGEST_WHOLE:
        raise OutputError(f"DICOM: {rows:,} nuclei; at most {LARGEST_WHOLE:,} can be numbered")
    for kind in sorted(gathered, key=str):
        yield _group(kind, gathered.pop(kind), result)


def _gather(gathered: dict[_Kind, _Gathered], batch: pa.RecordBatch) -> None:
    """Nuclei of a batch into their groups."""
    shapes = outline_shapes(batch["outline"])
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    lengths = np.bincount(owner, minlength=len(batch))
    outlined = lengths > 3  # the last point repeats the first
    start = np.concatenate([[0], np.cumsum(lengths)])
    centres = np.stack([batch["x_px0"].to_numpy(), batch["y_px0"].to_numpy()], axis=1)
    measured = np.stack(
        [batch[name].to_numpy(zero_copy_only=False).astype(np.float32) for name, *_ in MEASURED],
        axis=1,
    )
    columns = (batch[name].to_pylist() for name in ("class", "positive", "excluded_by"))
    kinds = [_Kind(*row) for row in zip(*columns, outlined.tolist(), strict=True)]
    rows_of: dict[_Kind, list[int]] = defaultdict(list)
    for row, kind in enumerate(kinds):
        rows_of[kind].append(row)
    for kind, rows in rows_of.items():
        to = gathered[kind]
        to.measured.append(measured[rows])
        if kind.outlined:
            open_rings = [points[start[r] : start[r + 1] - 1] for r in rows]
            to.points.append(np.concatenate(open_rings).astype(np.float32))
            to.lengths.append(lengths[rows] - 1)
        else:
            to.points.append(centres[rows].astype(np.float32))
            to.lengths.append(np.ones(len(rows), np.int64))


def _group(kind: _Kind, of: _Gathered, result: StoredResult) -> dict[str, Any]:
    values = np.concatenate(of.measured)
    colour = kind_of(kind.cell_class, kind.positive, kind.excluded_by)
    return {
        "label": label_of(kind, result)[:64],
        "annotated_property_category": codes.SCT.AnatomicalStructure,
        "annotated_property_type": codes.SCT.Nucleus,
        "graphic_type": "POLYGON" if kind.outlined else "POINT",
        "graphic_data": of.graphics(),
        "display_color": CIELabColor.from_rgb(*CLASSES[colour][1]),
        "measurements": [
            Measurements(name=name, values=values[:, column], unit=unit_concept(unit))
            for column, (_, name, unit) in enumerate(MEASURED)
            if np.isfinite(values[:, column]).any()
        ],
    }


def label_of(kind: _Kind, result: StoredResult) -> str:
    """What a group of nuclei is called: class, call, and why it was not counted."""
    words = [kind.cell_class]
    if result.analysis == "ki67":
        words.append({True: "positive", False: "negative", None: "ambiguous"}[kind.positive])
    if kind.excluded_by is not None:
        words.append(f"not counted: {kind.excluded_by.replace('_', ' ')}")
    return ", ".join(words)


def _front_groups(fronts: Sequence[SlideRegion]) -> Iterator[dict[str, Any]]:
    """One group a front, its lines as polylines."""
    for front in fronts:
        yield {
            "label": front.region_id[:64],
            "annotated_property_category": codes.SCT.SpatialAndRelationalConcept,
            "annotated_property_type": codes.DCM.Interface,
            "graphic_type": "POLYLINE",
            "graphic_data": [line.points_px0.astype(np.float32) for line in front.lines],
            "display_color": CIELabColor.from_rgb(*NAMES["front"][1]),
        }
