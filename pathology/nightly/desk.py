"""The night's desk: the one thread that speaks to the ledger, so that no slide waits for it.

It claims ahead of need, enters outcomes, keeps leases alive, takes orders in. When the ledger is
away it tries again with growing pauses; work goes on, and what comes of it is entered afterwards.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pathology.errors import LedgerAway, PathologyError
from pathology.nightly.books import Books, Ending, Terms
from pathology.nightly.incidents import Incidents
from pathology.nightly.journal import tell
from pathology.nightly.metrics import Metrics
from pathology.records.night import Decision
from pathology.records.work import Outcome, WorkItem, WorkOrder

TURN_S: Final = 0.5
"""Longest nap; every news wakes it."""
READ_ALL_S: Final = 60.0
READ_SHARE: Final = 20
"""The whole worklist is read again every minute, and never so often that it takes more than a
twentieth of the time."""
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0
"""While the ledger is away."""


@dataclass(slots=True, eq=False)
class _Orders:
    """Orders to be enrolled, and who is told, in the desk's thread, when they are safe."""

    orders: Sequence[WorkOrder]
    enrolled: Callable[[], None]


@dataclass(slots=True, eq=False)
class _Cancelled:
    """Items whose order was taken back."""

    item_ids: Sequence[int]


_News = Ending | _Orders | _Cancelled | None


@dataclass(slots=True, kw_only=True)
class DeskView:
    """What other threads may read at any time."""

    decision: Decision = field(default_factory=Decision)
    held: int = 0
    waiting: int = 0
    rest: int = 0  # items left when all that may begin now has begun
    expected_s: float = 0.0  # of one worker, for all that waits or is leased
    unreachable: tuple[int, ...] = ()  # items whose place is away
    unentered: int = 0  # outcomes that the ledger does not have yet
    away_s: float = 0.0  # for how long the ledger has been away
    broken: PathologyError | None = None
    busy_s: float = 0.0  # the thread's own work: the night's cost beside the slides'


class Desk:
    """The thread and its in-tray. Any thread may call; only its own touches the books."""

    def __init__(self, books: Books, terms: Terms, incidents: Incidents, metrics: Metrics) -> None:
        self._books, self._terms = books, terms
        self._incidents, self._metrics = incidents, metrics
        self.view = DeskView()
        self.told: Mapping[str, object] = {}  # the shift's own words, set by the night
        self.free_gib: float | None = None  # of the results' disk; below zero: full
        self.away: frozenset[Path] = frozenset()  # places that are not to be seen
        self._tray: queue.SimpleQueue[_News] = queue.SimpleQueue()
        self._given = self._seen = 0  # news put in, news taken into account
        self._orders: deque[_Orders] = deque()
        self._taking, self._closing, self._changed = True, threading.Event(), True
        self._beat_at = self._read_at = self._away_since = self._pause_s = 0.0
        self._thread = threading.Thread(target=self._run, name="night-desk", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def taken(self) -> WorkItem | None:
        """The next item that is leased and waits for a worker; None when there is none now."""
        with suppress(queue.Empty):
            return self._books.taken.get_nowait()
        return None

    def hand_in(self, item_id: int, outcome: Outcome | None) -> None:
        """Enter an outcome; None gives the item back unattempted."""
        self._put(Ending(item_id, outcome))

    def enrol(self, orders: Sequence[WorkOrder], enrolled: Callable[[], None]) -> None:
        """Add orders; ``enrolled`` is called once they are in the ledger."""
        self._put(_Orders(orders, enrolled))

    def cancel(self, item_ids: Sequence[int]) -> None:
        """Stop items whose order was taken back, as far as they have not begun."""
        self._put(_Cancelled(item_ids))

    def look(self) -> None:
        """Decide anew: disk or places changed."""
        self._put(None)

    def take_no_more(self) -> None:
        """Claim nothing from now on."""
        self._taking = False
        self._put(None)

    @property
    def settled(self) -> bool:
        """Whether the view's decision takes account of all that was said."""
        return self._seen == self._given and self._books.taken.empty()

    def close(self, wait_s: float) -> int:
        """Enter what is left and give back the rest; wait so long for it.

        How many outcomes the ledger still lacks then.
        """
        self._taking = False
        self._closing.set()
        self._put(None)
        self._thread.join(timeout=wait_s)
        return max(1, len(self._books.endings)) if self._thread.is_alive() else 0

    def _put(self, news: _News) -> None:
        self._given += 1
        self._tray.put(news)

    def _run(self) -> None:
        while True:
            nap_s = TURN_S
            try:
                began = time.perf_counter()
                self._turn()
                self.view.busy_s += time.perf_counter() - began
                self._came_back()
            except LedgerAway:
                nap_s = self._went_away()
            except PathologyError as problem:
                self.view.broken = problem
                return
            if self._closing.is_set() and not self._books.endings and self._seen == self._given:
                return
            self._nap(nap_s)

    def _nap(self, seconds: float) -> None:
        """Sleep until news come; while the ledger is away nothing wakes it but its closing."""
        if self._away_since:
            if self._closing.wait(seconds):
                time.sleep(min(seconds, FIRST_PAUSE_S))
            return
        with suppress(queue.Empty):
            self._sort(self._tray.get(timeout=seconds))

    def _sort(self, news: _News) -> None:
        self._changed, self._unseen = True, self._unseen + 1
        if isinstance(news, Ending):
            self._books.endings.append(news)
        elif isinstance(news, _Orders):
            self._orders.append(news)
        elif isinstance(news, _Cancelled):
            self._books.cancelled |= set(news.item_ids)

    _unseen = 0

    def _turn(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._sort(self._tray.get_nowait())
        if self._closing.is_set():
            self._books.give_back_all()
        self.view.unentered = len(self._books.endings)
        if time.monotonic() >= self._beat_at:
            self._books.beat(self.told)
            self._beat_at = time.monotonic() + self._terms.trying.heartbeat_s
        self._books.enter_all()
        while self._orders:
            self._books.enrol(self._orders[0].orders)
            self._orders.popleft().enrolled()
        if time.monotonic() >= self._read_at:
            self._read_all()
        self._take()

    def _read_all(self) -> None:
        began = time.monotonic()
        self._books.read_all()
        took_s = time.monotonic() - began
        self._read_at = time.monotonic() + max(READ_ALL_S, READ_SHARE * took_s)
        self._changed = True

    def _take(self) -> None:
        """Decide, and do what was decided."""
        again = self.view.decision.look_again_utc
        if not (self._changed or (again is not None and self._terms.clock.now() >= again)):
            return
        view, board = self.view, self._books.board
        board.away = self.away
        decision = self._books.decide(self.free_gib)
        view.rest = len(board) - len(self._books.held) - len(decision.start)
        if self._taking:
            self._books.do(decision)
            self._books.stop_cancelled()
        view.decision, view.held, view.waiting = decision, len(self._books.held), len(board)
        view.expected_s = board.expected_s()
        view.unreachable = tuple(item.item_id for item in board.unreachable())
        view.unentered = len(self._books.endings)
        self._metrics.in_flight.set(view.held)
        self._seen, self._unseen = self._seen + self._unseen, 0
        # What was stopped or given up leaves room for the next: entered and decided next turn.
        self._changed = bool(self._books.endings)

    def _went_away(self) -> float:
        """The pause before the next try."""
        if not self._away_since:
            self._away_since, self._pause_s = time.monotonic(), FIRST_PAUSE_S
            self._metrics.away.set(1)
            tell("ledger-away", level=logging.WARNING)
        else:
            self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)
        self.view.away_s = time.monotonic() - self._away_since
        self.view.unentered = len(self._books.endings)
        self._read_at, self._changed = 0.0, True  # a claim's answer may have been lost
        return self._pause_s

    def _came_back(self) -> None:
        if self._away_since:
            seconds = round(time.monotonic() - self._away_since)
            self._away_since = self.view.away_s = 0.0
            self._metrics.away.set(0)
            self._incidents.add("ledger-away", seconds=seconds)
