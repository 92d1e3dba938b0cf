"""What is decided of nuclei once all were seen: why one is not counted, where it lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pathology.errors import UsageError
from pathology.exchange.cells_parquet import (
    CELLS_SCHEMA,
    CLASS_NAMES,
    ROW_GROUP,
    cell_batches,
    output_error,
    reasons_array,
    regions_array,
)
from pathology.records.prediction import Positivity


class PlacedNuclei(NamedTuple):
    """Nuclei without outlines, one row each."""

    centre_px0: NDArray[np.float64]  # (n, 2) x, y
    cell_class: NDArray[np.uint8]  # (n,) CellClass
    positive: NDArray[np.int8]  # (n,) Positivity

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.centre_px0)


class Called(NamedTuple):
    """Some of them (m) that a person calls otherwise: which, and what they are."""

    place: NDArray[np.int64]  # among the nuclei that are judged
    cell_class: NDArray[np.uint8]  # CellClass
    positive: NDArray[np.int8]  # Positivity


class Judgement(NamedTuple):
    """Of some nuclei (n): why each is not scored, "" where it is; and ids of regions it is in."""

    excluded_by: NDArray[np.str_]
    regions: Sequence[Sequence[str]]
    called: Called | None = None


Judge: TypeAlias = Callable[[NDArray[np.float64], slice], Judgement]
"""Judges nuclei by their centres (n, 2), x and y in level-0 px, and their rows of the table."""
PLACED: Final = ("x_px0", "y_px0", "class", "positive")


def placed_nuclei(path: Path) -> Iterator[PlacedNuclei]:
    """The nuclei of a table in batches, in the order of writing.

    Raises
    ------
    UsageError
        As ``cells_parquet.cell_batches``, or a nucleus has a class that is not known.
    """
    for batch in cell_batches(path, columns=PLACED):
        called = batch["positive"].to_pylist()
        positive = [Positivity.UNKNOWN if call is None else int(call) for call in called]
        yield PlacedNuclei(_points(batch), _classes(batch), np.array(positive, np.int8))


def _classes(batch: pa.RecordBatch) -> NDArray[np.uint8]:
    column = batch["class"]
    names = column.dictionary.to_pylist()
    if strangers := set(names) - set(CLASS_NAMES):
        raise UsageError(f"cells.parquet: no class of nuclei is called {min(strangers)[:20]!r}")
    known = np.array([CLASS_NAMES.index(name) for name in names], np.uint8)
    classes: NDArray[np.uint8] = known[column.indices.to_numpy()]
    return classes


def _points(batch: pa.RecordBatch) -> NDArray[np.float64]:
    return np.stack([batch["x_px0"].to_numpy(), batch["y_px0"].to_numpy()], axis=1)


def judge_cells(source: Path, target: Path, judge: Judge) -> None:
    """The table of ``source`` at ``target`` with what ``judge`` says; they may be one file.

    Written anew, batch by batch, and put in place whole.

    Raises
    ------
    UsageError
        As ``cells_parquet.cell_batches``.
    OutputError
        The table cannot be written.
    """
    aside = target.with_name(f"{target.name}.partial")
    row = 0
    try:
        with pq.ParquetWriter(aside, CELLS_SCHEMA, compression="zstd") as file:
            for batch in cell_batches(source):
                told = judge(_points(batch), slice(row, row + len(batch)))
                file.write_batch(_judged(batch, told), row_group_size=ROW_GROUP)
                row += len(batch)
        aside.replace(target)
    except OSError as cause:
        raise output_error(target, cause) from cause
    finally:
        aside.unlink(missing_ok=True)


def _judged(batch: pa.RecordBatch, told: Judgement) -> pa.RecordBatch:
    columns = batch.columns
    columns[CELLS_SCHEMA.get_field_index("excluded_by")] = reasons_array(told.excluded_by)
    columns[CELLS_SCHEMA.get_field_index("regions")] = regions_array(told.regions)
    if told.called is not None and len(told.called.place):
        _call(columns, batch, told.called)
    return pa.RecordBatch.from_arrays(columns, schema=CELLS_SCHEMA)


def _call(columns: list[pa.Array], batch: pa.RecordBatch, told: Called) -> None:
    """Put a person's calls in place; of what a person says no probability is known but 1."""
    classes = _classes(batch).copy()
    classes[told.place] = told.cell_class
    sure = batch["class_probability"].to_numpy().copy()
    sure[told.place] = 1
    before = batch["positive"].to_pylist()
    positive = np.array([Positivity.UNKNOWN if p is None else int(p) for p in before], np.int8)
    positive[told.place] = told.positive
    named = pa.DictionaryArray.from_arrays(classes.astype(np.int32), list(CLASS_NAMES))
    calls = pa.array(positive == Positivity.POSITIVE, mask=positive == Positivity.UNKNOWN)
    for name, column in (
        ("class", named),
        ("class_probability", pa.array(sure)),
        ("positive", calls),
    ):
        columns[CELLS_SCHEMA.get_field_index(name)] = column
