"""A result as DICOM: nuclei, regions and findings, each an object that refers to the slide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from pathology.exchange.dicom_nuclei import nuclei_annotations
from pathology.exchange.dicom_object import DicomPlace, save_dicom
from pathology.exchange.dicom_regions import regions_segmentation
from pathology.exchange.dicom_report import Reported, findings_report
from pathology.exchange.dicom_slide import (
    DicomSlide,
    made_up_slide,
    read_headers,
    slide_of_header,
)
from pathology.exchange.maps_zarr import TISSUE, read_map
from pathology.exchange.regions_read import read_stored_regions
from pathology.records.result import StoredResult
from pathology.records.settings.exchange import ExchangeSettings
from pathology.slides.find import files_of


class DicomPaths(NamedTuple):
    """Files of an export; the field's name is the end of the file's."""

    nuclei: Path
    regions: Path
    findings: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredParts:
    """A result and what lies beside it."""

    result: StoredResult
    folder: Path
    cells: Iterator[pa.RecordBatch]


def write_dicom(
    paths: DicomPaths, stored: StoredParts, scan: Path | None, codes: ExchangeSettings
) -> tuple[Path, ...]:
    """The files that were written: no nuclei, no file of nuclei.

    ``scan`` is the slide itself, known to be the one of the result; without one, or where it is no
    DICOM, the objects refer to UIDs that were made up, and say so.

    Raises
    ------
    UsageError
        A part of the result cannot be read, or the slide's header lacks where it lies.
    OutputError
        A code is missing, a number cannot be written, or a file.
    """
    result, slide = stored.result, slide_for(scan, stored.result)
    drawn = stored.folder / "regions.geojson"
    regions = read_stored_regions(drawn, mpp=result.slide.mpp)
    segmented = regions_segmentation(
        slide,
        result,
        regions,
        codes,
        downsample=read_map(stored.folder / "maps.zarr", TISSUE).downsample,
        place=DicomPlace.new(2),
    )
    asked = Reported(slide=slide, result=result, regions=regions, codes=codes, written=segmented)
    report = findings_report(asked, DicomPlace.new(3))
    nuclei = nuclei_annotations(
        slide, result, stored.cells, [r for r in regions if r.lines], DicomPlace.new(1)
    )
    objects = (
        (paths.findings, report),
        (paths.regions, None if segmented is None else segmented.dataset),
        (paths.nuclei, nuclei),
    )
    written = [(path, made) for path, made in objects if made is not None]
    for path, made in written:
        save_dicom(path, made)
    return tuple(path for path, _ in written)


def slide_for(scan: Path | None, result: StoredResult) -> DicomSlide:
    """The slide that objects refer to."""
    headers = [] if scan is None else read_headers(files_of(scan))
    return slide_of_header(headers, result) if headers else made_up_slide(result)
