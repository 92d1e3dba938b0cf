"""Results in other programs' formats. A result itself is never changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from pathology.errors import OutputError, UsageError
from pathology.exchange.cells_csv import write_csv
from pathology.exchange.cells_geojson import write_geojson
from pathology.exchange.cells_parquet import cell_batches
from pathology.exchange.fhir import write_fhir
from pathology.exchange.hl7_message import write_hl7
from pathology.exchange.stored_result import read_result
from pathology.exchange.whole_file import write_whole
from pathology.exchange.wire_status import BANNER_EN, BANNER_ZH
from pathology.records.result import StoredResult
from pathology.records.settings.exchange import ExchangeSettings

Format = Literal["geojson", "csv", "parquet", "ome-zarr", "fhir", "hl7"]
LABEL: Final = "DRAFT.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOrder:
    """One result, one format, one folder for it."""

    folder: Path
    format: Format
    out: Path
    codes: ExchangeSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Export:
    order: ExportOrder
    result: StoredResult
    stem: str

    def path(self, ending: str) -> Path:
        return self.order.out / f"{self.stem}{ending}"


def results_in(place: Path) -> tuple[Path, ...]:
    """Result folders: ``place`` itself, or those of an output folder.

    Raises
    ------
    UsageError
        There is none.
    """
    if (place / "findings.json").is_file():
        return (place,)
    found = tuple(sorted(p.parent for p in place.glob("*/*/findings.json")))
    if not found:
        raise UsageError(
            f"{place.name}: holds no result. Name a result's folder, or the folder given to --out"
        )
    return found


def export_result(order: ExportOrder) -> tuple[Path, ...]:
    """Write one result in another format; the files that were written.

    Raises
    ------
    UsageError
        The result is not whole, or the export would lie inside it.
    OutputError
        A file cannot be written, or exists already.
    """
    result = read_result(order.folder)
    folder, out = order.folder.resolve(), order.out.resolve()
    if out == folder or out.is_relative_to(folder):
        raise UsageError("--out lies inside the result, which nothing may change. Choose another")
    stem = result.result_id.replace("/", "-")
    try:
        order.out.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise OutputError(f"{order.out.name}: cannot be made ({cause.strerror})") from cause
    written = WRITERS[order.format](_Export(order=order, result=result, stem=stem))
    label = order.out / LABEL
    write_whole(label, f"{BANNER_EN}\n{BANNER_ZH}\n".encode())
    return (*written, label)


def _geojson(export: _Export) -> tuple[Path, ...]:
    folder, path = export.order.folder, export.path(".geojson")
    cells = cell_batches(folder / "cells.parquet")
    write_geojson(path, export.result, folder / "regions.geojson", cells)
    return (path,)


def _csv(export: _Export) -> tuple[Path, ...]:
    path = export.path("-cells.csv")
    write_csv(path, cell_batches(export.order.folder / "cells.parquet"))
    return (path,)


def _parquet(export: _Export) -> tuple[Path, ...]:
    return (_copied(export.order.folder / "cells.parquet", export.path("-cells.parquet")),)


def _ome_zarr(export: _Export) -> tuple[Path, ...]:
    return (_copied(export.order.folder / "maps.zarr", export.path("-maps.ome.zarr")),)


def _copied(source: Path, target: Path) -> Path:
    """A file or a folder, copied; one that is there already is left alone."""
    if target.exists():
        raise OutputError(f"{target.name}: exists already. Take it away, or choose another --out")
    try:
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    except OSError as cause:
        raise OutputError(f"{target.name}: cannot be written ({cause.strerror})") from cause
    return target


def _fhir(export: _Export) -> tuple[Path, ...]:
    path = export.path("-fhir.json")
    write_fhir(path, export.result, export.order.codes)
    return (path,)


def _hl7(export: _Export) -> tuple[Path, ...]:
    path, now = export.path(".hl7"), datetime.now(UTC)
    control = f"{export.stem[-20:]}"
    write_hl7(path, export.result, export.order.codes, control_id=control, sent_utc=now)
    return (path,)


WRITERS: Final[Mapping[Format, Callable[[_Export], tuple[Path, ...]]]] = {
    "geojson": _geojson,
    "csv": _csv,
    "parquet": _parquet,
    "ome-zarr": _ome_zarr,
    "fhir": _fhir,
    "hl7": _hl7,
}
