"""All that was seen of one slide."""

from __future__ import annotations

from dataclasses import dataclass

from pathology.pipeline.tally import Tally
from pathology.records.eyes import Eyes
from pathology.records.order import SlideOrder
from pathology.records.prediction import Calibration
from pathology.records.region import PersonRegions
from pathology.records.settings.run import RunSettings
from pathology.records.slide import SlideInfo
from pathology.records.tile import Survey


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """All that was seen of one slide."""

    order: SlideOrder
    info: SlideInfo
    survey: Survey
    person: PersonRegions | None
    calibration: Calibration | None
    coarsest_mpp: float  # at which nuclei can be told
    eyes: Eyes
    tally: Tally
    settings: RunSettings
