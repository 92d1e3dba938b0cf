"""Outlines of nuclei painted as numbers, block by block: memory is that of a band of the slide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from pathology.exchange.cells_geojson import outline_shapes
from pathology.exchange.cells_parquet import cell_batches

MOST_POINTS: Final = 8_000_000
"""Points of outlines held at once, 64 MB and as much again while they are sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelGrid:
    """The pixels of a label image: ``rows`` x ``columns``, from the slide's upper left corner."""

    rows: int
    columns: int
    downsample: float  # level-0 px per pixel
    block: int  # pixels of a block's side

    @property
    def blocks(self) -> tuple[int, int]:
        """Rows and columns of blocks."""
        return -(-self.rows // self.block), -(-self.columns // self.block)


class Rings(NamedTuple):
    """Closed outlines: ring i, of label ``labels[i]``, is ``points[start[i]:start[i + 1]]``."""

    points: NDArray[np.float32]  # (m, 2) x, y in pixels of the grid; the first one is repeated
    start: NDArray[np.int64]  # (n + 1,)
    labels: NDArray[np.int32]  # (n,), above 0


def painted_blocks(
    cells: Path, grid: LabelGrid, *, most_points: int = MOST_POINTS
) -> Iterator[tuple[int, int, NDArray[np.int32]]]:
    """Row and column of each block that holds a nucleus, with its labels: ``cell_id`` + 1, else 0.

    A pixel is of the nucleus that holds its centre; of overlapping ones the later in the table. A
    nucleus without an outline is the pixel under its centre. The table is read once for every
    ``most_points`` points of outlines, and once before to count them.

    Raises
    ------
    UsageError
        The table cannot be read, or an outline is damaged.
    """
    for band in _bands(cells, grid, most_points):
        held = [_in_band(_rings(batch, grid), band, grid) for batch in cell_batches(cells)]
        yield from _painted(_joined(held), band, grid)


def _rings(batch: pa.RecordBatch, grid: LabelGrid) -> Rings:
    centres = np.stack([batch["x_px0"].to_numpy(), batch["y_px0"].to_numpy()], axis=1)
    shapes = shapely.get_exterior_ring(outline_shapes(batch["outline"]))
    bare = np.flatnonzero(shapely.is_missing(shapes))
    corner = np.floor(centres[bare] / grid.downsample) * grid.downsample
    shapes[bare] = [
        shapely.LinearRing([(x, y), (x + s, y), (x + s, y + s), (x, y + s)])
        for (x, y), s in zip(corner.tolist(), [grid.downsample] * len(bare), strict=True)
    ]
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    start = np.searchsorted(owner, np.arange(len(shapes) + 1))
    labels = (batch["cell_id"].to_numpy() + 1).astype(np.int32)
    return Rings((points / grid.downsample).astype(np.float32), start, labels)


class _Spans(NamedTuple):
    """First and last block, inclusive, that each ring (n) may touch; none where last < first."""

    first: NDArray[np.int64]  # (n, 2) column, row
    last: NDArray[np.int64]


def _spans(rings: Rings, grid: LabelGrid) -> _Spans:
    if not len(rings.labels):
        return _Spans(np.zeros((0, 2), np.int64), np.zeros((0, 2), np.int64))
    low = np.minimum.reduceat(rings.points, rings.start[:-1])
    high = np.maximum.reduceat(rings.points, rings.start[:-1])
    rows, columns = grid.blocks
    first = np.maximum(np.floor(low / grid.block), 0).astype(np.int64)
    last = np.minimum(np.floor(high / grid.block), [columns - 1, rows - 1]).astype(np.int64)
    return _Spans(first, last)


def _bands(cells: Path, grid: LabelGrid, most_points: int) -> list[tuple[int, int]]:
    """Rows of blocks [first, end) whose outlines may be held at once; at least one row."""
    rows = grid.blocks[0]
    load = np.zeros(rows + 1, np.int64)
    for batch in cell_batches(cells):
        rings = _rings(batch, grid)
        spans, points = _spans(rings, grid), np.diff(rings.start)
        seen = (spans.last >= spans.first).all(axis=1)
        np.add.at(load, spans.first[seen, 1], points[seen])
        np.add.at(load, spans.last[seen, 1] + 1, -points[seen])
        # Points of a ring count in every row of blocks from its first to its last.
    load = np.cumsum(load)[:rows]
    ends, held = [0], 0
    for row, points_here in enumerate(load.tolist()):
        if held and held + points_here > most_points:
            ends.append(row)
            held = 0
        held += points_here
    return list(pairwise([*ends, rows]))


def _in_band(rings: Rings, band: tuple[int, int], grid: LabelGrid) -> Rings:
    spans = _spans(rings, grid)
    inside = (spans.last >= spans.first).all(axis=1)
    return chosen(rings, np.flatnonzero(inside & _meets(spans, band)))


def _meets(spans: _Spans, band: tuple[int, int]) -> NDArray[np.bool_]:
    meets: NDArray[np.bool_] = (spans.first[:, 1] < band[1]) & (spans.last[:, 1] >= band[0])
    return meets


def chosen(rings: Rings, which: NDArray[np.int64]) -> Rings:
    """Some of the rings, by number."""
    lengths = np.diff(rings.start)[which]
    start = np.concatenate([[0], np.cumsum(lengths)])
    at = np.arange(start[-1]) + np.repeat(rings.start[:-1][which] - start[:-1], lengths)
    return Rings(rings.points[at], start, rings.labels[which])


def _joined(parts: list[Rings]) -> Rings:
    lengths = [np.diff(p.start) for p in parts]
    start = np.concatenate([[0], np.cumsum(np.concatenate([[0], *lengths]))[1:]])
    empty = np.zeros((0, 2), np.float32), np.zeros(0, np.int32)
    points = np.concatenate([empty[0], *(p.points for p in parts)])
    return Rings(points, start, np.concatenate([empty[1], *(p.labels for p in parts)]))


def _painted(
    rings: Rings, band: tuple[int, int], grid: LabelGrid
) -> Iterator[tuple[int, int, NDArray[np.int32]]]:
    spans = _spans(rings, grid)
    first, last = spans.first.copy(), spans.last.copy()
    first[:, 1], last[:, 1] = np.maximum(first[:, 1], band[0]), np.minimum(last[:, 1], band[1] - 1)
    across, down = (last - first + 1).T
    ring = np.repeat(np.arange(len(first)), across * down)
    step = np.arange(len(ring)) - np.repeat(np.cumsum(across * down) - across * down, across * down)
    column = first[ring, 0] + step % across[ring]
    row = first[ring, 1] + step // across[ring]
    key = row * grid.blocks[1] + column
    order = np.argsort(key, kind="stable")  # within a block the rings stay in the table's order
    keys, begin = np.unique(key[order], return_index=True)
    for k, (a, b) in zip(keys.tolist(), pairwise([*begin.tolist(), len(key)]), strict=True):
        block_row, block_column = divmod(k, grid.blocks[1])
        corner = np.array([block_column, block_row]) * grid.block
        rows = min(grid.block, grid.rows - int(corner[1]))
        columns = min(grid.block, grid.columns - int(corner[0]))
        some = chosen(rings, ring[order[a:b]])
        yield block_row, block_column, paint(some, corner, (rows, columns))


def paint(rings: Rings, corner: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int32]:
    """Labels (rows, columns) of the pixels from ``corner`` (x, y) whose centres lie in a ring.

    A centre on an outline belongs to the area right of or below it, as in ``outlines.rasterise``.
    """
    labels = np.zeros(shape, np.int32)
    points = rings.points.astype(np.float64) - 0.5
    owner = np.repeat(np.arange(len(rings.labels)), np.diff(rings.start))
    edge = np.flatnonzero(owner[1:] == owner[:-1])
    (x0, y0), (x1, y1) = points[edge].T, points[edge + 1].T
    top, bottom = corner[1], corner[1] + shape[0]
    first = np.clip(np.ceil(np.minimum(y0, y1)), top, bottom).astype(np.int64)
    end = np.clip(np.ceil(np.maximum(y0, y1)), top, bottom).astype(np.int64)
    crossed = end - first
    e = np.repeat(np.arange(len(edge)), crossed)
    row = np.arange(len(e)) - np.repeat(np.cumsum(crossed) - crossed, crossed) + first[e]
    x = x0[e] + (row - y0[e]) * ((x1[e] - x0[e]) / (y1[e] - y0[e]))
    order = np.lexsort((x, row, owner[edge][e]))
    _fill(
        labels,
        rings.labels[owner[edge][e][order[::2]]],
        row[order[::2]] - top,
        x[order] - corner[0],
    )
    return labels


def _fill(
    labels: NDArray[np.int32],
    label: NDArray[np.int32],
    row: NDArray[np.int64],
    x: NDArray[np.float64],
) -> None:
    """Spans (n) of rows, from each even to the odd crossing that follows it; x is (2 n,)."""
    bounds = np.clip(np.ceil(x), 0, labels.shape[1]).astype(np.int64)
    first, width = bounds[::2], bounds[1::2] - bounds[::2]
    span = np.repeat(np.arange(len(row)), width)
    column = np.arange(len(span)) - np.repeat(np.cumsum(width) - width, width) + first[span]
    # Where spans overlap the last one stays: numpy assigns in their order.
    labels.ravel()[row[span] * labels.shape[1] + column] = label[span]
