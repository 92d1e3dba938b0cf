"""What a review page serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pathology.pipeline.desk_signing import SigningPlace
from pathology.pipeline.opinions import OpinionPlace
from pathology.pipeline.report_settings import ReportRules
from pathology.records.case_ledger import CaseLedger
from pathology.records.settings.run import RunSettings
from pathology.review.gate import Gate
from pathology.review.kept_correction import KeptCorrection
from pathology.review.lodge import Lodge
from pathology.review.night_board import NightBoard
from pathology.review.opened_question import QuestionOnDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDesk:
    """Where cases are decided: their ledger, how text is checked, and what a signature needs."""

    ledger: CaseLedger
    rules: ReportRules
    place: SigningPlace
    opinions: OpinionPlace | None = None  # None: no other hospital is asked


def nobody_is_told(kept: KeptCorrection) -> None:
    """Where no record of cases is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One site's desk."""

    results: Path  # a folder that ``pathology run --out`` wrote
    slide_of: Callable[[str], Path | None]  # scan of a slide id; None where it is not at hand
    settings: RunSettings
    gate: Gate
    lodge: Lodge | None = None  # where persons sign in; a gate without one knows other ways
    cases: CaseDesk | None = None  # None: nothing is decided or signed here
    night: NightBoard | None = None  # None: this site has no night
    kept: Callable[[KeptCorrection], None] = nobody_is_told
    question: QuestionOnDesk | None = None  # another hospital's: nothing of it is changed here
    notes: bool = False  # whether ``kept`` keeps a person's own words; else none are asked for
