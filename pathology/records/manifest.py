"""One line of a manifest: a slide, what is asked of it, and what the laboratory says about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pathology.records.geometry import Mpp
from pathology.records.result import Analysis

Priority = Literal["routine", "urgent", "asap", "stat"]
"""The codes of FHIR's request-priority, from least to most pressing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRow:
    """One analysis of one slide; None where the manifest says nothing."""

    row: int  # line in the file as a spreadsheet numbers it; the header is 1
    slide: Path  # relative paths are taken from the manifest's folder
    analysis: Analysis
    marker: str | None = None
    case_id: str | None = None
    specimen: str | None = None
    block: str | None = None
    order_id: str | None = None
    priority: Priority = "routine"
    deadline: datetime | None = None  # without an offset: the site's own time
    mpp: Mpp | None = None
