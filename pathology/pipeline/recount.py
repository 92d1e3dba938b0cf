"""A stored result counted again in regions that a person draws; nobody looks at the slide anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from pathology.exchange.correction_json import called_before
from pathology.exchange.outlines import inside, rasterise
from pathology.exchange.regions_read import read_stored_regions
from pathology.exchange.shapes import area_px0, united
from pathology.exchange.stored_result import read_result, read_run
from pathology.pipeline.conclude import conclude
from pathology.pipeline.evidence import evidence_of
from pathology.pipeline.eyes import ChosenModels
from pathology.pipeline.kept import Recalled, recalled
from pathology.pipeline.other_calls import called
from pathology.pipeline.past_eyes import past_eyes, past_models
from pathology.pipeline.score import score
from pathology.pipeline.seen import Seen
from pathology.pipeline.settings import settings_again
from pathology.records.correction import Calls, no_calls
from pathology.records.finding import Finding
from pathology.records.geometry import px_area_to_mm2
from pathology.records.order import Question
from pathology.records.region import (
    PERSON_EXCLUDES,
    PersonRegions,
    Polygon,
    RegionKind,
    SlideRegion,
)
from pathology.records.result import StoredResult, StoredRun, StoredSlide
from pathology.records.settings.run import RunSettings
from pathology.records.slide import Level, Scale, SlideFacts, SlideInfo

AT_ONCE: Final = {
    "ki67": ("ki67.global", "labelling_index.global"),
    "infiltration": ("til.stromal_area_fraction", "til.density_tumour", "til.density_stroma"),
}
"""What is told of any region at once. The border of a region that somebody draws to have it counted
is no invasive front, and four fields or a hot spot are chosen on a slide, not in a corner of it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Remembered:
    """A result and what it keeps of what was seen. Safe to share between threads: only read."""

    result: StoredResult
    run: StoredRun
    models: ChosenModels
    settings: RunSettings  # that the result was made with
    kept: Recalled
    left_out: Mapping[RegionKind, tuple[Polygon, ...]]  # by a person, in this result
    called_before: frozenset[int] = frozenset()  # nuclei that persons called otherwise

    def seen(self, person: PersonRegions | None, calls: Calls | None = None) -> Seen:
        """What was seen of the slide, with a person's regions in place of those it had."""
        result, kept = self.result, self.kept
        calls = no_calls() if calls is None else calls
        return Seen(
            order=Question(
                analysis=result.analysis,
                marker=result.slide.marker,
                marker_source=result.slide.marker_source,
                case_id=result.case_id,
            ),
            info=slide_info(result.slide),
            survey=kept.survey,
            person=person,
            calibration=None,
            nuclei_visible=kept.nuclei_visible,
            coarsest_mpp=kept.coarsest_mpp,
            eyes=past_eyes(self.models, self.run),
            tally=called(kept.tally, calls),
            settings=self.settings,
            called_by_person=len(self.called_before.union(calls.cell_id.tolist())),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountedRegion:
    """What a region holds. ``findings`` is empty where nothing was looked at in it."""

    area_mm2: float  # of the region, as drawn
    looked_at_mm2: float  # of it that the analysis looked at
    analysed_mm2: float  # of it that counts: tissue in no excluded area, in focus
    nuclei: int  # found in it, counted or not
    findings: tuple[Finding, ...]


def remembered(folder: Path, site: RunSettings) -> Remembered:
    """All that a result keeps, read once.

    Raises
    ------
    UsageError
        The result is not whole, keeps too little, or needs a card or settings that are not at hand.
    """
    result, run = read_result(folder), read_run(folder)
    settings = settings_again(run.settings, result.settings_sha256, result.analysis, site)
    drawn = read_stored_regions(folder / "regions.geojson", mpp=result.mpp)
    return Remembered(
        result=result,
        run=run,
        models=past_models(result, settings.site.models),
        settings=settings,
        kept=recalled(folder, result.slide.id),
        called_before=called_before(folder),
        left_out={
            kind: polygons
            for kind in PERSON_EXCLUDES
            if (
                polygons := tuple(
                    p for r in drawn if (r.kind, r.source) == (kind, "person") for p in r.polygons
                )
            )
        },
    )


def count_region(memory: Remembered, drawn: Sequence[SlideRegion]) -> CountedRegion:
    """The index, or the infiltrate, of any region at once, from stored nuclei and maps.

    What a person left out of the result is left out here too. It is an aid and no finding of the
    case: it has no category, and it is written nowhere.
    """
    region = united([p for r in drawn for p in r.polygons])
    tally, mpp = memory.kept.tally, memory.result.mpp
    grid = tally.grid
    wanted = rasterise(region, (grid.rows, grid.columns), grid.downsample)
    looked = wanted & tally.looked_at
    area = px_area_to_mm2(area_px0(region), mpp)
    if not looked.any():
        return CountedRegion(
            area_mm2=area, looked_at_mm2=0.0, analysed_mm2=0.0, nuclei=0, findings=()
        )
    seen = memory.seen(PersonRegions(tumour=region, excluded=memory.left_out))
    scored = score(seen)
    findings = conclude(evidence_of(seen, scored)).findings
    asked = AT_ONCE[memory.result.analysis]
    counted = px_area_to_mm2(int((scored.analysed & wanted).sum()), grid.mpp)
    return CountedRegion(
        area_mm2=area,
        looked_at_mm2=min(area, px_area_to_mm2(int(looked.sum()), grid.mpp)),
        analysed_mm2=min(area, counted),
        nuclei=int(inside(region, scored.nuclei.centre_px0.astype(np.float64)).sum()),
        findings=tuple(replace(f, category=None) for f in findings if f.name in asked),
    )


def slide_info(slide: StoredSlide) -> SlideInfo:
    """The slide as far as its result tells of it."""
    scan = Level(
        width=slide.width_px0,
        height=slide.height_px0,
        downsample=1.0,
        tile_width=slide.width_px0,
        tile_height=slide.height_px0,
    )
    facts = SlideFacts(
        format=slide.format,
        backend="stored",
        codec="",
        levels=(scan,),
        stated_mpp=None,
        magnification=None,
        scanner=None,
        files=(),
    )
    scale = Scale(mpp_x=slide.mpp_x, mpp_y=slide.mpp_y, source=slide.mpp_source)
    return SlideInfo(slide_id=slide.id, facts=facts, scale=scale)
