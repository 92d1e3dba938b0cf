"""A looked-at slide as the files of its result folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pathology import __version__
from pathology.exchange.cells_judged import Called, Judge, Judgement, judge_cells
from pathology.exchange.documents import write_json
from pathology.exchange.findings_json import findings_document, run_document
from pathology.exchange.maps_zarr import write_maps
from pathology.exchange.overlay import save_picture
from pathology.exchange.overlay_words import PictureWords
from pathology.exchange.regions_geojson import write_regions
from pathology.pipeline.analyse import NEEDED_STAIN
from pathology.pipeline.clock import Clock
from pathology.pipeline.conclude import Conclusion, conclude
from pathology.pipeline.damage import lost_mask
from pathology.pipeline.evidence import evidence_of
from pathology.pipeline.eyes import ChosenModels
from pathology.pipeline.kept import TISSUE_CLASS, kept_maps, on_grid
from pathology.pipeline.other_calls import within
from pathology.pipeline.picture import Draw, Drawing
from pathology.pipeline.regions import person_drawn, region_ids, seen_masks, seen_regions
from pathology.pipeline.score import Scored, score
from pathology.pipeline.seen import Seen
from pathology.pipeline.settings import settings_in_force
from pathology.pipeline.tally import density
from pathology.pipeline.version import source_commit
from pathology.records.correction import Calls, no_calls
from pathology.records.eyes import models_of
from pathology.records.geometry import px_area_to_mm2
from pathology.records.prediction import Positivity
from pathology.records.reasons import Language
from pathology.records.result import Provenance, Quality, SlideResult
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
    author: str = "software"
    supersedes: str | None = None
    content_key: str = ""  # the whole of what ``key`` begins; empty where nothing is registered
    stamp: str = ""  # when the slide's files were last changed; empty where no slide is read


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a result is written from, beside what was seen."""

    labels: Labels
    cells: Path  # the nuclei: their outlines stay, what is decided of them is written anew
    flags: tuple[str, ...]
    device: str  # that networks ran on
    draw: Draw
    calls: Calls = field(default_factory=no_calls)  # a person's, that ``seen`` has already


def write_result(folder: Path, seen: Seen, sources: Sources, clock: Clock) -> None:
    """All files of a result: what counts, the findings, the nuclei with what is decided of them."""
    with clock.stage("findings"):
        scored = score(seen)
        concluded = conclude(evidence_of(seen, scored))
    with clock.stage("write"):
        regions = (*seen_regions(seen, scored), *concluded.regions)
        write_regions(folder / "regions.geojson", regions)
        judge = _judge(seen, scored, concluded, sources.calls)
        judge_cells(sources.cells, folder / "cells.parquet", judge)
        _write_maps(folder / "maps.zarr", seen, scored)
        result = result_of(seen, scored, concluded, sources, clock)
        drawing = Drawing(
            seen=seen,
            scored=scored,
            result=result,
            regions=regions,
            words=PictureWords(
                language=sources.labels.language, findings=seen.settings.exchange.findings
            ),
        )
        save_picture(folder / "overlay.png", sources.draw(drawing))
        write_json(folder / "findings.json", findings_document(result), "findings-1")
    told = result_of(seen, scored, concluded, sources, clock)
    write_json(folder / "run.json", run_document(told), "run-1")


def _judge(seen: Seen, scored: Scored, concluded: Conclusion, calls: Calls) -> Judge:
    """What is written of each nucleus: why it is not scored, and the regions it lies in."""
    masks = seen_masks(seen, scored)
    drawn = person_drawn(seen.person, seen.info.mpp)
    areas = (*drawn, *(r for r in concluded.regions if r.polygons))

    def judge(points_px0: NDArray[np.float64], rows: slice) -> Judgement:
        ids = region_ids(points_px0, masks, areas)
        place, which = within(calls, rows)
        called = Called(place, calls.cell_class[which], calls.positive[which])
        return Judgement(scored.apart.excluded_by(rows), ids, called)

    return judge


def result_of(
    seen: Seen, scored: Scored, concluded: Conclusion, sources: Sources, clock: Clock
) -> SlideResult:
    """The result as one record."""
    order, labels = seen.order, sources.labels
    return SlideResult(
        result_id=f"{labels.slide_id}/{order.analysis}-{labels.key}",
        analysis=order.analysis,
        case_id=order.case_id,
        info=seen.info,
        digest=labels.digest,
        stain=NEEDED_STAIN[order.analysis],
        marker=order.marker,
        marker_source=order.marker_source,
        file_name=labels.file_name,
        quality=Quality(
            tissue_mm2=seen.survey.tissue_mm2,
            # The map's pixels stand a little over the tissue's edge, which has a grid of its own.
            analysed_mm2=min(scored.analysed_mm2, seen.survey.tissue_mm2),
            unreadable_tiles=len(seen.tally.lost),
            flags=sources.flags,
            excluded_mm2=_excluded_mm2(seen),
        ),
        tumour_region_source="automatic" if seen.person is None else "confirmed",
        findings=concluded.findings,
        provenance=_provenance(seen, sources, clock),
        author=labels.author,
        supersedes=labels.supersedes,
    )


def _provenance(seen: Seen, sources: Sources, clock: Clock) -> Provenance:
    return Provenance(
        software=f"pathology {__version__}",
        commit=source_commit(),
        settings_sha256=sources.labels.settings_sha256,
        settings=settings_in_force(seen.settings, seen.order.analysis),
        models=models_of(seen.eyes),
        device=sources.device,
        timings_s=dict(clock.timings_s),
        started_utc=clock.started_utc,
        networks=seen.eyes.work,
    )


def _excluded_mm2(seen: Seen) -> dict[str, float]:
    survey, tally = seen.survey, seen.tally
    areas = survey.excluded_mm2()
    areas["out_of_focus"] = px_area_to_mm2(int(tally.out_of_focus.sum()), tally.grid.mpp)
    shape = survey.tissue.shape[0], survey.tissue.shape[1]
    lost = lost_mask(tally.lost, shape, survey.downsample) & survey.tissue
    areas["unreadable"] = px_area_to_mm2(int(lost.sum()), survey.mpp)
    return {name: area for name, area in areas.items() if area}


def _write_maps(folder: Path, seen: Seen, scored: Scored) -> None:
    """Tissue classes at the map's own grain; densities on pixels wide enough to hold nuclei.

    And what the result must keep so that it can be counted again in another region.
    """
    tally, nuclei = seen.tally, scored.nuclei
    coarse = tally.grid.coarser(DENSITY_PIXELS)
    everyone = np.ones(len(nuclei.counted), bool)
    maps = {
        TISSUE_CLASS: on_grid(tally.grid, tally.classes),
        "nucleus_density": on_grid(coarse, density(nuclei, tally, everyone, DENSITY_PIXELS)),
        **kept_maps(seen),
    }
    if seen.order.analysis == "ki67":
        positive = nuclei.counted & (nuclei.positive == Positivity.POSITIVE)
        maps["ki67_density"] = on_grid(coarse, density(nuclei, tally, positive, DENSITY_PIXELS))
    write_maps(folder, maps)


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
