"""What the night does next: a pure function of worklist, clock and policy.

Written for two callers, the loop that does it and the plan that foresees it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pathology.records.night import Decision, Policy, Situation
from pathology.records.work import WorkItem


def decide(items: Sequence[WorkItem], situation: Situation, policy: Policy) -> Decision:
    """What to begin now. ``items`` are those waiting and leased; others are passed over.

    No more is begun than slots are free, counting what runs and this owner's living leases.
    """
    raise NotImplementedError


def retry_utc(attempts: int, now_utc: datetime, policy: Policy) -> datetime | None:
    """When to try again after ``attempts`` that failed; None: set aside.

    The loop hands it to ``WorkLedger.finish`` with every outcome that is transient.
    """
    raise NotImplementedError
