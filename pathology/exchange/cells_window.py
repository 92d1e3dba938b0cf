"""Nuclei of a result for a page: all as points, those of a part of the slide with outlines.

Places and what was said of each nucleus stay in memory, some twenty bytes a nucleus; outlines stay
in ``cells.parquet`` and are read a row group at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from pathology.errors import UsageError
from pathology.exchange.cells_geojson import outline_shapes
from pathology.exchange.cells_near import marked_nuclei
from pathology.exchange.packed import packed
from pathology.records.geometry import Box

BUCKET_PX0: Final = 8192
STEP_PX0: Final = 0.125
"""Points are sent in steps of this within their bucket: 16 bits hold 8192 px."""
EVERYWHERE: Final = Box(-(2**31), -(2**31), 2**32, 2**32)
REACH_PX0: Final = 256
"""How far from its centre an outline may reach, px: a nucleus is far smaller at any scale."""
GROUPS_KEPT: Final = 12  # row groups of outlines in memory: some 8 MB each
SHUFFLED: Final = 1  # seed: the first part of a bucket is a fair sample of it
DETAILS: Final = (
    "cell_id",
    "x_px0",
    "y_px0",
    "area_um2",
    "class",
    "class_probability",
    "positive",
    "dab_od",
    "regions",
    "excluded_by",
)


def calls(cell_class: Any, positive: Any, counted: Any) -> NDArray[np.uint8]:
    """What was said of nuclei (n,), in a byte each.

    Bits 0 and 1 are the class, 2 and 3 the positivity (0 unknown, 1 negative, 2 positive), 4 says
    that the nucleus was counted.
    """
    said: NDArray[np.uint8] = np.asarray(cell_class, np.uint8) & np.uint8(3)
    said |= (np.asarray(positive, np.int8) + 1).astype(np.uint8) << np.uint8(2)
    said |= np.asarray(counted, np.uint8) << np.uint8(4)
    return said


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NucleiWindow:
    """All nuclei of a result by place. Safe to share between threads."""

    path: Path
    centre_px0: NDArray[np.float32]  # (n, 2) x, y; bucket by bucket, shuffled within each
    call: NDArray[np.uint8]  # (n,) as ``calls``
    row: NDArray[np.int64]  # (n,) place in the table
    bucket: NDArray[np.int64]  # (b, 2) column, row of buckets that hold any
    start: NDArray[np.int64]  # (b + 1,) where each begins
    group_start: NDArray[np.int64]  # (g + 1,) first row of each row group
    _groups: OrderedDict[int, pa.Array] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def __len__(self) -> int:
        return len(self.call)

    def points(self) -> bytes:
        """All nuclei as points, a ``packed`` message: x, y (u2, steps in the bucket), call (u1)."""
        which = np.repeat(np.arange(len(self.bucket)), np.diff(self.start))
        offset = self.centre_px0 - self.bucket[which] * np.float32(BUCKET_PX0)
        steps = np.clip(np.rint(offset / STEP_PX0), 0, 65535).astype(np.uint16)
        told = {
            "bucket_px0": BUCKET_PX0,
            "step_px0": STEP_PX0,
            "buckets": self.bucket.tolist(),
            "start": self.start.tolist(),
            "numbers": {str(k): int(n) for k, n in enumerate(np.bincount(self.call)) if n},
        }
        return packed(told, x=steps[:, 0], y=steps[:, 1], call=self.call)

    def within(self, box: Box) -> NDArray[np.int64]:
        """Places in these arrays of nuclei whose centre lies in ``box``, by their row."""
        left, top = np.floor_divide((box.x, box.y), BUCKET_PX0)
        right, bottom = np.floor_divide((box.right, box.bottom), BUCKET_PX0)
        column, row = self.bucket.T
        near = (column >= left) & (column <= right) & (row >= top) & (row <= bottom)
        found = [np.arange(self.start[b], self.start[b + 1]) for b in np.flatnonzero(near)]
        if not found:
            return np.empty(0, np.int64)
        at = np.concatenate(found)
        x, y = self.centre_px0[at].T
        at = at[(x >= box.x) & (x < box.right) & (y >= box.y) & (y < box.bottom)]
        return np.asarray(at[np.argsort(self.row[at])], np.int64)

    def outlines(self, box: Box, most: int) -> bytes:
        """Outlines of the nuclei whose centre lies in ``box``, a ``packed`` message.

        points (f4, x and y from ``origin``), start (u4, of each outline, n + 1), call (u1), cell
        (u4, its cell_id). With more than ``most`` nuclei ``too_many`` is true and none is sent.

        Raises
        ------
        UsageError
            The table was changed, or an outline is damaged.
        """
        at = self.within(box)
        told = {"origin": [box.x, box.y], "number": len(at), "too_many": len(at) > most}
        if len(at) > most:
            at = at[:0]
        points, start = self._rings(self.row[at])
        relative = (points - (box.x, box.y)).astype(np.float32)
        return packed(
            told,
            points=relative,
            start=start.astype(np.uint32),
            call=self.call[at],
            cell=self.row[at].astype(np.uint32),
        )

    def inside(self, outline_px0: NDArray[np.float64], most: int) -> bytes:
        """Nuclei whose centre lies in an outline (n, 2), a ``packed`` message.

        place (u4, among ``points``) and cell (u4, its cell_id). With more than ``most`` nuclei
        ``too_many`` is true and none is sent.
        """
        low, high = np.floor(outline_px0.min(axis=0)), np.ceil(outline_px0.max(axis=0))
        (x, y), (width, height) = low.astype(int).tolist(), (high - low).astype(int).tolist()
        at = self.within(Box(x, y, max(1, width), max(1, height)))
        held = shapely.contains_xy(shapely.Polygon(outline_px0), *self.centre_px0[at].T)
        at = at[held]
        told = {"number": len(at), "too_many": len(at) > most}
        at = at[: 0 if len(at) > most else None]
        return packed(told, place=at.astype(np.uint32), cell=self.row[at].astype(np.uint32))

    def _rings(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Outlines of rows (n, ascending): points (m, 2), and where each begins (n + 1)."""
        rings = shapely.get_exterior_ring(self._shapes(rows))
        points, ring = shapely.get_coordinates(rings, return_index=True)
        number = np.bincount(ring, minlength=len(rings))
        return points, np.concatenate([[0], np.cumsum(number)])

    def _shapes(self, rows: NDArray[np.int64]) -> NDArray[np.object_]:
        groups = np.searchsorted(self.group_start, rows, side="right") - 1
        found = [
            outline_shapes(self._group(g).take(pa.array(rows[groups == g] - self.group_start[g])))
            for g in np.unique(groups).tolist()
        ]
        return np.concatenate(found) if found else np.empty(0, object)

    def _group(self, number: int) -> pa.Array:
        with self._lock:
            known = self._groups.pop(number, None)
            if known is not None:
                self._groups[number] = known
                return known
        column = _read(self.path, number, ("outline",))["outline"].combine_chunks()
        with self._lock:
            self._groups[number] = column
            while len(self._groups) > GROUPS_KEPT:
                self._groups.popitem(last=False)
        return column

    def at(self, x_px0: float, y_px0: float, reach_px0: float) -> dict[str, Any] | None:
        """All that is known of the nucleus at a place: the one around it, else the nearest.

        None where no centre lies within ``reach_px0`` and no outline holds the place.
        """
        side = 2 * REACH_PX0
        box = Box(round(x_px0) - REACH_PX0, round(y_px0) - REACH_PX0, side, side)
        at = self.within(box)
        if not len(at):
            return None
        shapes = self._shapes(self.row[at])
        around = shapely.contains_xy(shapes, x_px0, y_px0)
        distance = np.hypot(*(self.centre_px0[at] - (x_px0, y_px0)).T)
        distance[around] -= 2 * REACH_PX0  # any that holds the place comes before any that does not
        nearest = int(distance.argmin())
        if distance[nearest] > reach_px0:
            return None
        row, shape = int(self.row[at[nearest]]), shapes[nearest]
        group = int(np.searchsorted(self.group_start, row, side="right") - 1)
        table = _read(self.path, group, DETAILS).slice(row - int(self.group_start[group]), 1)
        (told,) = table.to_pylist()
        ring = [] if shape is None else shapely.get_coordinates(shape.exterior).tolist()
        return {**told, "place": int(at[nearest]), "outline": ring}


def nuclei_window(path: Path) -> NucleiWindow:
    """The nuclei of a table by place.

    Raises
    ------
    UsageError
        The table cannot be read, see ``cells_parquet.read_cells``.
    """
    found = marked_nuclei(path, EVERYWHERE)
    centre = found.centre_px0.astype(np.float32)
    cell = np.floor_divide(centre, BUCKET_PX0).astype(np.int64)
    mixed = np.random.default_rng(SHUFFLED).permutation(len(centre))
    order = mixed[np.lexsort((cell[mixed, 0], cell[mixed, 1]))]
    cell = cell[order]
    new = np.any(cell[1:] != cell[:-1], axis=1)
    first = np.concatenate([[0], np.flatnonzero(new) + 1]) if len(cell) else np.empty(0, np.int64)
    with pq.ParquetFile(path) as file:
        sizes = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
    return NucleiWindow(
        path=path,
        centre_px0=centre[order],
        call=calls(found.cell_class, found.positive, found.counted)[order],
        row=order.astype(np.int64),
        bucket=cell[first],
        start=np.append(first, len(cell)).astype(np.int64),
        group_start=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
    )


def _read(path: Path, group: int, columns: tuple[str, ...]) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            return file.read_row_group(group, columns=list(columns))
    except (OSError, pa.ArrowInvalid) as cause:
        raise UsageError(f"{path.name}: cannot be read any more") from cause
