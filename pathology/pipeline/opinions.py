"""A case of the desk for another hospital's eyes, and what comes back onto the case.

What is sent is gathered here from the ledger and the folder of results, never named as files by
who asks: so it is what the case rests on, and no other case's.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pathology.errors import CaseRefused, SlideError, UsageError
from pathology.exchange.stored_result import read_result
from pathology.knowledge.identity_check import suspects
from pathology.pipeline.aside import file_aside
from pathology.pipeline.bundle import PSEUDONYM, BundleOrder, fresh_bundle_id, make_bundle
from pathology.pipeline.bundle_answer import opinion_of, read_answer
from pathology.pipeline.bundle_cuts import Cut, Rectangle, boxes_around
from pathology.pipeline.desk_cases import findings_sha256
from pathology.pipeline.identity import content_digest
from pathology.records.case_ledger import CaseLedger
from pathology.records.case_review import Change, ResultOnDesk, ReviewCase
from pathology.records.geometry import Box
from pathology.records.opinion import Opinion, OpinionAsked
from pathology.records.settings.scale import ScaleSettings
from pathology.slides.find import files_of
from pathology.vault.sealed_bundle import sender_of
from pathology.vault.site_keys import PublicKeys, SiteKeys

SUFFIX: Final = ".bundle"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpinionWish:
    """What another hospital is asked, and what it is shown."""

    partner: str  # a name of ``OpinionPlace.partners``
    question: str
    whole: bool = False  # whole slides, as copies without identity
    rectangles: Sequence[Rectangle] = ()
    around: Sequence[str] = ()  # kinds or ids of regions of the results
    margin_um: float = 100.0

    @property
    def in_parts(self) -> bool:
        """Whether regions are asked for."""
        return bool(self.rectangles or self.around)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpinionPlace:
    """Where results, slides, keys and bundles of this site lie."""

    out: Path  # folder of results
    slide_of: Callable[[str], Path | None]
    scale: ScaleSettings
    keys: Callable[[], SiteKeys]
    partners: Callable[[], Mapping[str, PublicKeys]]
    outgoing: Path  # sealed bundles; who takes one there can open none

    def bundle(self, bundle_id: str) -> Path:
        """Where a bundle lies."""
        return self.outgoing / f"{bundle_id}{SUFFIX}"


def ask_opinion(
    cases: CaseLedger, case: str, wish: OpinionWish, place: OpinionPlace, change: Change
) -> OpinionAsked:
    """Make the bundle of a case, for ``change.by``, who may send bundles.

    Raises
    ------
    CaseRefused
        A slide is gone or another, a result changed or goes by a name, a region lies beside the
        slide, a text seems to name somebody.
    UsageError
        The hospital is not known here; whole slides and regions are asked for at once.
    SlideError, OutputError, VaultError
        As ``bundle.make_bundle``.
    """
    partner = place.partners().get(wish.partner)
    if partner is None or (wish.whole and wish.in_parts):
        raise UsageError("name a hospital that is known here, and whole slides or regions")
    read = cases.case(case)
    order = _order(read, wish, place)
    with file_aside(place.bundle(order.bundle_id)) as aside:
        made = make_bundle(order, place.keys(), partner, aside)
        asked = OpinionAsked(
            bundle_id=made.bundle_id,
            sha256=made.sha256,
            site=partner.fingerprint,
            site_name=wish.partner,
            lock=base64.b64encode(partner.lock).decode(),
            sign=base64.b64encode(partner.sign).decode(),
            question=wish.question,
            slides=len(order.slides),
            regions=sum(len(cut.boxes_px0) for cut in order.cuts),
        )
        cases.ask_opinion(case, asked, change)  # what is in no line does not leave
    return asked


def take_opinion(
    cases: CaseLedger, case: str, source: Path, keys: SiteKeys, change: Change
) -> Opinion:
    """An answer onto the case, proved by the keys of the hospital that was asked.

    Raises
    ------
    CaseRefused
        "opinion-not-asked": nobody asked that hospital about this case with that bundle;
        "opinion-repeated": it is there already.
    VaultError, UsageError
        It is not that hospital's, not for this site, was changed, or is no answer.
    """
    site = sender_of(source)
    asked = [a.asked for a in cases.case(case).asked if a.asked.site == site]
    if not asked:
        raise CaseRefused(case, "opinion-not-asked")
    public = PublicKeys(
        lock=base64.b64decode(asked[-1].lock), sign=base64.b64decode(asked[-1].sign)
    )
    with TemporaryDirectory(prefix="pathology-answer-") as folder:
        opinion = opinion_of(read_answer(source, Path(folder), keys, public), public)
    cases.take_opinion(case, opinion, change)
    return opinion


def _order(case: ReviewCase, wish: OpinionWish, place: OpinionPlace) -> BundleOrder:
    name = case.line.case
    folders = [_folder(name, result, place.out) for result in case.results]
    scans = {r.slide_id: _scan(name, r, place.slide_of) for r in case.results if _shown(wish)}
    sections = _sections(case)
    _check_words(name, [wish.question, *_words(sections)])
    return BundleOrder(
        results=folders,
        slides=list(scans.values()) if wish.whole else [],
        cuts=_cuts(case, wish, place, scans) if wish.in_parts else [],
        question=wish.question,
        sections=sections,
        bundle_id=fresh_bundle_id(),
    )


def _shown(wish: OpinionWish) -> bool:
    return wish.whole or wish.in_parts


def _folder(case: str, result: ResultOnDesk, out: Path) -> Path:
    """The result's folder, if it is what the ledger knows and names nobody."""
    if not PSEUDONYM.fullmatch(result.slide_id):
        raise CaseRefused(case, "opinion-no-pseudonym")
    folder = out / result.result_id
    facts = {"result": result.analysis}
    try:
        same = findings_sha256(folder) == result.findings_sha256
    except UsageError as cause:
        raise CaseRefused(case, "result-changed", facts) from cause
    if not same:
        raise CaseRefused(case, "result-changed", facts)
    return folder


def _scan(case: str, result: ResultOnDesk, slide_of: Callable[[str], Path | None]) -> Path:
    facts = {"slide": result.slide_id}
    path = slide_of(result.slide_id)
    if path is None:
        raise CaseRefused(case, "slide-gone", facts)
    try:
        same = content_digest(files_of(path)) == result.slide_digest
    except SlideError as cause:
        raise CaseRefused(case, "slide-gone", facts) from cause
    if not same:
        raise CaseRefused(case, "slide-other", facts)
    return path


def _cuts(
    case: ReviewCase, wish: OpinionWish, place: OpinionPlace, scans: Mapping[str, Path]
) -> list[Cut]:
    boxes: dict[str, list[Box]] = {slide_id: [] for slide_id in scans}
    for result in case.results:
        folder = place.out / result.result_id
        stored = read_result(folder)
        boxes[result.slide_id] += boxes_around(folder, stored, wish.around, wish.margin_um)
    for rectangle in wish.rectangles:
        slide_id = rectangle.slide_id or (next(iter(scans)) if len(scans) == 1 else "")
        if slide_id not in scans:
            raise CaseRefused(case.line.case, "opinion-region")
        first = next(r for r in case.results if r.slide_id == slide_id)
        mpp = read_result(place.out / first.result_id).mpp
        boxes[slide_id].append(rectangle.box_px0(mpp))
    sizes = {r.slide_id: read_result(place.out / r.result_id).slide for r in case.results}
    for slide_id, wanted in boxes.items():
        whole = Box(0, 0, sizes[slide_id].width_px0, sizes[slide_id].height_px0)
        if not all(box.overlap(whole) for box in wanted):
            raise CaseRefused(case.line.case, "opinion-region")
    cuts = [
        Cut(slide=scans[s], boxes_px0=tuple(dict.fromkeys(b)), scale=place.scale)
        for s, b in boxes.items()
        if b
    ]
    if not cuts:
        raise CaseRefused(case.line.case, "opinion-region")
    return cuts


def _sections(case: ReviewCase) -> list[dict[str, Any]] | None:
    """The text as it stands on the desk; who wrote it stays here."""
    if case.text is None:
        return None
    return [{"id": s.id, "en": list(s.en), "zh": list(s.zh)} for s in case.text.sections]


def _words(sections: Sequence[Mapping[str, Any]] | None) -> list[str]:
    return [str(x) for section in sections or () for x in (*section["en"], *section["zh"])]


def _check_words(case: str, words: Sequence[str]) -> None:
    if any(suspects(text, is_case=True) for text in words):
        raise CaseRefused(case, "opinion-names")
