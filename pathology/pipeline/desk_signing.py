"""Signing on the desk: slides and results read whole, the version signed, then written down."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pathology.errors import CaseRefused, OutputError, SlideError, UsageError
from pathology.exchange.documents import read_json, write_json
from pathology.exchange.whole_file import write_whole
from pathology.pipeline.desk_cases import findings_sha256, report_folder
from pathology.pipeline.draft import VERSION, next_version
from pathology.pipeline.identity import content_digest
from pathology.records.case_ledger import CaseLedger
from pathology.records.case_review import (
    Change,
    Changed,
    Delivery,
    ResultOnDesk,
    ReviewCase,
    SigningOrder,
)
from pathology.records.report_state import OPEN
from pathology.records.signed_report import (
    SIGNED_SCHEMA,
    Meaning,
    Reauthenticated,
    SignedReport,
    content_sha256,
    signed_content,
)
from pathology.reports.printed import pdf_page
from pathology.reports.signed_page import signed_html
from pathology.slides.find import files_of

CHUNK: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningPlace:
    """Where results and slides lie, and what the site has decided."""

    out: Path
    slide_of: Callable[[str], Path | None]
    research_accepted: bool
    deliveries: tuple[Delivery, ...] = ()
    pdf: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningWish:
    """What a physician signs with."""

    proof: Reauthenticated
    printed_name: str
    meaning: Meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFiles:
    """What came of a signature. Files that could not be written are written at the next call."""

    changed: Changed
    files: tuple[Path, ...]
    problem: str = ""


def sign_on_desk(
    cases: CaseLedger, case: str, wish: SigningWish, place: SigningPlace, change: Change
) -> SignedFiles:
    """The signature, with the full hash of every slide and result taken just before.

    What the ledger signed stays signed if its files cannot be written: ``problem`` says why, and
    ``write_signed`` writes them later.

    Raises
    ------
    CaseRefused
        A slide is gone or another one, a result was changed, or as ``CaseLedger.sign``.
    """
    read = cases.case(case)
    # Asked again after it was done, the answer does not hang on where the slides are by now.
    is_open = read.line.state in OPEN
    order = SigningOrder(
        proof=wish.proof,
        printed_name=wish.printed_name,
        meaning=wish.meaning,
        slides_sha256=_slides(read, place) if is_open else {},
        findings_sha256=_findings(read, place) if is_open else {},
        research_accepted=place.research_accepted,
        deliveries=place.deliveries,
    )
    changed = cases.sign(case, order, change)
    try:
        return SignedFiles(changed=changed, files=write_signed(cases, case, place))
    except OutputError as cause:
        return SignedFiles(changed=changed, files=(), problem=str(cause))


def write_signed(cases: CaseLedger, case: str, place: SigningPlace) -> tuple[Path, ...]:
    """Files of every signed version that has none yet; those that are there stay untouched.

    Raises
    ------
    OutputError
        They cannot be written, or no PDF can be made.
    """
    read, written = cases.case(case), []
    for version in read.signed:
        report = cases.report(case, version.number)
        folder = report_folder(place.out, case, report.case_id)
        if version.content_sha256 not in _hashes(folder):
            written += _write(folder, report, version.content_sha256, pdf=place.pdf)
    return tuple(written)


def _write(folder: Path, report: SignedReport, sha256: str, *, pdf: bool) -> list[Path]:
    """HTML and PDF first, and JSON last: a report is there when its JSON is."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise OutputError(f"{folder.name}: cannot be written ({cause.strerror})") from cause
    stem = folder / f"report-v{next_version(folder)}"
    html = signed_html(report, sha256)
    pages = {stem.with_suffix(".html"): html.encode("utf-8")}
    if pdf:
        pages[stem.with_suffix(".pdf")] = pdf_page(html)
    for path, data in pages.items():
        write_whole(path, data)
    document = {**signed_content(report), "content_sha256": sha256}
    write_json(stem.with_suffix(".json"), document, "signed-1")
    return [stem.with_suffix(".json"), *pages]


def _hashes(folder: Path) -> frozenset[str]:
    """Hashes of the signed versions that lie in a folder and are what they say."""
    found = set()
    for path in folder.glob("*.json") if folder.is_dir() else ():
        if VERSION.fullmatch(path.name):
            told = _signed_document(path)
            if told is not None:
                found.add(str(told["content_sha256"]))
    return frozenset(found)


def _signed_document(path: Path) -> Mapping[str, object] | None:
    try:
        told = read_json(path)
    except UsageError:
        return None
    if not isinstance(told, dict) or told.get("schema") != SIGNED_SCHEMA:
        return None
    return told if told.get("content_sha256") == content_sha256(told) else None


def _slides(case: ReviewCase, place: SigningPlace) -> dict[str, str]:
    """Full hashes of the slides; CaseRefused where one is gone or is not what was analysed."""
    told: dict[str, str] = {}
    for result in case.results:
        if result.slide_id not in told:
            told[result.slide_id] = _slide(case.line.case, result, place.slide_of)
    return told


def _slide(case: str, result: ResultOnDesk, slide_of: Callable[[str], Path | None]) -> str:
    facts = {"slide": result.slide_id}
    path = slide_of(result.slide_id)
    if path is None:
        raise CaseRefused(case, "slide-gone", facts)
    try:
        files = files_of(path)
        if content_digest(files) != result.slide_digest:
            raise CaseRefused(case, "slide-other", facts)
        hashes = [_file_sha256(file) for file in files]
    except (SlideError, OSError) as cause:
        raise CaseRefused(case, "slide-gone", facts) from cause
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def _findings(case: ReviewCase, place: SigningPlace) -> dict[str, str]:
    """Hashes of findings.json as they lie there; CaseRefused where one is gone."""
    told = {}
    for result in case.results:
        folder = place.out / result.result_id
        try:
            told[result.result_id] = findings_sha256(folder)
        except UsageError as cause:
            facts = {"result": result.analysis}
            raise CaseRefused(case.line.case, "result-changed", facts) from cause
    return told
