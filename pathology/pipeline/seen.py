"""All that was seen of one slide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pathology.pipeline.tally import Tally
from pathology.records.eyes import Witness
from pathology.records.order import Question
from pathology.records.prediction import Calibration
from pathology.records.region import PersonRegions, Polygon, RegionKind
from pathology.records.settings.run import RunSettings
from pathology.records.slide import SlideInfo
from pathology.records.tile import Survey


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """All that was seen of one slide, just now or when a result was made, and what is asked."""

    order: Question
    info: SlideInfo
    survey: Survey
    person: PersonRegions | None
    calibration: Calibration | None  # None also where a result is all that is left of it
    nuclei_visible: bool
    coarsest_mpp: float  # at which nuclei can be told
    eyes: Witness
    tally: Tally
    settings: RunSettings
    called_by_person: int = 0  # nuclei that persons called otherwise than the program

    @property
    def left_out(self) -> Mapping[RegionKind, tuple[Polygon, ...]]:
        """What a person left out, by kind."""
        return {} if self.person is None else self.person.excluded
