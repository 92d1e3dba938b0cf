"""What a review page serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pathology.records.settings.run import RunSettings
from pathology.review.gate import Gate
from pathology.review.kept_correction import KeptCorrection
from pathology.review.lodge import Lodge


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
    kept: Callable[[KeptCorrection], None] = nobody_is_told
    notes: bool = False  # whether ``kept`` keeps a person's own words; else none are asked for
