"""Whether a failure was the slide's or the site's: a full disk or a lost share is no slide's fault.

Asking a share or a disk may hang, so each question has a thread of its own, a daemon.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pathology.nightly.places import disk_of, place_away
from pathology.records.work import Outcome, WorkItem

OF_PLACE: Final = frozenset({"not-found", "cannot-read"})
OF_DISK: Final = frozenset({"output-failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be done with an outcome: entered, or the item given back unattempted."""

    item: WorkItem
    outcome: Outcome
    fault: Literal["slide", "disk", "place"]
    place: Path | None = None  # that is away


class Triage:
    """Judges outcomes; those that need no question at once, the others when their answer comes."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._judged: queue.SimpleQueue[Verdict] = queue.SimpleQueue()
        self._asking = 0

    @property
    def asking(self) -> int:
        """Outcomes whose verdict is still to come."""
        return self._asking

    def judge(self, item: WorkItem, outcome: Outcome) -> None:
        """Take in an outcome."""
        self._asking += 1
        if outcome.reason_code in OF_PLACE:
            self._ask(item, outcome, self._place)
        elif outcome.reason_code in OF_DISK:
            self._ask(item, outcome, self._disk)
        else:
            self._judged.put(Verdict(item=item, outcome=outcome, fault="slide"))

    def verdicts(self) -> list[Verdict]:
        """Those that came since the last call, each once."""
        found: list[Verdict] = []
        with suppress(queue.Empty):
            while True:
                found.append(self._judged.get_nowait())
        self._asking -= len(found)
        return found

    def _ask(
        self, item: WorkItem, outcome: Outcome, question: Callable[[WorkItem, Outcome], Verdict]
    ) -> None:
        def ask() -> None:
            self._judged.put(question(item, outcome))

        threading.Thread(target=ask, name="night-triage", daemon=True).start()

    def _place(self, item: WorkItem, outcome: Outcome) -> Verdict:
        place = place_away(item.order.path)
        fault: Literal["slide", "place"] = "slide" if place is None else "place"
        return Verdict(item=item, outcome=outcome, fault=fault, place=place)

    def _disk(self, item: WorkItem, outcome: Outcome) -> Verdict:
        try:
            takes = disk_of(self._out, probe=True).writable
        except OSError:
            takes = False
        return Verdict(item=item, outcome=outcome, fault="slide" if takes else "disk")
