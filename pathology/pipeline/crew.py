"""A crew works on slides, a bounded number at a time; whatever happens to one is its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from pathology.pipeline.roster import Ended, Roster
from pathology.pipeline.run_slide import Job
from pathology.records.progress import Progress
from pathology.records.settings.site import SiteSettings


class Crew:
    """Workers on a cluster. One thread uses it; a worker has one slide at a time.

    What happens to a worker or to the cluster is the outcome of the items it had, never an
    exception: a dead worker ("worker-died"), one that hangs ("time-limit"), a lost scheduler
    ("cluster-lost"). They are transient; a crew tries nothing twice, that is for the caller. A
    local cluster that was lost is started again.

    Raises
    ------
    ClusterError
        No cluster could be reached or started; the message says what to do.
    """

    def __init__(
        self, roster: Roster, site: SiteSettings, on_progress: Callable[[Progress], None]
    ) -> None:
        raise NotImplementedError

    @property
    def room(self) -> int:
        """How many more items may be started now: workers and a small reserve, less those had."""
        raise NotImplementedError

    def start(self, item: int, job: Job) -> None:
        """Take up an item; ValueError where it is already had or there is no room."""
        raise NotImplementedError

    def ended(self, wait_s: float) -> list[Ended]:
        """Items that ended since the last call, each once; waits up to ``wait_s`` for the first.

        Call it often: here free workers get their next item, and those that hang are found.

        Raises
        ------
        ClusterError
            The cluster was lost and cannot be had again. Items not ended are lost with it.
        """
        raise NotImplementedError

    def running(self) -> Mapping[int, float]:
        """Items a worker has, and for how many seconds; those that wait in reserve are absent."""
        raise NotImplementedError

    def abandon(self, item: int) -> None:
        """Give an item up: its worker's process is killed and another takes its place.

        ``ended`` tells it as "time-limit" if it hung, and nothing of an item that is not had.
        """
        raise NotImplementedError

    @property
    def dashboard(self) -> str | None:
        """Address of dask's dashboard, on loopback; None where there is none."""
        raise NotImplementedError

    def close(self) -> None:
        """End all work; a local cluster's processes are gone when this returns."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
