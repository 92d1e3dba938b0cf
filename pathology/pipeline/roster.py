"""Who does the work, and what is told of an item when a crew is done with it."""

from __future__ import annotations

from dataclasses import dataclass

from pathology.pipeline.cluster import Cluster, cores, existing_cluster, own_cluster
from pathology.records.settings.site import ClusterSettings
from pathology.records.summary import SummaryRow
from pathology.records.work import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """``workers`` processes of the site's own cluster, or the scheduler at ``address``.

    ``writers`` are beside them: they word drafts. At an address, and in a batch system, those that
    have the resource llm do.
    """

    workers: int
    address: str | None = None
    writers: int = 0

    @property
    def threads(self) -> int:
        """Threads of each local process's network, so that all together take every core."""
        return max(1, cores() // self.workers)

    def gathered(self, site: ClusterSettings) -> Cluster:
        """The cluster of these workers; an address given by hand stands before the site's.

        Raises
        ------
        UsageError
            The address is none, or is beyond this machine without TLS.
        ClusterError
            It could not be started or reached.
        """
        address = self.address or (site.address if site.kind == "address" else None)
        if address is not None:
            return existing_cluster(address, site)
        return own_cluster(self.workers, site, threads=self.threads, writers=self.writers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An item that a crew is done with."""

    item: int  # as it was started
    outcome: Outcome
    row: SummaryRow
    seconds: float  # from the moment a worker took it up; 0 where none did
