"""What a review page serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pathology.pipeline.desk_signing import SigningPlace
from pathology.pipeline.report_settings import ReportRules
from pathology.records.actor import Actor
from pathology.records.case_ledger import CaseLedger
from pathology.records.correction import WhyCorrected
from pathology.records.settings.run import RunSettings
from pathology.review.gate import CaseAsked, Gate
from pathology.review.lodge import Lodge
from pathology.review.night_board import NightBoard


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDesk:
    """Where cases are decided: their ledger, how text is checked, and what a signature needs."""

    ledger: CaseLedger
    rules: ReportRules
    place: SigningPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCorrection:
    """A correction that was kept, for the record of the case."""

    actor: Actor
    case: CaseAsked
    supersedes: str  # result ids
    result_id: str
    why: WhyCorrected
    note: str  # the person's own words: they may name somebody, so they belong under seal


def nobody_is_told(kept: KeptCorrection) -> None:
    """Where no record of cases is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One site's desk."""

    results: Path  # a folder that ``pathology run --out`` wrote
    slide_of: Callable[[str], Path | None]  # scan of a slide id; None where it is not at hand
    settings: RunSettings
    gate: Gate
    cases: CaseDesk | None = None  # None: nothing is decided or signed here
    night: NightBoard | None = None  # None: this site has no night
    lodge: Lodge | None = None  # where persons sign in; a gate without one knows other ways
    kept: Callable[[KeptCorrection], None] = nobody_is_told

    @property
    def notes(self) -> bool:
        """Whether a person's own words about a correction are kept anywhere."""
        return self.kept is not nobody_is_told
