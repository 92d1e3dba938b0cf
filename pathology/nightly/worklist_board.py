"""The worklist in memory: what waits and what is leased, as the ledger last told.

Reading thousands of sealed orders takes longer than a slide may cost, so they are read once, then
by what changed, and all again now and then for what others did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pathology.records.night import Decision, Expected, Policy, Situation
from pathology.records.work import Lease, WorkItem

Decide = Callable[[list[WorkItem], Situation, Policy], Decision]


class Board:
    """Items waiting and leased, by id. One thread uses it."""

    def __init__(self, decide: Decide, estimate: Callable[[WorkItem], Expected]) -> None:
        self._decide, self._estimate = decide, estimate
        self._items: dict[int, WorkItem] = {}
        self._expected: dict[int, Expected] = {}
        self.away: frozenset[Path] = frozenset()  # places that are not to be seen

    def __len__(self) -> int:
        return len(self._items)

    def replace_all(self, items: Iterable[WorkItem]) -> None:
        """Everything that waits or is leased now."""
        self._items.clear()
        self.put(items)

    def put(self, items: Iterable[WorkItem]) -> None:
        """Items as they are now; those that neither wait nor are leased are dropped."""
        for item in items:
            if item.state in ("waiting", "leased"):
                self._items[item.item_id] = item
            else:
                self._items.pop(item.item_id, None)

    def drop(self, item_id: int) -> None:
        """An item that is over."""
        self._items.pop(item_id, None)

    def leased(self, item_id: int, lease: Lease) -> WorkItem:
        """An item that was claimed just now."""
        item = self._items[item_id]
        now = replace(item, state="leased", lease=lease, attempts=item.attempts + 1)
        self._items[item_id] = now
        return now

    def waits(self, item_id: int, until: datetime | None, *, attempted: bool) -> None:
        """An item that waits again."""
        if (item := self._items.get(item_id)) is None:
            return
        self._items[item_id] = replace(
            item,
            state="waiting",
            lease=None,
            attempts=item.attempts if attempted else max(0, item.attempts - 1),
            not_before_utc=until or item.not_before_utc,
        )

    def get(self, item_id: int) -> WorkItem | None:
        """An item that waits or is leased."""
        return self._items.get(item_id)

    def all(self) -> list[WorkItem]:
        """All of them."""
        return list(self._items.values())

    def expected(self, item: WorkItem) -> Expected:
        """What an item is expected to take."""
        if item.item_id not in self._expected:
            self._expected[item.item_id] = self._estimate(item)
        return self._expected[item.item_id]

    def expected_s(self) -> float:
        """Seconds of one worker for all of them."""
        return sum(self.expected(item).seconds for item in self._items.values())

    def unreachable(self) -> list[WorkItem]:
        """Those that wait in places that are away."""
        if not self.away:
            return []
        return [i for i in self._items.values() if i.state == "waiting" and self._is_away(i)]

    def decision(self, situation: Situation, policy: Policy) -> Decision:
        """What to begin now, among what can be reached."""
        items = self.all()
        if self.away:
            items = [i for i in items if i.state != "waiting" or not self._is_away(i)]
        expected = {item.item_id: self.expected(item) for item in items}
        return self._decide(items, replace(situation, expected=expected), policy)

    def _is_away(self, item: WorkItem) -> bool:
        return not self.away.isdisjoint(item.order.path.parents)
