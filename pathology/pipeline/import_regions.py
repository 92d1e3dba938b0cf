"""A person's regions brought back to a result: it is counted again, nobody looks at the slide anew.

The result that was corrected stays as it is; the new one names it as superseded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pathology import __version__
from pathology.errors import OutputError, SlideError, UsageError
from pathology.exchange.regions_read import read_annotations
from pathology.exchange.stored_result import read_result, read_run
from pathology.exchange.summary_csv import read_summary
from pathology.pipeline import identity, store
from pathology.pipeline.clock import Clock
from pathology.pipeline.export import check_slide, results_in
from pathology.pipeline.kept import recalled
from pathology.pipeline.past_eyes import past_models
from pathology.pipeline.person import CALLED, person_on
from pathology.pipeline.picture import Draw, draw_from_afar, draw_without_slide
from pathology.pipeline.recount import Remembered
from pathology.pipeline.seen import Seen
from pathology.pipeline.settings import settings_again
from pathology.pipeline.summary import SUMMARY, Summary
from pathology.pipeline.version import source_commit
from pathology.pipeline.write_result import Labels, Sources, summary_of, write_result
from pathology.records.reasons import Language
from pathology.records.region import SlideRegion
from pathology.records.result import StoredResult, StoredRun
from pathology.records.settings.run import RunSettings
from pathology.records.slide import StatedScale
from pathology.records.summary import SummaryRow
from pathology.slides.open import open_slide

PERSON = "person"
"""Author of a result in a person's regions; who it was is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionOrder:
    """One result, and the regions in which it is to be counted again."""

    folder: Path
    regions: Path  # GeoJSON
    slide: Path | None = None  # the scan itself, for the picture
    out: Path | None = None  # None: the results folder that the result lies in
    language: Language = "en"  # of the picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The new result."""

    row: SummaryRow
    folder: Path
    result_id: str
    supersedes: str
    nuclei_passed_over: int  # of the region file


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Case:
    """A result that is corrected, and what is known of it before its nuclei are read."""

    order: CorrectionOrder
    result: StoredResult
    run: StoredRun
    settings: RunSettings
    labels: Labels
    drawn: tuple[SlideRegion, ...]


def import_regions(order: CorrectionOrder, site: RunSettings) -> Corrected:
    """Count a result again in the regions of a file; what stands there already is kept.

    Raises
    ------
    UsageError
        The result is not whole, keeps too little, or needs a card or settings that are not at
        hand; the regions are not fit for it; ``slide`` is another one.
    OutputError
        The new result cannot be written, or another run writes there.
    """
    order = replace(order, folder=_the_result(order.folder))
    result, run = read_result(order.folder), read_run(order.folder)
    out = _out(order, result)
    if order.slide is not None:
        check_slide(order.slide, result)
    extent, mpp = (result.slide.width_px0, result.slide.height_px0), result.slide.mpp
    drawn, nuclei = read_annotations(order.regions, mpp=mpp, extent_px0=extent, called=CALLED)
    settings = settings_again(run.settings, result.settings_sha256, result.analysis, site)
    case = _Case(
        order=order,
        result=result,
        run=run,
        settings=settings,
        labels=_labels(order, result, settings),
        drawn=drawn,
    )
    final = store.result_folder(out, result.slide.id, result.analysis, case.labels.key)
    row = _kept(final, out) or _counted(case, final, out)
    return Corrected(
        row=row,
        folder=final,
        result_id=f"{result.slide.id}/{final.name}",
        supersedes=result.result_id,
        nuclei_passed_over=nuclei,
    )


def _the_result(place: Path) -> Path:
    found = results_in(place)
    if len(found) > 1:
        raise UsageError(f"{place.name}: holds {len(found)} results. Name the one to correct")
    return found[0]


def _out(order: CorrectionOrder, result: StoredResult) -> Path:
    """The folder for results; never inside the one that is corrected."""
    folder = order.folder.resolve()
    if order.out is None:
        if f"{folder.parent.name}/{folder.name}" != result.result_id:
            raise UsageError(
                "the result does not lie in a results folder of its own. Say with --out where the "
                "new one is to lie"
            )
        return folder.parent.parent
    out = order.out.absolute()
    if out.resolve() == folder or out.resolve().is_relative_to(folder):
        raise UsageError("--out lies inside the result, which nothing may change. Choose another")
    return out


def _labels(order: CorrectionOrder, result: StoredResult, settings: RunSettings) -> Labels:
    """What the new result is called: the same correction of the same result has the same key."""
    try:
        region = identity.file_digest(order.regions)
    except SlideError as problem:
        raise UsageError(problem.text()) from problem
    made_from = {
        "supersedes": result.result_id,
        "region": region,
        "settings": result.settings_sha256,
        "software": [__version__, source_commit()],
    }
    return Labels(
        slide_id=result.slide.id,
        digest=result.slide.digest,
        key=identity.result_key(made_from),
        settings_sha256=result.settings_sha256,
        models=past_models(result, settings.site.models),
        file_name=result.slide.file,
        language=order.language,
        author=PERSON,
        supersedes=result.result_id,
    )


def _kept(final: Path, out: Path) -> SummaryRow | None:
    if not final.is_dir():
        return None
    row = summary_of(final, out, state="kept")
    store.prepare_output(out)
    with store.only_writer(out):
        _tell(row, out)
    return row


def _counted(case: _Case, final: Path, out: Path) -> SummaryRow:
    """The new result, written; nothing is before all that could refuse it has spoken."""
    clock = Clock()
    with clock.stage("read"):
        seen = _seen(case)
    with _drawing(case) as draw:
        store.prepare_output(out)
        with store.only_writer(out):
            earlier = read_summary(out / SUMMARY)  # a spoilt one is said before work begins
            sources = Sources(
                labels=case.labels,
                cells=case.order.folder / "cells.parquet",
                flags=case.result.quality.flags,
                device=case.run.device,
                draw=draw,
            )
            with _plain_words(), store.whole_or_absent(out, final) as folder:
                write_result(folder, seen, sources, clock)
            row = summary_of(final, out, state="done")
            Summary(path=out / SUMMARY, earlier=earlier, jobs=()).write([row])
    return row


@contextmanager
def _plain_words() -> Iterator[None]:
    """Any other fault of the disk is one of the output: all that is read was read before."""
    try:
        yield
    except OSError as cause:
        detail = cause.strerror or type(cause).__name__
        raise OutputError(f"the new result cannot be written ({detail})") from cause


def _tell(row: SummaryRow, out: Path) -> None:
    Summary(path=out / SUMMARY, earlier=read_summary(out / SUMMARY), jobs=()).write([row])


def _seen(case: _Case) -> Seen:
    """What was seen of the slide, with the person's regions in place of those it had."""
    kept = recalled(case.order.folder, case.result.slide.id)
    try:
        person = person_on(case.drawn, kept.survey, case.settings.ki67)
    except SlideError as problem:
        raise UsageError(problem.text()) from problem
    memory = Remembered(
        result=case.result,
        run=case.run,
        models=case.labels.models,
        settings=case.settings,
        kept=kept,
        left_out={},  # what a person left out stands in the new regions
    )
    return memory.seen(person)


@contextmanager
def _drawing(case: _Case) -> Iterator[Draw]:
    """How the picture is drawn: on the slide, where it is at hand."""
    slide, path = case.result.slide, case.order.slide
    if path is None:
        yield draw_without_slide
        return
    said = None
    if slide.mpp_source in ("user", "manifest", "assumed"):
        said = StatedScale(mpp=slide.mpp_x, source=slide.mpp_source)
    try:
        scan = open_slide(path, slide_id=slide.id, scale=case.settings.site.scale, said=said)
    except SlideError as problem:
        raise UsageError(f"--slide: {problem.text()}") from problem
    with scan:
        yield partial(draw_from_afar, scan)
