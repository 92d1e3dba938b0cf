"""From what the technician typed to orders: one analysis of one slide each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pathology.errors import UsageError
from pathology.exchange.manifest_csv import read_manifest
from pathology.records.manifest import ManifestRow
from pathology.records.order import SlideOrder
from pathology.records.result import Analysis, MarkerSource
from pathology.records.slide import StatedScale
from pathology.slides.find import find_slides

KI67 = "ki67"
SHOWN = 80  # characters of a name that a message repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says for every slide; a manifest's own columns stand before it."""

    analysis: Analysis | None = None
    marker: str | None = None
    mpp: float | None = None
    within: Path | None = None


def orders_from(inputs: Sequence[Path], asked: Asked) -> tuple[SlideOrder, ...]:
    """Orders for files, folders, DICOM series folders and manifests (``.csv``).

    Raises
    ------
    UsageError
        There is no slide at all; no analysis; an input that does not exist or cannot be looked at;
        a marker without Ki-67.
    """
    if asked.marker and asked.analysis == "infiltration":
        raise UsageError("--marker goes with --analysis ki67: an H&E stain has no marker")
    orders: list[SlideOrder] = []
    for path in inputs:
        if path.suffix.lower() == ".csv":
            orders += [_from_row(row, asked) for row in read_manifest(path)]
        else:
            orders += _from_path(path, asked)
    return _each_once(orders, asked)


def _each_once(orders: Sequence[SlideOrder], asked: Asked) -> tuple[SlideOrder, ...]:
    """Absolute paths, for workers live elsewhere; one order for a slide named in two ways."""
    once: dict[SlideOrder, SlideOrder] = {}
    for order in orders:
        real = replace(order, path=Path(os.path.realpath(order.path)))
        once.setdefault(real, replace(order, path=order.path.absolute()))
    if asked.within is not None and len({order.path for order in once}) > 1:
        raise UsageError("--within is a region of one slide: run that slide alone")
    return tuple(once.values())


def _from_path(path: Path, asked: Asked) -> list[SlideOrder]:
    if asked.analysis is None:
        raise UsageError("say which analysis: --analysis ki67 or --analysis infiltration")
    _check_named(path)
    found = find_slides([path])
    if not found:
        raise UsageError(f"{path.name}: there is no slide in this folder")
    # Who asks for the Ki-67 index of a slide says with it that the stain is Ki-67.
    marker = (asked.marker or KI67) if asked.analysis == "ki67" else None
    return [
        SlideOrder(
            path=slide,
            analysis=asked.analysis,
            marker=marker,
            marker_source="user" if marker else "none",
            said=_said(asked),
            within=asked.within,
        )
        for slide in found
    ]


def _check_named(path: Path) -> None:
    """Refuse a path that leads nowhere; a link counts as there, and what is behind it as a row."""
    shown = path.name[:SHOWN]
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError) as cause:
        raise UsageError(f"{shown}: there is no such file or folder") from cause
    except OSError as cause:
        raise UsageError(f"{shown}: cannot be read ({cause.strerror})") from cause


def _from_row(row: ManifestRow, asked: Asked) -> SlideOrder:
    marker, source = _marker_of(row, asked)
    said = _said(asked) if row.mpp is None else StatedScale(mpp=row.mpp, source="manifest")
    return SlideOrder(
        path=row.slide,
        analysis=row.analysis,
        marker=marker,
        marker_source=source,
        said=said,
        within=asked.within,
        case_id=row.case_id,
    )


def _marker_of(row: ManifestRow, asked: Asked) -> tuple[str | None, MarkerSource]:
    if row.analysis != "ki67":
        return None, "none"
    if row.marker:
        return row.marker, "manifest"
    return (asked.marker, "user") if asked.marker else (KI67, "manifest")


def _said(asked: Asked) -> StatedScale | None:
    return None if asked.mpp is None else StatedScale(mpp=asked.mpp, source="user")
