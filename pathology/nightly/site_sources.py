"""The site's sources of orders as the night sees them: one thread looks, the desk enrols."""

from __future__ import annotations

import queue
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from pathology.nightly.clock import NightClock
from pathology.nightly.intake import Intake, IntakeReport, cancelled_items
from pathology.nightly.options import NightSettings
from pathology.nightly.surroundings import Arrivals
from pathology.pipeline.label import stain_of
from pathology.pipeline.order_box import prune
from pathology.records.ledger import WorkLedger
from pathology.records.work import WorkItem

PRUNE_S: Final = 3600.0
KNOWN_S: Final = 600.0
"""After which what others enrolled is read."""


@dataclass(slots=True, kw_only=True)
class SiteSources:
    """``look`` is called in one thread; what it brings is enrolled in another.

    All items of the ledger are read once, then by what is new: an order that comes tonight may be
    for a slide of last week.
    """

    settings: NightSettings
    work: WorkLedger
    clock: NightClock
    _intake: Intake = field(init=False)
    _known: tuple[WorkItem, ...] = ()
    _known_at: float = 0.0
    _safe: queue.SimpleQueue[IntakeReport] = field(default_factory=queue.SimpleQueue)
    _pruned_at: float = 0.0

    def __post_init__(self) -> None:
        self._intake = Intake(
            settings=self.settings.nightly, stain_of=partial(stain_of, settings=self.settings.run)
        )

    def look(self) -> Arrivals:
        """What is new. The ledger being away is told as it is raised: the next look tries again."""
        now = self.clock.now()
        known = self._items()
        with suppress(queue.Empty):
            while True:
                self._intake.enrolled(self._safe.get_nowait(), now)
        report = self._intake.look(time.monotonic(), now, known)
        self._prune()
        return Arrivals(
            orders=report.work,
            cancelled=self._cancelled(report),
            away=frozenset(
                f"{one.kind} {one.number}" for one in report.sources if one.state != "there"
            ),
            refused=len(report.problems),
            counts={
                "growing": report.growing,
                "orders-without-slide": len(report.waiting),
                "rows-without-slide": len(report.absent),
                "slides-without-order": len(report.unasked),
                "unreadable": report.unreadable,
                "links-that-lead-out": report.leads_out,
            },
            enrolled=lambda: self._safe.put(report),
        )

    def _items(self) -> tuple[WorkItem, ...]:
        """All items there ever were; now and then those that others enrolled since.

        What this night enrolled it remembers itself, and an order that is known is enrolled but
        once: nothing is lost by some minutes' ignorance. Of an item its order alone is looked at,
        which never changes, so that none is unsealed twice.
        """
        if not self._known or time.monotonic() - self._known_at > KNOWN_S:
            last = self._known[-1].item_id if self._known else 0
            self._known = (*self._known, *self.work.items(after=last))
            self._known_at = time.monotonic()
        return self._known

    def _cancelled(self, report: IntakeReport) -> tuple[int, ...]:
        if not report.cancelled:
            return ()
        return cancelled_items(self.work.items(("waiting",)), report.cancelled)

    def _prune(self) -> None:
        if time.monotonic() - self._pruned_at < PRUNE_S:
            return
        self._pruned_at = time.monotonic()
        nightly = self.settings.nightly
        for folder in nightly.sources.messages:
            with suppress(OSError):
                prune(Path(folder), nightly.retention.messages_days, self.clock.now())


def has_sources(settings: NightSettings) -> bool:
    """Whether the site named any."""
    sources = settings.nightly.sources
    return bool(sources.slides or sources.messages or sources.manifests)
