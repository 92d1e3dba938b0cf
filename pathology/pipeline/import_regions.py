"""A person's regions brought back to a result from a file, see ``pipeline.correct``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pathology.errors import SlideError, UsageError
from pathology.exchange.regions_read import read_annotations
from pathology.exchange.stored_result import read_result
from pathology.pipeline import identity
from pathology.pipeline.correct import Corrected, CorrectedResult, correct
from pathology.pipeline.export import check_slide, results_in
from pathology.pipeline.person import CALLED
from pathology.records.correction import Correction
from pathology.records.reasons import Language
from pathology.records.result import StoredResult
from pathology.records.settings.run import RunSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionOrder:
    """One result, and the regions in which it is to be counted again."""

    folder: Path
    regions: Path  # GeoJSON
    slide: Path | None = None  # the scan itself, for the picture
    out: Path | None = None  # None: the results folder that the result lies in
    language: Language = "en"  # of the picture


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
    folder = _the_result(order.folder)
    result = read_result(folder)
    out = _out(replace(order, folder=folder), result)
    if order.slide is not None:
        check_slide(order.slide, result)
    extent, mpp = (result.slide.width_px0, result.slide.height_px0), result.slide.mpp
    drawn, nuclei = read_annotations(order.regions, mpp=mpp, extent_px0=extent, called=CALLED)
    correction = Correction(drawn=drawn, digest=_digest(order.regions))
    made_from = CorrectedResult(folder=folder, out=out, slide=order.slide, language=order.language)
    return replace(correct(made_from, correction, site), nuclei_passed_over=nuclei)


def _digest(regions: Path) -> str:
    try:
        return str(identity.file_digest(regions))
    except SlideError as problem:
        raise UsageError(problem.text()) from problem


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
