"""Work that the ledger answers for: one analysis of one slide, from order to outcome.

All times are aware and in UTC; the site's own time zone belongs to the doors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from pathology.records.geometry import Mpp
from pathology.records.manifest import Priority
from pathology.records.result import Analysis

WorkSource = Literal["run", "folder", "manifest", "hl7", "fhir"]
"""Where an order came from."""

WorkState = Literal["waiting", "leased", "done", "failed", "set-aside", "stopped"]
"""waiting: may be taken; leased: somebody works on it; done: its result is registered; failed: the
slide itself was refused, with a reason; set-aside: tried too often (poison); stopped: identities
disagree, a person must decide."""

OutcomeKind = Literal["done", "refused", "transient", "stopped"]
"""refused: trying again cannot help; transient: it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlideIdentity:
    """What one source (label, order, LIS) says about whose slide it is; None where silent."""

    barcode: str | None = field(default=None, repr=False)
    accession: str | None = field(default=None, repr=False)  # the case
    specimen: str | None = field(default=None, repr=False)
    block: str | None = field(default=None, repr=False)
    order_id: str | None = field(default=None, repr=False)


ClaimSource = Literal["manifest", "hl7", "fhir", "label", "file-name"]
"""Who says whose slide it is; label is what the scanner wrote into the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one source says of a slide. All are kept, so that a person can see who disagrees."""

    source: ClaimSource
    identity: SlideIdentity = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrder:
    """One analysis of one slide as ordered. Path and identities are PHI: encrypted in the ledger.

    ``identity`` is what the sources agreed on, empty where nothing was proven; ``said`` is what
    each of them says. An order that is ``held`` must not begin until a person reopens it.
    """

    path: Path = field(repr=False)
    analysis: Analysis
    source: WorkSource
    marker: str | None = None
    identity: SlideIdentity = field(default_factory=SlideIdentity)
    priority: Priority = "routine"
    deadline_utc: datetime | None = None
    mpp: Mpp | None = None
    within: Path | None = field(default=None, repr=False)
    said: tuple[Claim, ...] = field(default=(), repr=False)
    held: str | None = None  # why: a key of records.reasons
    held_facts: Mapping[str, str] = field(default_factory=dict)  # they fill the reason's wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to work on an item until ``until_utc``; the token proves it when finishing."""

    item_id: int
    owner: str  # machine, process and start of the night that works
    token: str
    until_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attempt."""

    kind: OutcomeKind
    slide_id: str | None = None  # pseudonym from content, once the file could be read
    digest: str | None = None
    result_id: str | None = None
    result_key: str | None = None  # content key of the result, 32 characters or more
    result_folder: str | None = None  # relative to the output folder
    reason_code: str | None = None  # a key of records.reasons
    facts: Mapping[str, str] = field(default_factory=dict)  # they fill the reason's wording
    stage_s: Mapping[str, float] = field(default_factory=dict)
    tissue_mm2: float | None = None
    scanner: str | None = None
    drift: Mapping[str, float] = field(default_factory=dict)  # focus and stain, by name with unit
    peak_gib: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at an item; ``ended_utc`` and ``outcome`` are None while it goes on or was lost."""

    item_id: int
    number: int  # from 1
    owner: str
    started_utc: datetime
    ended_utc: datetime | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """A row of the worklist. ``name`` is a pseudonym, fit for logs, metrics and pages."""

    item_id: int
    name: str
    order: WorkOrder
    state: WorkState
    attempts: int
    received_utc: datetime
    not_before_utc: datetime
    lease: Lease | None = None
    last: Outcome | None = None  # of the newest attempt that ended

    @property
    def is_held(self) -> bool:
        """Whether a person must decide first; one that was stopped and waits again was reopened."""
        reopened = self.last is not None and self.last.kind == "stopped"
        return self.order.held is not None and not reopened


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """What enrolling came to: ids of new items, and of those already known, in the given order."""

    new: tuple[int, ...]
    known: tuple[int, ...]
