"""Nuclei as CSV for spreadsheets and statistics: streamed, outlines left out unless asked for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import shapely

from pathology.errors import OutputError
from pathology.exchange.cells_geojson import outline_shapes
from pathology.exchange.cells_parquet import CELLS_SCHEMA

WORDS: Final = ("class", "regions", "excluded_by")
TABLE: Final = pa.schema(
    [
        pa.field(f.name, pa.string() if f.name in WORDS else f.type)
        for f in CELLS_SCHEMA
        if f.name != "outline"
    ]
)
OUTLINE: Final = pa.field("outline_wkt_px0", pa.string())
MARK: Final = "\ufeff".encode()
"""Tells spreadsheets that the text is UTF-8."""
RISKY: Final = "(^|;)([=+@'＝＋－＠-])"
"""What a spreadsheet takes for a formula, where a cell may begin: also after each ``;``, which
parts cells in half of Europe. The apostrophe is among them so that it can be taken off again."""
CONTROL: Final = r"[\x00-\x1f\x7f]"


def write_csv(
    path: Path, batches: Iterable[pa.RecordBatch], *, outlines: bool = False, decimals: int = 2
) -> None:
    """One row a nucleus; ids of regions are joined by ``;``. No cell begins a formula.

    An apostrophe is put before text that would begin one. With ``outlines`` there is a last column
    of WKT polygons in level-0 px, with as many ``decimals``.

    Raises
    ------
    UsageError
        An outline is damaged.
    OutputError
        The file cannot be written.
    """
    schema = TABLE.append(OUTLINE) if outlines else TABLE
    aside = path.with_name(f".{path.name}.partial")
    try:
        with aside.open("wb") as file:
            file.write(MARK)
            with pa_csv.CSVWriter(file, schema) as writer:
                for batch in batches:
                    columns = _columns(batch)
                    if outlines:
                        columns.append(_wkt(batch["outline"], decimals))
                    writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
        aside.replace(path)
    except OSError as cause:
        raise OutputError(f"{path.name}: cannot be written ({cause.strerror or cause})") from cause
    finally:
        aside.unlink(missing_ok=True)


def _columns(batch: pa.RecordBatch) -> list[pa.Array]:
    words = {
        "class": _harmless(batch["class"].cast(pa.string())),
        "regions": _harmless(pc.binary_join(batch["regions"], ";")),
        "excluded_by": _harmless(batch["excluded_by"].cast(pa.string())),
    }
    return [words.get(field.name, batch[field.name]) for field in TABLE]


def _wkt(outlines: pa.Array, decimals: int) -> pa.Array:
    text = shapely.to_wkt(outline_shapes(outlines), rounding_precision=decimals)
    return pa.array(text.tolist(), pa.string())


def _harmless(text: pa.Array) -> pa.Array:
    """Ids of regions are free text: signs that steer a spreadsheet or a terminal become ``_``."""
    printable = pc.replace_substring_regex(text, CONTROL, "_")
    return pc.replace_substring_regex(printable, RISKY, r"\1'\2")
