"""What ``pathology run`` tells the ledger, where the site has one: each slide once it has ended."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from pathology.errors import LedgerError, PathologyError
from pathology.pipeline.archive_places import archive_places
from pathology.pipeline.models_in_use import check_in_use
from pathology.pipeline.roster import Ended
from pathology.pipeline.run_slide import Job
from pathology.records.actor import Actor
from pathology.records.geometry import Mpp
from pathology.records.ledger import WorkLedger
from pathology.records.result import Analysis
from pathology.records.settings.run import RunSettings
from pathology.records.withdrawal import ModelSwitch
from pathology.records.work import Outcome, SlideIdentity, WorkItem, WorkOrder

AGAIN: Final = "pathology run was given this slide again"
LEASE: Final = timedelta(minutes=5)
"""For the three steps in which one ended slide is told; nobody works under it."""


@dataclass(slots=True, kw_only=True, eq=False)
class Register:
    """A worklist to tell what was done; ``work`` is None where the site has no ledger.

    A ledger that fails costs no slide: ``problem`` holds what it said first, and nothing more is
    told. The same command, given again, tells the results that are kept.
    """

    work: WorkLedger | None = None
    actor: Actor | None = None
    switch: ModelSwitch | None = None
    problem: PathologyError | None = field(default=None, init=False)

    def check_models(self, settings: RunSettings, analyses: Iterable[Analysis]) -> None:
        """Refuse models that were taken out of use, by UsageError; without a ledger none are."""
        if self.switch is not None:
            check_in_use(self.switch, settings, analyses)

    def tell(self, job: Job, end: Ended) -> None:
        """A slide that ended, whatever came of it."""
        if self.work is None or self.actor is None or self.problem is not None:
            return
        try:
            _tell(self.work, self.actor, job, end)
        except LedgerError as problem:
            self.problem = problem


@contextmanager
def registering(settings: RunSettings) -> Iterator[Register]:
    """The register of the site's ledger. None is made for a run: that is the night's first start.

    Raises
    ------
    LedgerError, VaultError
        There is a ledger, and it cannot be opened.
    NotAllowed
        The system user has no account in it, or may not analyse.
    """
    if not _there_is_one(settings):
        yield Register()
        return
    from pathology.pipeline.ledger_open import opened_ledger  # a newcomer need not load a database

    with opened_ledger(settings.ledger, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "run-analysis")
        yield Register(work=ledger.work, actor=actor, switch=ledger.models)


def _there_is_one(settings: RunSettings) -> bool:
    return bool(settings.ledger.ledger.url) or archive_places(settings.ledger).database.exists()


def _tell(work: WorkLedger, actor: Actor, job: Job, end: Ended) -> None:
    """One item a slide and analysis; another result of it (other settings, say) is another item."""
    now = datetime.now(UTC)
    begun = now - timedelta(seconds=end.seconds)
    outcome = _without_names(job, end.outcome)
    item = _enrolled(work, _order(job), actor, begun)
    # Whose slide this is was questioned: somebody who analyses a file answers nothing.
    in_doubt = item.is_held or item.state == "stopped"
    if item.state == "done" or in_doubt:
        if outcome.result_key is None or work.result_of(outcome.result_key) is not None:
            return
        item = _enrolled(work, _order(job, f"run-{outcome.result_key[:32]}"), actor, begun)
    if item.state in ("failed", "set-aside"):
        work.reopen([item.item_id], actor, now, AGAIN)
    owner = f"run-{socket.gethostname()}-{os.getpid()}"
    lease = work.claim(item.item_id, owner, now, LEASE)
    if lease is not None:  # else a night has it just now, and will tell it
        work.finish(lease, outcome, now, None)


def _enrolled(work: WorkLedger, order: WorkOrder, actor: Actor, now: datetime) -> WorkItem:
    told = work.enrol([order], actor, now)
    (item,) = work.items(ids=(*told.new, *told.known))
    return item


def _order(job: Job, order_id: str | None = None) -> WorkOrder:
    order = job.order
    return WorkOrder(
        path=order.path,
        analysis=order.analysis,
        source="run",
        marker=order.marker,
        identity=SlideIdentity(accession=order.case_id, order_id=order_id),
        mpp=None if order.said is None else Mpp(order.said.mpp),
        within=order.within,
    )


def _without_names(job: Job, outcome: Outcome) -> Outcome:
    """Fit for an audit chain: ids may hold the file's name; the folder is said in full, sealed."""
    folder = outcome.result_folder
    whole = None if folder is None else str(Path(job.options.out) / folder)
    if job.pseudonym_key is not None:
        return replace(outcome, result_folder=whole)
    return replace(outcome, result_folder=whole, slide_id=None, result_id=None)
