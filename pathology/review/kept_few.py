"""A bounded memory of things that are costly to make."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class KeptFew(Generic[K, V]):
    """The things used last, up to a total weight. Safe to share between threads.

    Two threads that ask for one thing that is not kept may both make it; the first one stays.
    """

    def __init__(self, most: int, weight: Callable[[V], int] = lambda thing: 1) -> None:
        self._most, self._weigh = most, weight
        self._things: OrderedDict[K, V] = OrderedDict()
        self._weight = 0
        self._lock = Lock()

    @property
    def weight(self) -> int:
        """Of all that is kept."""
        return self._weight

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The thing of this key, made where it is not kept."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return self._things[key]
        made = make()
        with self._lock:
            if key in self._things:
                return self._things[key]
            self._things[key] = made
            self._weight += self._weigh(made)
            while self._weight > self._most and len(self._things) > 1:
                self._weight -= self._weigh(self._things.popitem(last=False)[1])
        return made
