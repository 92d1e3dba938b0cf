"""A draft that some worker makes, seen from outside."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from distributed import Future
from distributed.scheduler import KilledWorker

from pathology.records.drafting import DraftStory

FETCHING_S = 30.0
GONE = ("cancelled", "lost")
"""Of a future whose cluster was lost."""


@dataclass(slots=True)
class DraftAtWork:
    """Ask it now and then; it never waits and never raises."""

    _future: Future[DraftStory]

    @property
    def done(self) -> bool:
        """Whether nothing more will come."""
        return bool(self._future.done()) or self._future.status in GONE

    @property
    def story(self) -> DraftStory | None:
        """The story once it is done; None where the worker, the cluster or the program failed."""
        if self._future.status != "finished":
            return None
        try:
            told: DraftStory = self._future.result(timeout=FETCHING_S)
        except (OSError, TimeoutError, RuntimeError):  # it died as soon as it had answered
            return None
        return told

    @property
    def fault(self) -> str:
        """How it failed, in a word fit for logs; empty where it did not."""
        if self._future.status in GONE:
            return "cluster-lost"
        if self._future.status != "error":
            return ""
        with suppress(OSError, TimeoutError, RuntimeError):
            problem = self._future.exception(timeout=FETCHING_S)
            return "worker-died" if isinstance(problem, KilledWorker) else type(problem).__name__
        return "cluster-lost"

    def forget(self) -> None:
        """Let go of it."""
        self._future.release()
