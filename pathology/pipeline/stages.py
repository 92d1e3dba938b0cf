"""The work on one slide: at once, or in stages that several workers carry out one after another.

Reading and writing keep processors busy, networks a GPU; where there are both, one worker looks and
another concludes, so that neither waits for the other. A big slide may be looked at in parts. What
lies in the result's folder is the same, whichever way.

Small records and paths pass between workers; what was seen lies in a folder beside the results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pathology.errors import SlideError
from pathology.exchange.cells_parquet import CellsWriter
from pathology.exchange.overlay_layers import CloseUp
from pathology.pipeline import identity, store
from pathology.pipeline.analyse import Bench, Looked, analyse, nothing_seen, scan_tiles
from pathology.pipeline.clock import Clock
from pathology.pipeline.flags import flags_of
from pathology.pipeline.look import Sight
from pathology.pipeline.outcome import Carried, Freshly, success
from pathology.pipeline.peak import peak_gib
from pathology.pipeline.person import person_of
from pathology.pipeline.picture import Draw, close_ups, draw, draw_seen
from pathology.pipeline.run_slide import Job, carried
from pathology.pipeline.score import score
from pathology.pipeline.seen import Seen
from pathology.pipeline.seen_aside import (
    LookAside,
    NucleiHeld,
    TakesNuclei,
    join,
    look_aside,
    put_look,
    put_part,
    work_together,
)
from pathology.pipeline.tally import Tally
from pathology.pipeline.write_result import (
    Labels,
    Sources,
    summary_of,
    unreadable_tiles,
    write_result,
)
from pathology.records.eyes import PastEyes
from pathology.records.progress import Progress, Tell
from pathology.records.result import NetworkWork
from pathology.records.slide import Slide
from pathology.records.tile import TilePlan
from pathology.slides.find import files_of
from pathology.slides.open import open_slide

CELLS = "cells.parquet"
KEY = "key"
"""File that says what an aside was made from: what is joined must be of one file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which share of a slide's tiles: the ``number``-th, from 0, of ``of``."""

    number: int
    of: int

    def of_plan(self, plan: TilePlan) -> TilePlan:
        """These tiles, in the order of the whole plan."""
        n = len(plan)
        return replace(
            plan, cores=plan.cores[n * self.number // self.of : n * (self.number + 1) // self.of]
        )


def run_slide(job: Job, tell: Tell, parts: Sequence[Path] = ()) -> Carried:
    """What came of one order, whatever happens to it.

    ``parts`` are the folders of all parts of the slide where others have looked at its tiles.
    """
    return carried(
        job, lambda labels: _done_before(job, labels) or _analysed(job, labels, tell, parts)
    )


def look_at(job: Job, tell: Tell, aside: Path) -> Carried | None:
    """Look at a slide and put it aside in a fresh folder; None where conclusions are to follow."""

    def work(labels: Labels) -> Carried | None:
        if (known := _done_before(job, labels)) is None:
            _look(job, labels, tell, aside)
        return known

    return carried(job, work)


def look_at_part(job: Job, tell: Tell, aside: Path, part: Part) -> Carried | None:
    """Look at a part of a slide's tiles and put it aside; None where the rest is to follow."""

    def work(labels: Labels) -> Carried | None:
        if (known := _done_before(job, labels)) is None:
            _part(job, labels, tell, (aside, part))
        return known

    return carried(job, work)


def conclude_from(job: Job, tell: Tell, aside: Path) -> Carried:
    """Findings, pictures and files of a slide that ``look_at`` put aside."""
    return carried(job, lambda labels: _concluded(job, labels, tell, aside))


def _done_before(job: Job, labels: Labels) -> Carried | None:
    folder = _final(job, labels)
    if job.options.force or not folder.is_dir():
        return None
    if unreadable_tiles(folder):  # the advice was to copy the file again: look whether it helped
        return None
    return _whole(job, labels, folder, None)


def _whole(job: Job, labels: Labels, folder: Path, fresh: Freshly | None) -> Carried:
    """What is told of a whole result; ``fresh`` is None where it was there before."""
    out = job.options.out
    return Carried(
        outcome=success(folder, out, labels, fresh, peak_gib=peak_gib()),
        row=summary_of(folder, out, state="kept" if fresh is None else "done"),
    )


def check_unchanged(job: Job, labels: Labels) -> None:
    """Refuse a result whose slide was replaced while it was looked at.

    Its numbers would be of one file, and its digest of another.

    Raises
    ------
    SlideError
        "slide-changed".
    """
    files = files_of(job.order.path)
    now = identity.content_digest(files), identity.change_stamp(files)
    if now != (labels.digest, labels.stamp):
        raise SlideError(labels.slide_id, "slide-changed")


def _opened(job: Job, labels: Labels) -> Slide:
    scale, said = job.settings.site.scale, job.order.said
    return open_slide(job.order.path, slide_id=labels.slide_id, scale=scale, said=said)


def _bench(job: Job, labels: Labels, cells: TakesNuclei, tell: Tell) -> Bench:
    return Bench(
        settings=job.settings,
        models=labels.models,
        device=job.options.device,
        cells=cells,
        tell=tell,
        clock=Clock(),
    )


def _analysed(job: Job, labels: Labels, tell: Tell, parts: Sequence[Path]) -> Carried:
    tell(Progress(task=labels.slide_id, stage="open"))
    final = _final(job, labels)
    works: list[NetworkWork] = []

    def joined(slide: Slide, plan: TilePlan, sight: Sight, bench: Bench) -> Tally:
        tally = nothing_seen(slide, plan, sight)
        for part in parts:
            _check_same(part, labels)
        works.extend(join(parts, tally, bench.cells))
        return tally

    with (
        _opened(job, labels) as slide,
        store.whole_or_absent(job.options.out, final) as folder,
    ):
        with CellsWriter(folder / CELLS) as cells:
            bench = _bench(job, labels, cells, tell)
            looked = analyse(slide, job.order, bench, joined if parts else scan_tiles)
        if works:
            looked = replace(looked, seen=_seen_together(looked.seen, works))
        tell(Progress(task=labels.slide_id, stage="write"))
        sources = _sources(labels, looked.seen, folder / CELLS, partial(draw, slide, looked))
        write_result(folder, looked.seen, sources, bench.clock)
        check_unchanged(job, labels)
    return _whole(job, labels, final, Freshly(seen=looked.seen, stains=looked.sight.stains))


def _seen_together(seen: Seen, works: Sequence[NetworkWork]) -> Seen:
    eyes, work = seen.eyes, work_together(works)
    return replace(
        seen, eyes=PastEyes(nuclei_by=eyes.nuclei_by, tissue_by=eyes.tissue_by, work=work)
    )


def _sources(labels: Labels, seen: Seen, cells: Path, picture: Draw) -> Sources:
    work = seen.eyes.work
    return Sources(
        labels=labels,
        cells=cells,
        flags=flags_of(seen),
        device="cpu" if work is None else work.device,
        draw=picture,
    )


def _look(job: Job, labels: Labels, tell: Tell, aside: Path) -> None:
    tell(Progress(task=labels.slide_id, stage="open"))
    with store.folder_aside(aside), _opened(job, labels) as slide:
        with CellsWriter(aside / CELLS) as cells:
            bench = _bench(job, labels, cells, tell)
            looked = analyse(slide, job.order, bench, scan_tiles)
        with bench.clock.stage("close_ups"):
            close = close_ups(slide, looked, score(looked.seen).nuclei)
        put_look(aside, _aside(looked, close, bench.clock))
        _say_key(aside, labels)
        check_unchanged(job, labels)


def _aside(looked: Looked, close: tuple[CloseUp, ...], clock: Clock) -> LookAside:
    seen = looked.seen
    return LookAside(
        survey=seen.survey,
        stains=looked.sight.stains,
        calibration=seen.calibration,
        nuclei_visible=seen.nuclei_visible,
        coarsest_mpp=seen.coarsest_mpp,
        eyes=seen.eyes,
        tally=seen.tally,
        overview=looked.overview,
        close_ups=close,
        clock=clock,
    )


def _part(job: Job, labels: Labels, tell: Tell, where: tuple[Path, Part]) -> None:
    aside, part = where
    held = NucleiHeld()

    def scan(slide: Slide, plan: TilePlan, sight: Sight, bench: Bench) -> Tally:
        return scan_tiles(slide, part.of_plan(plan), sight, bench)

    with store.folder_aside(aside), _opened(job, labels) as slide:
        seen = analyse(slide, job.order, _bench(job, labels, held, tell), scan).seen
        put_part(aside, seen.tally, held, seen.eyes.work)
        _say_key(aside, labels)
        check_unchanged(job, labels)


def _concluded(job: Job, labels: Labels, tell: Tell, aside: Path) -> Carried:
    _check_same(aside, labels)
    tell(Progress(task=labels.slide_id, stage="write"))
    final, look = _final(job, labels), look_aside(aside)
    with (
        _opened(job, labels) as slide,
        store.whole_or_absent(job.options.out, final) as folder,
    ):
        seen = Seen(
            order=job.order,
            info=slide.info,
            survey=look.survey,
            person=person_of(job.order.within, slide.info, look.survey, job.settings.ki67),
            calibration=look.calibration,
            nuclei_visible=look.nuclei_visible,
            coarsest_mpp=look.coarsest_mpp,
            eyes=look.eyes,
            tally=look.tally,
            settings=job.settings,
        )
        picture = partial(draw_seen, look.overview, look.close_ups)
        write_result(folder, seen, _sources(labels, seen, aside / CELLS, picture), look.clock)
        check_unchanged(job, labels)
    return _whole(job, labels, final, Freshly(seen=seen, stains=look.stains))


def _say_key(aside: Path, labels: Labels) -> None:
    (aside / KEY).write_text(labels.content_key, encoding="ascii")


def _check_same(aside: Path, labels: Labels) -> None:
    """Refuse what another worker put aside of another file, or by other settings."""
    if (aside / KEY).read_text(encoding="ascii") != labels.content_key:
        raise SlideError(labels.slide_id, "slide-changed")


def _final(job: Job, labels: Labels) -> Path:
    return store.result_folder(job.options.out, labels.slide_id, job.order.analysis, labels.key)
