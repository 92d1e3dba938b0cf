"""From what the technician typed to orders: one analysis of one slide each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pathology.errors import UsageError
from pathology.exchange.manifest_csv import read_manifest
from pathology.records.manifest import ManifestRow
from pathology.records.order import SlideOrder
from pathology.records.slide import StatedScale
from pathology.slides.find import find_slides


def orders_from(inputs: Sequence[Path], template: SlideOrder | None) -> tuple[SlideOrder, ...]:
    """Orders for files, folders, DICOM series folders and manifests (``.csv``).

    ``template`` holds what the command line says for every slide (analysis, marker, scale,
    region); a manifest's own columns stand before it. None: no analysis was named, which only a
    manifest can make up for.

    Raises
    ------
    UsageError
        There is no slide at all; no analysis; an input that does not exist.
    """
    orders: list[SlideOrder] = []
    for path in inputs:
        if path.suffix.lower() == ".csv":
            orders += [_from_row(row, template) for row in read_manifest(path)]
            continue
        if template is None:
            raise UsageError("say which analysis: --analysis ki67 or --analysis infiltration")
        if not path.exists() and not path.is_symlink():
            raise UsageError(f"{path.name}: there is no such file or folder")
        found = find_slides([path])
        if not found:
            raise UsageError(f"{path.name}: there is no slide in this folder")
        orders += [replace(template, path=slide) for slide in found]
    return tuple(dict.fromkeys(orders))


def _from_row(row: ManifestRow, template: SlideOrder | None) -> SlideOrder:
    marker = row.marker or (template.marker if template else None)
    return SlideOrder(
        path=row.slide,
        analysis=row.analysis,
        marker=marker,
        marker_source="manifest"
        if row.marker
        else (template.marker_source if template else "none"),
        said=StatedScale(mpp=row.mpp, source="manifest")
        if row.mpp is not None
        else (template.said if template else None),
        within=template.within if template else None,
        case_id=row.case_id,
    )
