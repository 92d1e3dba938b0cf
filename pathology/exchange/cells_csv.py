"""Nuclei as CSV for spreadsheets and statistics: streamed, outlines left out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from pathology.errors import OutputError
from pathology.exchange.cells_parquet import CELLS_SCHEMA

TABLE: Final = pa.schema(
    [
        pa.field(f.name, pa.string() if f.name in ("class", "regions", "excluded_by") else f.type)
        for f in CELLS_SCHEMA
        if f.name != "outline"
    ]
)
MARK: Final = "\ufeff".encode()
"""Tells spreadsheets that the text is UTF-8."""


def write_csv(path: Path, batches: Iterable[pa.RecordBatch]) -> None:
    """One row a nucleus; ids of regions are joined by ``;``. No cell begins a formula.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    aside = path.with_name(f".{path.name}.partial")
    try:
        with aside.open("wb") as file:
            file.write(MARK)
            with pa_csv.CSVWriter(file, TABLE) as writer:
                for batch in batches:
                    writer.write_batch(_plain(batch))
        aside.replace(path)
    except OSError as cause:
        raise OutputError(f"{path.name}: cannot be written ({cause.strerror or cause})") from cause
    finally:
        aside.unlink(missing_ok=True)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = {
        "class": batch["class"].cast(pa.string()),
        "regions": _harmless(pc.binary_join(batch["regions"], ";")),
        "excluded_by": batch["excluded_by"].cast(pa.string()),
    }
    arrays = [columns.get(field.name, batch[field.name]) for field in TABLE]
    return pa.RecordBatch.from_arrays(
        [a if f.name in columns else batch[f.name] for a, f in zip(arrays, TABLE, strict=True)],
        schema=TABLE,
    )


def _harmless(text: pa.Array) -> pa.Array:
    """Text that a spreadsheet would take for a formula gets a quote in front: ids are free text."""
    risky = pc.match_substring_regex(text, r"^[=+\-@\t\r]")
    return pc.if_else(risky, pc.binary_join_element_wise("'", text, ""), text)
