"""Results in other programs' formats. A result itself is never changed."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import pyarrow as pa

from pathology.errors import OutputError, SlideError, UsageError
from pathology.exchange.cells_csv import write_csv
from pathology.exchange.cells_geojson import write_geojson
from pathology.exchange.cells_parquet import cell_batches
from pathology.exchange.cells_table import write_table
from pathology.exchange.fhir import write_fhir
from pathology.exchange.figure import DOTS_PER_INCH
from pathology.exchange.hl7_message import write_hl7
from pathology.exchange.labels_zarr import write_labels
from pathology.exchange.overlay import save_picture
from pathology.exchange.stored_result import read_result
from pathology.exchange.whole_file import write_whole
from pathology.exchange.wire_status import BANNER_EN, BANNER_ZH
from pathology.pipeline.dicom import DicomPaths, StoredParts, write_dicom
from pathology.pipeline.figure import FigureOrder, figure
from pathology.pipeline.identity import content_digest
from pathology.records.progress import Progress, Tell
from pathology.records.reasons import Language
from pathology.records.result import StoredResult
from pathology.records.settings.run import RunSettings
from pathology.slides.find import files_of

Format = Literal["geojson", "csv", "parquet", "ome-zarr", "dicom", "fhir", "hl7", "figure"]
LABEL: Final = "DRAFT.txt"
STATE: Final = "AI_DRAFT"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOrder:
    """One result, one format, one folder for it."""

    folder: Path
    format: Format
    out: Path
    slide: Path | None = None  # the scan itself: refused where it is another one
    outlines: bool = False  # of nuclei, in a CSV
    region: str | None = None  # of a figure; None: the whole slide
    language: Language = "en"  # of a figure

    def __post_init__(self) -> None:
        if self.format == "figure" and self.slide is None:
            raise UsageError("--to figure is drawn on the slide. Name its scan with --slide")
        if self.format != "figure" and self.region is not None:
            raise UsageError("--region is for --to figure. Leave it out")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Export:
    order: ExportOrder
    result: StoredResult
    settings: RunSettings
    tell: Tell

    def path(self, ending: str) -> Path:
        """A file of the export that is not there yet; its name says what it is."""
        path = self.order.out / f"{self.result.result_id.replace('/', '-')}-draft{ending}"
        if os.path.lexists(path):
            raise OutputError(f"{path.name}: exists already. Take it away, or choose another --out")
        return path

    def cells(self) -> Iterator[pa.RecordBatch]:
        """The nuclei in batches; ``tell`` hears how far they are."""
        done = 0
        for batch in cell_batches(self.order.folder / "cells.parquet"):
            yield batch
            done += len(batch)
            self.tell(Progress(task=self.result.result_id, stage="write", done=done))


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


def export_result(order: ExportOrder, settings: RunSettings, tell: Tell) -> tuple[Path, ...]:
    """Write one result in another format; the files that were written, the draft's label last.

    Raises
    ------
    UsageError
        The result is not whole, the export would lie inside it, or ``slide`` is another one.
    OutputError
        A file cannot be written, or exists already.
    """
    result = read_result(order.folder)
    folder, out = order.folder.resolve(), order.out.resolve()
    if out == folder or out.is_relative_to(folder):
        raise UsageError("--out lies inside the result, which nothing may change. Choose another")
    if order.slide is not None:
        check_slide(order.slide, result)
    try:
        order.out.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise OutputError(f"{order.out.name}: cannot be made ({cause.strerror})") from cause
    export = _Export(order=order, result=result, settings=settings, tell=tell)
    written = WRITERS[order.format](export)
    label = order.out / LABEL
    write_whole(label, f"{BANNER_EN}\n{BANNER_ZH}\n".encode())
    return (*written, label)


def check_slide(slide: Path, result: StoredResult) -> None:
    """Refuse a scan that is not the one a result was made from, by UsageError."""
    try:
        digest = content_digest(files_of(slide))
    except SlideError as cause:
        raise UsageError(f"--slide: {cause.text()}") from cause
    if digest != result.slide.digest:
        raise UsageError(
            "--slide: this is another slide. Name the scan that the result was made from"
        )


def _geojson(export: _Export) -> tuple[Path, ...]:
    path = export.path(".geojson")
    regions = export.order.folder / "regions.geojson"
    write_geojson(path, export.result, regions, export.cells())
    return (path,)


def _csv(export: _Export) -> tuple[Path, ...]:
    path = export.path("-cells.csv")
    write_csv(path, export.cells(), outlines=export.order.outlines)
    return (path,)


def _parquet(export: _Export) -> tuple[Path, ...]:
    path = export.path("-cells.parquet")
    told = {"result_id": export.result.result_id, "state": STATE}
    banners = {"banner_en": BANNER_EN, "banner_zh": BANNER_ZH}
    write_table(path, export.cells(), told=told | banners)
    return (path,)


def _ome_zarr(export: _Export) -> tuple[Path, ...]:
    path = export.path("-maps.ome.zarr")
    folder, slide = export.order.folder, export.result.slide
    with _copied(folder / "maps.zarr", path) as maps:
        write_labels(maps, folder / "cells.parquet", slide)
    return (path,)


@contextmanager
def _copied(source: Path, target: Path) -> Iterator[Path]:
    """A copy of a folder to work on; it becomes ``target`` when the block ends well."""
    aside = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(aside, ignore_errors=True)  # of an export that was killed
        shutil.copytree(source, aside)
        yield aside
        aside.rename(target)
    except FileNotFoundError as cause:
        raise UsageError(f"{source.name}: is not there. Copy the result again") from cause
    except (OSError, shutil.Error) as cause:
        said = getattr(cause, "strerror", None) or "a file of it cannot be copied"
        raise OutputError(f"{target.name}: cannot be written ({said})") from cause
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _dicom(export: _Export) -> tuple[Path, ...]:
    paths = DicomPaths(*(export.path(f"-{what}.dcm") for what in DicomPaths._fields))
    order = export.order
    stored = StoredParts(result=export.result, folder=order.folder, cells=export.cells())
    return write_dicom(paths, stored, order.slide, export.settings.exchange)


def _fhir(export: _Export) -> tuple[Path, ...]:
    path = export.path("-fhir.json")
    write_fhir(path, export.result, export.settings.exchange)
    return (path,)


def _hl7(export: _Export) -> tuple[Path, ...]:
    path, now = export.path(".hl7"), datetime.now(UTC)
    control = uuid.uuid4().hex[:20]  # MSH-10: of its own each time, or a receiver drops it as known
    write_hl7(path, export.result, export.settings.exchange, control_id=control, sent_utc=now)
    return (path,)


def _figure(export: _Export) -> tuple[Path, ...]:
    order = export.order
    if order.slide is None:
        raise TypeError("a figure was ordered without its slide")
    name = re.sub(r"[^A-Za-z0-9_-]", "_", order.region or "slide")  # an id is free text
    path = export.path(f"-figure-{name}-{order.language}.png")
    asked = FigureOrder(
        folder=order.folder, slide=order.slide, region=order.region, language=order.language
    )
    picture = figure(asked, export.result, export.settings)
    save_picture(path, picture, dots_per_inch=DOTS_PER_INCH)
    return (path,)


WRITERS: Final[Mapping[Format, Callable[[_Export], tuple[Path, ...]]]] = MappingProxyType(
    {
        "geojson": _geojson,
        "csv": _csv,
        "parquet": _parquet,
        "ome-zarr": _ome_zarr,
        "dicom": _dicom,
        "fhir": _fhir,
        "hl7": _hl7,
        "figure": _figure,
    }
)
