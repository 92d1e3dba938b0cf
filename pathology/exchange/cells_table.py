"""``cells.parquet`` as a copy that says of itself what it is, wherever it is taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pathology.errors import OutputError
from pathology.exchange.cells_parquet import CELLS_SCHEMA, ROW_GROUP


def write_table(path: Path, batches: Iterable[pa.RecordBatch], *, told: Mapping[str, str]) -> None:
    """The same rows and columns; ``told`` is added to the schema's metadata.

    ``cells_parquet.cell_batches`` reads it like the original.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    known = {k.decode(): v.decode() for k, v in CELLS_SCHEMA.metadata.items()}
    schema = CELLS_SCHEMA.with_metadata({**told, **known})
    aside = path.with_name(f".{path.name}.partial")
    try:
        with pq.ParquetWriter(aside, schema, compression="zstd") as file:
            for batch in batches:
                same = batch.replace_schema_metadata(schema.metadata)
                file.write_batch(same, row_group_size=ROW_GROUP)
        aside.replace(path)
    except OSError as cause:
        raise OutputError(f"{path.name}: cannot be written ({cause.strerror or cause})") from cause
    finally:
        aside.unlink(missing_ok=True)
