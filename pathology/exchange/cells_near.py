"""Nuclei of one part of a slide, read back from ``cells.parquet``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from pathology.exchange.cells_geojson import outline_shapes
from pathology.exchange.cells_parquet import CELLS_SCHEMA, CLASS_NAMES, cell_batches
from pathology.exchange.overlay_layers import MarkedNuclei
from pathology.records.geometry import Box
from pathology.records.prediction import Nuclei, Positivity

WITHOUT_OUTLINES: Final = ("x_px0", "y_px0", "class", "positive", "excluded_by")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counted:
    """Nuclei with their outlines, and which of them were counted."""

    nuclei: Nuclei
    counted: NDArray[np.bool_]  # (n,)


def marked_nuclei(path: Path, box_px0: Box) -> MarkedNuclei:
    """Nuclei whose centre lies in ``box_px0``, without outlines.

    Memory: some twenty bytes a nucleus found, and one batch of the table.

    Raises
    ------
    UsageError
        The table cannot be read, see ``cells_parquet.read_cells``.
    """
    found = list(_batches(path, box_px0, WITHOUT_OUTLINES))
    if not found:
        return MarkedNuclei.none()
    return MarkedNuclei(
        centre_px0=np.concatenate([_centres(b) for b in found]),
        cell_class=np.concatenate([_classes(b) for b in found]),
        positive=np.concatenate([_positivity(b) for b in found]),
        counted=np.concatenate([_counted(b) for b in found]),
    )


def outlined_nuclei(path: Path, box_px0: Box) -> Counted:
    """Nuclei whose centre lies in ``box_px0``, with outlines; only those are kept in memory.

    Raises
    ------
    UsageError
        The table cannot be read, or an outline is damaged.
    """
    found = list(_batches(path, box_px0, CELLS_SCHEMA.names))
    if not found:
        return Counted(nuclei=Nuclei.none(), counted=np.empty(0, bool))
    table = pa.Table.from_batches(found).unify_dictionaries().combine_chunks()
    (rows,) = table.to_batches()
    points, start = _outlines(rows["outline"])
    nuclei = Nuclei(
        centre_px0=_centres(rows),
        area_um2=rows["area_um2"].to_numpy(),
        cell_class=_classes(rows),
        class_probability=rows["class_probability"].to_numpy(),
        dab_od=rows["dab_od"].to_numpy(zero_copy_only=False),
        positive=_positivity(rows),
        outline_px0=points,
        outline_start=start,
    )
    return Counted(nuclei=nuclei, counted=_counted(rows))


def _batches(
    path: Path, box: Box, columns: tuple[str, ...] | list[str]
) -> Iterator[pa.RecordBatch]:
    for batch in cell_batches(path, columns=columns):
        x, y = batch["x_px0"].to_numpy(), batch["y_px0"].to_numpy()
        within = (x >= box.x) & (x < box.right) & (y >= box.y) & (y < box.bottom)
        if within.any():
            yield batch.filter(pa.array(within))


def _centres(batch: pa.RecordBatch) -> NDArray[np.float64]:
    return np.stack([batch["x_px0"].to_numpy(), batch["y_px0"].to_numpy()], axis=1)


def _classes(batch: pa.RecordBatch) -> NDArray[np.uint8]:
    names = pa.array(CLASS_NAMES)
    found: NDArray[np.uint8] = pc.index_in(batch["class"].cast(pa.string()), names).to_numpy()
    return found.astype(np.uint8)


def _positivity(batch: pa.RecordBatch) -> NDArray[np.int8]:
    called = batch["positive"].cast(pa.int8()).fill_null(Positivity.UNKNOWN)
    return np.asarray(called.to_numpy(zero_copy_only=False), np.int8)


def _counted(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    return np.asarray(batch["excluded_by"].is_null().to_numpy(zero_copy_only=False))


def _outlines(wkb: pa.Array) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Points of all outlines, and where each begins (n + 1); none where none is known."""
    rings = shapely.get_exterior_ring(outline_shapes(wkb))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    last = np.append(ring[1:] != ring[:-1], True) if len(ring) else np.empty(0, bool)
    number = np.bincount(ring[~last], minlength=len(rings))  # a ring repeats its first point
    start = np.concatenate([[0], np.cumsum(number)]).astype(np.int64)
    return points[~last].astype(np.float32), start
