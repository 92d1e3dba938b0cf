"""A person's correction of a result: it is counted again, nobody looks at the slide anew.

The result that was corrected stays as it is; the new one names it as superseded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pathology import __version__
from pathology.errors import CorrectedMeanwhile, OutputError, SlideError, UsageError
from pathology.exchange.correction_json import write_correction
from pathology.exchange.stored_result import read_result, read_run
from pathology.exchange.summary_csv import read_summary
from pathology.pipeline import identity, store
from pathology.pipeline.clock import Clock
from pathology.pipeline.conclude import Conclusion, conclude
from pathology.pipeline.evidence import evidence_of
from pathology.pipeline.other_calls import calls_of
from pathology.pipeline.past_eyes import past_models
from pathology.pipeline.person import person_on
from pathology.pipeline.picture import Draw, draw_from_afar, draw_without_slide
from pathology.pipeline.recount import Remembered, remembered
from pathology.pipeline.score import Scored, score
from pathology.pipeline.seen import Seen
from pathology.pipeline.settings import settings_again
from pathology.pipeline.summary import SUMMARY, Summary
from pathology.pipeline.version import source_commit
from pathology.pipeline.write_result import Labels, Sources, summary_of, write_result
from pathology.records.correction import Calls, Correction, no_calls
from pathology.records.reasons import Language
from pathology.records.result import StoredResult, StoredRun
from pathology.records.settings.run import RunSettings
from pathology.records.slide import StatedScale
from pathology.records.summary import SummaryRow
from pathology.slides.open import open_slide


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedResult:
    """The result that is corrected, and where the new one is to lie."""

    folder: Path
    out: Path  # folder for results
    slide: Path | None = None  # the scan itself, for the picture
    language: Language = "en"  # of the picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The new result."""

    row: SummaryRow
    folder: Path
    result_id: str
    supersedes: str
    nuclei_passed_over: int = 0  # of a region file


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Foreseen:
    """What a correction would come to; nothing is written."""

    seen: Seen
    scored: Scored
    concluded: Conclusion
    calls: Calls


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Case:
    """A result that is corrected, and what is known of it before its nuclei are read."""

    made_from: CorrectedResult
    correction: Correction
    result: StoredResult
    run: StoredRun
    settings: RunSettings
    labels: Labels
    site: RunSettings


def foresee(memory: Remembered, correction: Correction) -> Foreseen:
    """The findings that a correction would give; raises UsageError as ``correct``."""
    calls, seen = _seen(memory, correction)
    scored = score(seen)
    return Foreseen(
        seen=seen, scored=scored, concluded=conclude(evidence_of(seen, scored)), calls=calls
    )


def correct(made_from: CorrectedResult, correction: Correction, site: RunSettings) -> Corrected:
    """Count a result again as a person corrected it; what stands there already is kept.

    Raises
    ------
    UsageError
        The result is not whole, keeps too little, or needs a card or settings that are not at
        hand; the regions are not fit for it; a nucleus is not there.
    CorrectedMeanwhile
        ``correction.alone``, and another correction of this result was kept.
    OutputError
        The new result cannot be written, or another run writes there.
    """
    folder, out = made_from.folder, made_from.out
    result, run = read_result(folder), read_run(folder)
    settings = settings_again(run.settings, result.settings_sha256, result.analysis, site)
    case = _Case(
        made_from=made_from,
        correction=correction,
        result=result,
        run=run,
        settings=settings,
        labels=_labels(made_from, correction, result, settings),
        site=site,
    )
    final = store.result_folder(out, result.slide.id, result.analysis, case.labels.key)
    row = _kept(final, out) or _counted(case, final, out)
    return Corrected(
        row=row,
        folder=final,
        result_id=f"{result.slide.id}/{final.name}",
        supersedes=result.result_id,
    )


def later_than(out: Path, result: StoredResult) -> tuple[StoredResult, ...]:
    """Results that name this one as superseded, in the folder for results."""
    found = []
    for path in sorted((out / result.slide.id).glob("*/findings.json")):
        other = read_result(path.parent)
        if other.supersedes == result.result_id:
            found.append(other)
    return tuple(found)


def _labels(
    made_from: CorrectedResult, correction: Correction, result: StoredResult, settings: RunSettings
) -> Labels:
    """What the new result is called: the same correction of the same result has the same key."""
    told: dict[str, object] = {
        "supersedes": result.result_id,
        "region": correction.digest,
        "settings": result.settings_sha256,
        "software": [__version__, source_commit()],
    }
    if correction.alone:  # two persons who do the same answer each for their own
        told |= {"author": correction.author, "why": correction.why}
    return Labels(
        slide_id=result.slide.id,
        digest=result.slide.digest,
        key=identity.result_key(told),
        settings_sha256=result.settings_sha256,
        models=past_models(result, settings.site.models),
        file_name=result.slide.file,
        language=made_from.language,
        author=correction.author,
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
        memory = remembered(case.made_from.folder, case.site)
        calls, seen = _seen(memory, case.correction)
    with _drawing(case) as draw:
        store.prepare_output(out)
        with store.only_writer(out):
            earlier = read_summary(out / SUMMARY)  # a spoilt one is said before work begins
            _refuse_second(case, out)
            sources = Sources(
                labels=case.labels,
                cells=case.made_from.folder / "cells.parquet",
                flags=case.result.quality.flags,
                device=case.run.device,
                draw=draw,
                calls=calls,
            )
            with _plain_words(), store.whole_or_absent(out, final) as folder:
                write_result(folder, seen, sources, clock)
                _write_correction(folder, case, calls, memory)
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


def _seen(memory: Remembered, correction: Correction) -> tuple[Calls, Seen]:
    """What was seen of the slide, with what the person says in place of what it had."""
    person = None
    if correction.drawn:
        try:
            person = person_on(correction.drawn, memory.kept.survey, memory.settings.ki67)
        except SlideError as problem:
            raise UsageError(problem.text()) from problem
    calls = calls_of(correction.orders, memory.kept.tally.placed()) if correction.orders else None
    seen = memory.seen(person, calls)
    return no_calls() if calls is None else calls, seen


def _refuse_second(case: _Case, out: Path) -> None:
    """Under the lock of the folder: two who correct at one time do not pass each other."""
    if case.correction.alone and (others := later_than(out, case.result)):
        raise CorrectedMeanwhile(others[-1].result_id, others[-1].author)


def _write_correction(folder: Path, case: _Case, calls: Calls, memory: Remembered) -> None:
    """Who corrected what, where it was not done by a file alone."""
    if not case.correction.alone and not memory.called_before:
        return
    labels, made = case.labels, Clock().started_utc
    result_id = f"{labels.slide_id}/{case.result.analysis}-{labels.key}"
    write_correction(
        folder,
        case.correction,
        calls,
        memory.called_before,
        result_id=result_id,
        supersedes=case.result.result_id,
        made_utc=made,
    )


@contextmanager
def _drawing(case: _Case) -> Iterator[Draw]:
    """How the picture is drawn: on the slide, where it is at hand."""
    slide, path = case.result.slide, case.made_from.slide
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
