"""``cells.parquet``: one row a nucleus, written as a stream; memory is that of one batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from pathology.errors import OutputError, UsageError
from pathology.records.prediction import CellClass, Nuclei, Positivity

SCHEMA_NAME: Final = "pathology.cells/1"
WORDS: Final = pa.dictionary(pa.int32(), pa.string())
CELLS_SCHEMA: Final = pa.schema(
    [
        pa.field("cell_id", pa.int64(), nullable=False),
        pa.field("x_px0", pa.float64(), nullable=False),
        pa.field("y_px0", pa.float64(), nullable=False),
        pa.field("area_um2", pa.float32(), nullable=False),
        pa.field("class", WORDS, nullable=False),
        pa.field("class_probability", pa.float32(), nullable=False),
        pa.field("positive", pa.bool_()),
        pa.field("dab_od", pa.float32()),
        pa.field("regions", pa.list_(pa.string()), nullable=False),
        pa.field("excluded_by", WORDS),
        pa.field("outline", pa.binary()),
    ],
    metadata={
        "schema": SCHEMA_NAME,
        "frame": "level-0 pixels from the slide's upper left corner, x right, y down; "
        "the centre of the first pixel is (0.5, 0.5)",
        "outline": "WKB polygon, little-endian; null where fewer than three points are known",
        "positive": "true, false; null where ambiguous or not asked",
        "excluded_by": "null where the nucleus is counted",
    },
)
CLASS_NAMES: Final = tuple(c.name.lower() for c in CellClass)
ROW_GROUP: Final = 16_384  # rows held back until they are worth a row group: some 7 MB


class CellsWriter:
    """Writes nuclei batch by batch; ``cell_id`` counts them from 0 in the order of arrival.

    A context manager. Left through an error, the unfinished file is removed.

    Raises
    ------
    OutputError
        On any call: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        try:
            self._file = pq.ParquetWriter(path, CELLS_SCHEMA, compression="zstd")
        except OSError as cause:
            raise output_error(path, cause) from cause

    def __len__(self) -> int:
        """Nuclei taken so far."""
        return self._rows

    def add(
        self,
        nuclei: Nuclei,
        *,
        excluded_by: NDArray[np.str_] | None = None,
        regions: Sequence[Sequence[str]] | None = None,
    ) -> None:
        """Append ``nuclei``, (n) of them.

        ``excluded_by`` (n,) names why a nucleus is not scored, "" where it is; ``regions`` holds
        the ids of the regions each one lies in. Both may be left to ``cells_judged``.
        """
        if excluded_by is None:
            excluded_by = np.full(len(nuclei), "", dtype="U1")
        if regions is None:
            regions = [()] * len(nuclei)
        if not len(nuclei) == len(excluded_by) == len(regions):
            raise ValueError("columns of nuclei have different lengths")
        if not len(nuclei):
            return
        self._waiting.append(_batch(nuclei, self._rows, excluded_by, regions))
        self._rows += len(nuclei)
        if sum(len(b) for b in self._waiting) >= ROW_GROUP:
            self._write_waiting()

    def _write_waiting(self) -> None:
        if not self._waiting:
            return
        table = pa.Table.from_batches(self._waiting, CELLS_SCHEMA).unify_dictionaries()
        self._waiting.clear()
        try:
            self._file.write_table(table, row_group_size=len(table))
        except OSError as cause:
            raise output_error(self._path, cause) from cause

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._write_waiting()
            self._file.close()
        except OSError as cause:
            self._path.unlink(missing_ok=True)
            raise output_error(self._path, cause) from cause
        if kind is not None:
            self._path.unlink(missing_ok=True)


def output_error(path: Path, cause: OSError) -> OutputError:
    """The error of a file that cannot be written."""
    return OutputError(f"{path.name}: cannot be written ({cause.strerror or cause})")


def _batch(
    nuclei: Nuclei,
    first_id: int,
    excluded_by: NDArray[np.str_],
    regions: Sequence[Sequence[str]],
) -> pa.RecordBatch:
    columns = [
        np.arange(first_id, first_id + len(nuclei), dtype=np.int64),
        nuclei.centre_px0[:, 0],
        nuclei.centre_px0[:, 1],
        nuclei.area_um2,
        pa.DictionaryArray.from_arrays(nuclei.cell_class.astype(np.int32), list(CLASS_NAMES)),
        nuclei.class_probability,
        pa.array(nuclei.positive == Positivity.POSITIVE, mask=_unknown(nuclei)),
        pa.array(nuclei.dab_od, mask=np.isnan(nuclei.dab_od)),
        regions_array(regions),
        reasons_array(excluded_by),
        pa.array(outlines_wkb(nuclei), pa.binary()),
    ]
    arrays = [
        pa.array(c).cast(f.type) if isinstance(c, np.ndarray) else c
        for c, f in zip(columns, CELLS_SCHEMA, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=CELLS_SCHEMA)


def reasons_array(excluded_by: NDArray[np.str_]) -> pa.Array:
    """The column ``excluded_by`` (n,); null where the name is "": the nucleus is counted."""
    names = np.asarray(excluded_by, dtype=str)
    return pc.dictionary_encode(pa.array(names.astype(object), pa.string(), mask=names == ""))


def regions_array(regions: Sequence[Sequence[str]]) -> pa.Array:
    """The column ``regions`` (n,)."""
    return pa.array([list(r) for r in regions], pa.list_(pa.string()))


def _unknown(nuclei: Nuclei) -> NDArray[np.bool_]:
    return np.asarray(nuclei.positive == Positivity.UNKNOWN)


def outlines_wkb(nuclei: Nuclei) -> NDArray[np.object_]:
    """Outlines (n,) as little-endian WKB polygons; None where there are fewer than three points."""
    lengths = np.diff(nuclei.outline_start)
    drawn = lengths >= 3
    points = nuclei.outline_px0[np.repeat(drawn, lengths)].astype(np.float64)
    ring_of_point = np.repeat(np.arange(int(drawn.sum())), lengths[drawn])
    found = np.full(len(nuclei), None, dtype=object)
    if len(points):
        rings = shapely.linearrings(points, indices=ring_of_point)
        found[drawn] = shapely.to_wkb(shapely.polygons(rings), byte_order=1)
    return found


def read_cells(path: Path) -> pa.Table:
    """The whole table, in the order of writing.

    Raises
    ------
    UsageError
        There is no such file, or it is no table of nuclei of a version this program knows.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as cause:
        raise UsageError(f"{path.name}: is no readable Parquet file") from cause
    _check_schema(table.schema, path)
    return table


def cell_batches(
    path: Path, rows: int = ROW_GROUP, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """The table in batches of at most ``rows``, in the order of writing; memory is one batch's.

    ``columns`` are those wanted, None for all.

    Raises
    ------
    UsageError
        As ``read_cells``.
    """
    try:
        with pq.ParquetFile(path) as file:
            _check_schema(file.schema_arrow, path)
            yield from file.iter_batches(
                batch_size=rows, columns=None if columns is None else list(columns)
            )
    except (OSError, pa.ArrowInvalid) as cause:
        raise UsageError(f"{path.name}: is no readable Parquet file") from cause


def _check_schema(schema: pa.Schema, path: Path) -> None:
    stated = (schema.metadata or {}).get(b"schema", b"").decode()
    if stated != SCHEMA_NAME or not schema.equals(CELLS_SCHEMA):
        raise UsageError(f"{path.name}: is no table of nuclei ({SCHEMA_NAME} is known)")
