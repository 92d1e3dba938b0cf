"""What is asked for: one analysis of one slide."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pathology.records.reasons import Language
from pathology.records.result import Analysis, MarkerSource
from pathology.records.slide import StatedScale

DeviceChoice = Literal["auto", "cpu", "cuda"]
"""Where networks run; ``auto`` is a GPU where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a slide."""

    analysis: Analysis
    marker: str | None = None  # what stain the order says it is; the picture cannot tell
    marker_source: MarkerSource = "none"
    case_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlideOrder(Question):
    """One analysis of one slide, as the command line or a manifest asks for it."""

    path: Path
    said: StatedScale | None = None  # a person's scale
    within: Path | None = None  # GeoJSON with a person's tumour region


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How to run, the same for every slide."""

    out: Path
    force: bool = False
    device: DeviceChoice = "auto"
    language: Language = "en"  # of the picture; changes no number
