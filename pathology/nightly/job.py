"""From an item of the ledger to a job for a worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pathology.pipeline.pseudonyms import Pseudonyms
from pathology.pipeline.run_slide import Job
from pathology.records.order import RunOptions, SlideOrder
from pathology.records.result import MarkerSource
from pathology.records.settings.run import RunSettings
from pathology.records.slide import StatedScale
from pathology.records.work import WorkItem, WorkSource

SAID_BY: Final[dict[WorkSource, MarkerSource]] = {
    "run": "user",
    "folder": "order",
    "manifest": "manifest",
    "hl7": "order",
    "fhir": "order",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMaker:
    """What all jobs of a night share."""

    settings: RunSettings
    options: RunOptions
    pseudonyms: Pseudonyms = field(repr=False)

    def job(self, item: WorkItem) -> Job:
        """The job of an item. Slide and case leave as pseudonyms."""
        order = item.order
        slide = SlideOrder(
            path=order.path,
            analysis=order.analysis,
            marker=order.marker,
            marker_source=SAID_BY[order.source] if order.marker else "none",
            case_id=self.pseudonyms.case(order),
            said=None if order.mpp is None else StatedScale(mpp=order.mpp, source="manifest"),
            within=order.within,
        )
        return Job(
            order=slide,
            options=self.options,
            settings=self.settings,
            pseudonym_key=self.pseudonyms.slides,
        )
