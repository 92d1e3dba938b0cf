"""One slide, from file to result folder: the stages in their order, read from top to bottom."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TypeAlias

from pathology.errors import SlideUnsuitable
from pathology.pipeline.clock import Clock
from pathology.pipeline.eyes import ChosenModels, open_eyes, work_scale
from pathology.pipeline.glance import Glance, glance
from pathology.pipeline.look import Sight, add_to_tally, look, map_grid
from pathology.pipeline.person import person_of
from pathology.pipeline.seen import Seen
from pathology.pipeline.seen_aside import TakesNuclei
from pathology.pipeline.tally import Tally
from pathology.predictions.calibration import calibration_of, diameter_um
from pathology.records.eyes import Eyes
from pathology.records.order import DeviceChoice, SlideOrder
from pathology.records.prediction import Calibration
from pathology.records.progress import Progress, Tell
from pathology.records.result import Analysis
from pathology.records.settings.run import RunSettings
from pathology.records.slide import Region, Slide
from pathology.records.stain import StainKind, Stains
from pathology.records.tile import TilePlan
from pathology.tiles.plan import plan_tiles
from pathology.tiles.read import read_ahead

NEEDED_STAIN: dict[Analysis, StainKind] = {"ki67": "ihc-dab", "infiltration": "he"}
STAIN_NAMES: dict[StainKind, str] = {"he": "H&E", "ihc-dab": "DAB (IHC)", "unknown": "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bench:
    """Where one slide is worked on: with which settings and models, who is told, which clock."""

    settings: RunSettings
    models: ChosenModels
    device: DeviceChoice
    cells: TakesNuclei
    tell: Tell
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Looked:
    """A slide that was looked at whole, and what the picture of the result needs."""

    seen: Seen
    sight: Sight
    overview: Region
    plan: TilePlan


Scan: TypeAlias = Callable[[Slide, TilePlan, Sight, Bench], Tally]
"""Looks at the tiles of a plan."""


def analyse(slide: Slide, order: SlideOrder, bench: Bench, scan: Scan) -> Looked:
    """Look at one open slide; ``scan`` is ``scan_tiles``, or what comes to the same.

    Raises
    ------
    SlideUnsuitable
        No tissue; the stain is not what the analysis needs; the given region holds no tissue.
    """
    settings, clock = bench.settings, bench.clock
    with clock.stage("survey"):
        bench.tell(Progress(task=slide.info.slide_id, stage="survey"))
        first = glance(slide, settings, work_scale(settings, bench.models))
    sight, plan = prepare(slide, first, order, bench)
    with clock.stage("tiles"):
        tally = scan(slide, plan, sight, bench)
        tally.lost.update(first.overview.lost)
    seen = Seen(
        order=order,
        info=slide.info,
        survey=sight.survey,
        person=sight.person,
        calibration=sight.calibration,
        nuclei_visible=sight.calibration is not None,
        coarsest_mpp=work_scale(settings, bench.models).coarsest_mpp,
        eyes=sight.eyes,
        tally=tally,
        settings=settings,
    )
    return Looked(seen=seen, sight=sight, overview=first.overview, plan=plan)


def prepare(slide: Slide, first: Glance, order: SlideOrder, bench: Bench) -> tuple[Sight, TilePlan]:
    """Decide everything that holds for the whole slide: stain, region, eyes, thresholds, plan."""
    info, settings = slide.info, bench.settings
    check_stain(info.slide_id, order.analysis, first.stains)
    person = person_of(order.within, info, first.survey, settings.ki67)
    with bench.clock.stage("models"):
        eyes = open_eyes(first, bench.models, bench.device, settings)
    with bench.clock.stage("samples"):
        calibration = calibrated(first, eyes, settings)
    sight = Sight(
        survey=first.survey,
        stains=first.stains,
        eyes=eyes,
        calibration=calibration,
        person=person,
        settings=settings,
    )
    size = info.facts.width_px0, info.facts.height_px0
    return sight, plan_tiles(first.survey, size, first.downsample, first.mpp, settings.tiles)


def calibrated(first: Glance, eyes: Eyes, settings: RunSettings) -> Calibration | None:
    """Thresholds of the slide by what its own eyes see in the samples; None without nuclei."""
    if not first.nuclei_visible:
        return None
    rules = settings.predictions
    diameter = diameter_um(first.samples, first.mpp, first.stains, rules)
    return calibration_of(eyes.sample(first.samples), diameter, first.stains, rules)


def check_stain(slide_id: str, analysis: Analysis, stains: Stains) -> None:
    """Refuse an analysis whose stain is not on the slide: a number would be nonsense."""
    needed = NEEDED_STAIN[analysis]
    if stains.kind == needed:
        return
    code = "stain-unknown" if stains.kind == "unknown" else "stain-mismatch"
    raise SlideUnsuitable(
        slide_id,
        code,
        {
            "analysis": analysis,
            "needed": STAIN_NAMES[needed],
            "seen": STAIN_NAMES[stains.kind],
            "evidence": stains.evidence,
        },
    )


def scan_tiles(slide: Slide, plan: TilePlan, sight: Sight, bench: Bench) -> Tally:
    """Look at every tile of the plan; nuclei go to ``bench.cells``, sums to the tally."""
    depth = sight.settings.site.running.read_ahead_tiles
    tally = nothing_seen(slide, plan, sight)
    # Closed by name: an error on its way up would else keep threads reading a closed slide.
    with (
        closing(read_ahead(slide, plan, depth=depth)) as tiles,
        closing(sight.eyes.see(tiles, sight.calibration)) as all_seen,
    ):
        for done, seen in enumerate(all_seen, start=1):
            told = look(seen, sight)
            add_to_tally(told, seen.tile.region.lost, tally)
            bench.cells.add(told.nuclei)  # judged once all were seen
            step = Progress(task=slide.info.slide_id, stage="tiles", done=done, total=len(plan))
            bench.tell(step)
    return tally


def nothing_seen(slide: Slide, plan: TilePlan, sight: Sight) -> Tally:
    """The slide's tally before its first tile."""
    facts = slide.info.facts
    grid = map_grid((facts.width_px0, facts.height_px0), plan.downsample, plan.mpp, sight)
    return Tally.empty(grid, sight.survey)
