"""A looked-at slide as the files of its result folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pathology import __version__
from pathology.exchange.cells_parquet import name_regions
from pathology.exchange.documents import write_json
from pathology.exchange.findings_json import findings_document, run_document
from pathology.exchange.maps_zarr import GridMap, write_maps
from pathology.exchange.overlay import save_picture
from pathology.exchange.overlay_words import PictureWords
from pathology.exchange.regions_geojson import write_regions
from pathology.pipeline.analyse import Looked
from pathology.pipeline.clock import Clock
from pathology.pipeline.conclude import Conclusion, conclude
from pathology.pipeline.damage import lost_mask
from pathology.pipeline.evidence import evidence_of
from pathology.pipeline.eyes import ChosenModels
from pathology.pipeline.flags import flags_of
from pathology.pipeline.picture import draw
from pathology.pipeline.regions import seen_regions
from pathology.pipeline.settings import settings_in_force
from pathology.pipeline.tally import MapGrid, density
from pathology.pipeline.version import source_commit
from pathology.records.eyes import models_of
from pathology.records.geometry import px_area_to_mm2
from pathology.records.prediction import Positivity
from pathology.records.reasons import Language
from pathology.records.result import Provenance, Quality, SlideResult
from pathology.records.slide import Slide
from pathology.records.summary import SummaryRow, SummaryState

DENSITY_PIXELS = 8
"""Map pixels in the edge of a density pixel: some 64 µm, so that a count in it means something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What a result is called, made from and told in."""

    slide_id: str
    digest: str
    key: str
    settings_sha256: str
    models: ChosenModels
    file_name: str | None  # None with pseudonyms
    language: Language  # of the picture; no part of the key


def write_result(folder: Path, slide: Slide, looked: Looked, labels: Labels, clock: Clock) -> None:
    """All files of a result but ``cells.parquet``, which was written tile by tile."""
    with clock.stage("findings"):
        concluded = conclude(evidence_of(looked.seen))
    with clock.stage("write"):
        regions = (*seen_regions(looked.seen), *concluded.regions)
        write_regions(folder / "regions.geojson", regions)
        name_regions(folder / "cells.parquet", concluded.regions)
        _write_maps(folder / "maps.zarr", looked)
        result = result_of(looked, concluded, labels, clock)
        words = PictureWords(
            language=labels.language, findings=looked.seen.settings.exchange.findings
        )
        picture = draw(slide, looked, result, regions, words)
        save_picture(folder / "overlay.png", picture)
        write_json(folder / "findings.json", findings_document(result), "findings-1")
    told = result_of(looked, concluded, labels, clock)
    write_json(folder / "run.json", run_document(told), "run-1")


def result_of(looked: Looked, concluded: Conclusion, labels: Labels, clock: Clock) -> SlideResult:
    """The result as one record."""
    seen, order = looked.seen, looked.seen.order
    return SlideResult(
        result_id=f"{labels.slide_id}/{order.analysis}-{labels.key}",
        analysis=order.analysis,
        case_id=order.case_id,
        info=seen.info,
        digest=labels.digest,
        stain=looked.sight.stains.kind,
        marker=order.marker,
        marker_source=order.marker_source,
        file_name=labels.file_name,
        quality=Quality(
            tissue_mm2=seen.survey.tissue_mm2,
            analysed_mm2=seen.tally.analysed_mm2,
            unreadable_tiles=len(seen.tally.lost),
            flags=flags_of(seen),
            excluded_mm2=_excluded_mm2(looked),
        ),
        tumour_region_source="automatic" if order.within is None else "confirmed",
        findings=concluded.findings,
        provenance=Provenance(
            software=f"pathology {__version__}",
            commit=source_commit(),
            settings_sha256=labels.settings_sha256,
            settings=settings_in_force(seen.settings, order.analysis),
            models=models_of(seen.eyes),
            device="cpu" if seen.eyes.work is None else seen.eyes.work.device,
            timings_s=dict(clock.timings_s),
            started_utc=clock.started_utc,
            networks=seen.eyes.work,
        ),
    )


def _excluded_mm2(looked: Looked) -> dict[str, float]:
    survey, tally = looked.seen.survey, looked.seen.tally
    areas = survey.excluded_mm2()
    areas["out_of_focus"] = px_area_to_mm2(int(tally.out_of_focus.sum()), tally.grid.mpp)
    shape = survey.tissue.shape[0], survey.tissue.shape[1]
    lost = lost_mask(tally.lost, shape, survey.downsample) & survey.tissue
    areas["unreadable"] = px_area_to_mm2(int(lost.sum()), survey.mpp)
    return {name: area for name, area in areas.items() if area}


def _write_maps(folder: Path, looked: Looked) -> None:
    """Tissue classes at the map's own grain; densities on pixels wide enough to hold nuclei."""
    tally, nuclei = looked.seen.tally, looked.seen.tally.nuclei_seen()
    coarse = tally.grid.coarser(DENSITY_PIXELS)
    everyone = np.ones(len(nuclei.counted), bool)
    maps = {
        "tissue_class": _on(tally.grid, tally.classes),
        "nucleus_density": _on(coarse, density(nuclei, tally, everyone, DENSITY_PIXELS)),
    }
    if looked.seen.order.analysis == "ki67":
        positive = nuclei.counted & (nuclei.positive == Positivity.POSITIVE)
        maps["ki67_density"] = _on(coarse, density(nuclei, tally, positive, DENSITY_PIXELS))
    write_maps(folder, maps)


def _on(grid: MapGrid, pixels: NDArray[np.generic]) -> GridMap:
    return GridMap(pixels=pixels, downsample=grid.downsample, mpp=grid.mpp)


def summary_of(folder: Path, out: Path, *, state: SummaryState) -> SummaryRow:
    """The summary's row of a whole result: its first finding is the headline."""
    told = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    ran = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    first = next((f for f in told["findings"] if "value" in f), told["findings"][0])
    return SummaryRow(
        slide=told["slide"].get("file", ""),
        slide_id=told["slide"]["id"],
        analysis=told["analysis"],
        state=state,
        finding=first["name"],
        value=first.get("value"),
        low=first.get("low"),
        high=first.get("high"),
        part=first.get("part"),
        whole=first.get("whole"),
        unit=first.get("unit", ""),
        not_measurable=first.get("not_measurable", ""),
        flags=tuple(told["quality"]["flags"]),
        result=folder.relative_to(out).as_posix(),
        seconds=round(sum(ran["timings_s"].values()), 1),
    )


def unreadable_tiles(folder: Path) -> int:
    """Stored tiles that a whole result could not read."""
    told = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
    return int(told["quality"]["unreadable_tiles"])
