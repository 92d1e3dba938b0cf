"""Who does the work, and what becomes of it: the nouns of a crew."""

from __future__ import annotations

from dataclasses import dataclass

from pathology.pipeline.cluster import cores
from pathology.records.summary import SummaryRow
from pathology.records.work import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """``workers`` processes of the site's cluster, or the scheduler at ``address``."""

    workers: int
    address: str | None = None

    @property
    def threads(self) -> int:
        """Threads of each local process's network, so that all together take every core."""
        return max(1, cores() // self.workers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What came of one order: for the ledger, and for ``summary.csv``."""

    outcome: Outcome
    row: SummaryRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """An item that a crew is done with."""

    item: int  # as it was started
    outcome: Outcome
    row: SummaryRow
    seconds: float  # from the moment a worker took it up; 0 where none did
