"""A model taken out of use while the night goes on: nothing new begins, and the night ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from pathology.errors import LedgerError, UsageError
from pathology.nightly.incidents import Incidents
from pathology.pipeline.models_in_use import check_in_use
from pathology.records.result import Analysis
from pathology.records.settings.run import RunSettings
from pathology.records.withdrawal import ModelSwitch

LOOK_S: Final = 15.0
"""Between two looks: so long a slide may still be begun with the model."""


@dataclass(slots=True, kw_only=True)
class ModelStop:
    """Looks now and then; what waits keeps waiting for a night with another model."""

    switch: ModelSwitch
    settings: RunSettings
    analyses: Collection[Analysis]
    incidents: Incidents
    stop: threading.Event
    _looked: float = float("-inf")

    def before(self, told: Callable[[], None]) -> Callable[[], None]:
        """A tick of the night that looks before it tells others."""

        def tick() -> None:
            self.look()
            told()

        return tick

    def look(self) -> None:
        """Ask the night to end once a model of its analyses is out of use."""
        now = time.monotonic()
        if self.stop.is_set() or now - self._looked < LOOK_S:
            return
        self._looked = now
        try:
            check_in_use(self.switch, self.settings, self.analyses)
        except LedgerError:
            return  # away just now; it is looked for again
        except UsageError as problem:
            self.incidents.add("model-withdrawn", detail=str(problem))
            self.stop.set()
