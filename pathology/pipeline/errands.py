"""Which errands an item takes, one after another; decided without doing anything."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from pathology.pipeline import store
from pathology.pipeline.at_work import Errand
from pathology.pipeline.run_slide import Job
from pathology.pipeline.stages import Part
from pathology.pipeline.workplace import CPU, GPU
from pathology.records.model import CLASSICAL

MIB: Final = 1024**2


@dataclass(slots=True, eq=False)
class Had:
    """An item with a crew, and how far it is."""

    job: Job
    parts: int  # at most
    name: str = field(default_factory=lambda: uuid4().hex)  # of its folders aside
    since: float = 0.0  # when a worker first had it
    vain: int = 0  # times that a worker died before it began
    open_parts: int = 0
    asides: list[Path] = field(default_factory=list)

    @property
    def with_networks(self) -> bool:
        """Whether a GPU, where there is one, is of use to it."""
        models = self.job.settings.site.models
        eyes = (
            (models.nuclei_ihc,)
            if self.job.order.analysis == "ki67"
            else (models.nuclei_he, models.tissue_he)
        )
        return self.job.options.device != "cpu" and any(eye != CLASSICAL for eye in eyes)

    def first(self, *, staged: bool, hands: int) -> list[Errand]:
        """What is to be done first: in parts if so asked, in stages where that helps.

        ``hands`` is how many workers have nothing else to do.
        """
        parts = min(self.parts, hands)
        if parts > 1 and self._is_big():
            self.asides = [self._aside(f"part-{n}") for n in range(parts)]
            self.open_parts = parts
            return [
                Errand(stage="part", aside=aside, part=Part(number=n, of=parts))
                for n, aside in enumerate(self.asides)
            ]
        if self.with_networks and staged:
            self.asides = [self._aside("look")]
            return [Errand(stage="look", aside=self.asides[0])]
        return [Errand(stage="whole")]

    def after(self, errand: Errand) -> list[Errand]:
        """What follows an errand that went well."""
        if errand.stage == "look":
            return [Errand(stage="conclude", aside=errand.aside)]
        self.open_parts -= 1
        return [] if self.open_parts else [Errand(stage="whole", parts=tuple(self.asides))]

    def wants(self, errand: Errand, *, staged: bool) -> str | None:
        """What its worker must have; None where any will do."""
        if not staged:
            return None
        return GPU if self.with_networks and errand.stage != "conclude" else CPU

    def sweep(self) -> None:
        """Remove what was put aside."""
        for aside in self.asides:
            shutil.rmtree(aside, ignore_errors=True)

    def _is_big(self) -> bool:
        """Whether parts are worth that each begins with a glance at the whole slide."""
        try:
            size = self.job.order.path.stat().st_size
        except OSError:  # its worker will say so
            return False
        return size > self.job.settings.site.running.split_above_mib * MIB

    def _aside(self, what: str) -> Path:
        return self.job.options.out / store.ASIDE / f"{self.name}-{what}"
