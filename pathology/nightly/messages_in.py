"""Dropped messages from the first look until all their orders have found their slides."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from pathology.errors import OutputError
from pathology.nightly.settling import Settling, looked, settled
from pathology.pipeline import order_box
from pathology.records.incoming import IncomingOrder, IntakeProblem, OrdersRead
from pathology.records.settings.nightly import NightlySettings
from pathology.records.watched import FolderLook

HALF_WRITTEN: Final = 5
"""Times as long must a message be still that does not look whole before it is taken as it is."""


@dataclass(slots=True, kw_only=True)
class MessageBox:
    """One folder of messages. Orders stay here until ``put_away`` is told that they are matched."""

    folder: Path
    settings: NightlySettings
    zone: ZoneInfo
    _memory: Settling = field(default_factory=Settling)
    _open: dict[Path, OrdersRead] = field(default_factory=dict)
    _problems: list[IntakeProblem] = field(default_factory=list)
    _begun: bool = False

    def look(self, now_s: float, now_utc: datetime) -> FolderLook:
        """Read what has settled since the last look; what cannot be moved is tried again."""
        look = order_box.dropped(self.folder)
        if look.state != "there":
            self._memory = Settling()
            return look
        if not self._begun:
            for path in order_box.accepted(self.folder):
                self._open[path] = order_box.read_message(path, self.settings.incoming, self.zone)
            self._begun = True
        self._memory = looked(self._memory, look.stamps, now_s)
        still = settled(self._memory, now_s, self.settings.watch)
        for path in sorted(still, key=lambda p: (look.stamps[p][0][2], p.name)):
            self._take(path, now_s, now_utc)
        return look

    @property
    def orders(self) -> list[IncomingOrder]:
        """Orders that wait for their slides, in the order in which they were sent."""
        return [order for read in self._open.values() for order in read.orders]

    def new_problems(self) -> list[IntakeProblem]:
        """What could not be taken since this was asked last."""
        found, self._problems = self._problems, []
        return found

    def put_away(self, waiting: Collection[IncomingOrder], now_utc: datetime) -> None:
        """Move the messages none of whose orders is still ``waiting``."""
        ids = {id(order) for order in waiting}
        for path, read in list(self._open.items()):
            if not any(id(order) in ids for order in read.orders):
                place: order_box.Place = "refused" if read.problems else "done"
                if self._moved(path, place, read, now_utc) is not None:
                    del self._open[path]

    def _take(self, path: Path, now_s: float, now_utc: datetime) -> None:
        read = order_box.read_message(path, self.settings.incoming, self.zone)
        patience_s = HALF_WRITTEN * self.settings.watch.still_s
        if read.unfinished and self._memory.for_s(path, now_s) < patience_s:
            return
        place: order_box.Place = "accepted"
        if not read.orders:
            place = "refused" if read.problems else "done"
        moved = self._moved(path, place, read, now_utc)
        if moved is None:
            return
        self._problems += read.problems
        if read.orders:
            self._open[moved] = read

    def _moved(
        self, path: Path, place: order_box.Place, read: OrdersRead, now_utc: datetime
    ) -> Path | None:
        """Where a message was put; None where it could not be moved, to be tried again."""
        try:
            return order_box.put_away(path, self.folder, place, read, now_utc)
        except (OSError, OutputError):
            self._problems.append(
                IntakeProblem(place=0, code="cannot-move", facts={"detail": place})
            )
            return None
