"""What the night looks at beside its slides: the results' disk, lost places, sources of orders."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pathology.nightly.desk import Desk
from pathology.nightly.incidents import Incidents
from pathology.nightly.journal import tell
from pathology.nightly.lookout import Lookout
from pathology.nightly.metrics import Metrics
from pathology.nightly.places import Disk, disk_of, shows_nothing
from pathology.records.night import Window
from pathology.records.work import WorkOrder

FULL = -1.0
"""Free space as the decision is told it while the disk takes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """What one look at the sources of orders brought."""

    orders: tuple[WorkOrder, ...] = ()
    cancelled: tuple[int, ...] = ()  # items whose order was taken back
    away: frozenset[str] = frozenset()  # sources that could not be read, by kind and number
    refused: int = 0  # orders that could not be used
    counts: Mapping[str, int] = field(default_factory=dict)  # what waits and why, for people
    enrolled: Callable[[], None] = lambda: None  # to be called once the orders are safe


class OrderSources(Protocol):
    """Reads the sources of orders; may hang with a share, and is asked in a thread of its own."""

    def look(self) -> Arrivals:
        """What is new."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often what is looked at."""

    sources_s: float
    room_s: float


class Surroundings:
    """Looked at from the loop; whatever may hang does so elsewhere."""

    def __init__(
        self,
        out: Path,
        desk: Desk,
        incidents: Incidents,
        sources: OrderSources | None,
        rhythm: Rhythm,
    ) -> None:
        self._out, self._desk, self._incidents = out, desk, incidents
        self._full_at = -1.0
        self._doubted = self._short = self._heard = False
        self._back: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._arrived: queue.SimpleQueue[Arrivals] = queue.SimpleQueue()
        self._away: frozenset[str] = frozenset()
        self.counts: Mapping[str, int] = {}  # of the newest look at the sources
        self._disk: Lookout[Disk] = Lookout("night-disk", self._look_at_disk, rhythm.room_s)
        self._places: Lookout[None] = Lookout("night-places", self._look_at_places, rhythm.room_s)
        self._orders = sources
        self._sources: Lookout[None] | None = None
        if sources is not None:
            self._sources = Lookout("night-sources", self._look_at_sources, rhythm.sources_s)

    @property
    def free_gib(self) -> float | None:
        """Free space of the results' disk, as far as it is known."""
        return None if self._disk.seen is None else self._disk.seen.free_gib

    @property
    def expects_more(self) -> bool:
        """Whether the sources were not looked at yet, or a slide there is still growing."""
        return self._sources is not None and not (self._heard and not self.counts.get("growing"))

    def look(self) -> None:
        """Take what the lookouts saw into account. Never waits."""
        self._hear_disk()
        self._hear_places()
        with suppress(queue.Empty):
            while True:
                self._hear_source(self._arrived.get_nowait())

    def disk_was_full(self, since: float) -> bool:
        """Whether the disk took nothing at some time after ``since`` (monotonic)."""
        return self._doubted or self._full_at >= since

    def disk_failed(self) -> None:
        """A result could not be written, and neither could a probe: nothing more is begun."""
        if not self._doubted:
            self._doubted = True
            self._incidents.add("disk-full")
            self._disk.forget()
        self._desk.free_gib = FULL
        self._desk.look()

    def place_lost(self, place: Path) -> None:
        """Slides below this folder are not to be seen: none of them is begun."""
        if place not in self._desk.away:
            self._desk.away |= {place}
            self._desk.look()
            self._incidents.add("place-away", number=len(self._desk.away))

    def told(self, metrics: Metrics, window: Window | None) -> None:
        """For Prometheus."""
        metrics.beats(self.free_gib, window)

    def close(self) -> None:
        """Look no more."""
        for lookout in (self._disk, self._places, self._sources):
            if lookout is not None:
                lookout.close()

    def _look_at_disk(self) -> Disk:
        return disk_of(self._out, probe=self._doubted)

    def _hear_disk(self) -> None:
        disk = self._disk.seen
        if disk is None:
            return
        if self._doubted and disk.probed and disk.writable and self._disk.problem is None:
            self._doubted, self._full_at = False, time.monotonic()
            self._incidents.add("disk-back")
        if not self._doubted and disk.free_gib != self._desk.free_gib:
            self._desk.free_gib = disk.free_gib
            self._desk.look()
        if self._doubted or not self._desk.settled:
            return  # the decision is still that of a full disk
        short = bool(self._desk.view.decision.no_room)
        if short != self._short:
            self._short = short
            self._incidents.add("disk-short" if short else "disk-back")

    def _look_at_places(self) -> None:
        for place in self._desk.away:
            if not shows_nothing(place):
                self._back.put(place)

    def _hear_places(self) -> None:
        with suppress(queue.Empty):
            while True:
                place = self._back.get_nowait()
                if place in self._desk.away:
                    self._desk.away -= {place}
                    self._desk.look()
                    self._incidents.add("place-back")

    def _look_at_sources(self) -> None:
        if self._orders is not None:
            self._arrived.put(self._orders.look())

    def _hear_source(self, arrived: Arrivals) -> None:
        for source in sorted(arrived.away - self._away):
            self._incidents.add("source-away", source=source)
        for source in sorted(self._away - arrived.away):
            self._incidents.add("source-back", source=source)
        self._away, self._heard = arrived.away, True
        if arrived.refused:
            self._incidents.add("order-refused", number=arrived.refused)
        if arrived.orders:
            tell("arrived", number=len(arrived.orders))
        self.counts = arrived.counts
        self._desk.enrol(arrived.orders, arrived.enrolled)
        if arrived.cancelled:
            self._desk.cancel(arrived.cancelled)
