"""Looks at what may hang (a share, a disk) again and again, in a thread of its own.

A vanished network share can hold a system call for minutes or for good. Whoever asks here gets the
newest answer and its age at once; the night goes on either way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from pathology.errors import PathologyError

T = TypeVar("T")


class Lookout(Generic[T]):
    """Calls ``look`` every ``every_s`` until closed, and keeps what it last saw.

    Looks take at most ``most_share`` of the time, however long each is; ``forget`` hurries one.
    """

    def __init__(
        self, name: str, look: Callable[[], T], every_s: float, *, most_share: float = 1.0
    ) -> None:
        self._look, self._every_s = look, every_s
        self._pause = 1 / most_share - 1  # for each second of a look
        self._seen: T | None = None
        self._problem: Exception | None = None
        self._ended_at = time.monotonic()
        self._wake, self._closed = threading.Event(), False
        # A daemon: one that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def seen(self) -> T | None:
        """What it last saw; None before the first look ended well, and after ``forget``."""
        return self._seen

    @property
    def problem(self) -> Exception | None:
        """Why the newest look failed, None where it went well."""
        return self._problem

    @property
    def age_s(self) -> float:
        """Seconds since a look last ended, well or not."""
        return time.monotonic() - self._ended_at

    def forget(self) -> None:
        """What was seen is no longer so: look again at once."""
        self._seen = None
        self._wake.set()

    def close(self) -> None:
        """Look no more. A look that hangs is left to itself."""
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while not self._closed:
            self._wake.clear()
            began = time.monotonic()
            try:
                self._seen, self._problem = self._look(), None
            except (OSError, PathologyError) as problem:
                self._problem = problem
            self._ended_at = time.monotonic()
            took_s = self._ended_at - began
            self._wake.wait(max(self._every_s, took_s * self._pause))
