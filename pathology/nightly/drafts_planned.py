"""How many drafts a plan foresees: of cases that are complete, or will be after tonight."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pathology.nightly.cases import cases_of
from pathology.nightly.drafts_due import DraftPlace, DraftsDue
from pathology.nightly.options import NightSettings
from pathology.pipeline.pseudonyms import night_pseudonyms
from pathology.records.capacity import Plan
from pathology.records.ledger import WorkLedger
from pathology.records.settings.identity import SpellingSettings
from pathology.records.work import WorkItem, WorkOrder


def with_drafts(plan: Plan, settings: NightSettings, work: WorkLedger, out: Path | None) -> Plan:
    """The plan with its drafts; without an output folder those that are due are not known.

    Raises
    ------
    LedgerAway
        Try again.
    """
    if not settings.nightly.drafts.make:
        return plan
    running = {slide.item_id for slide in plan.slides if slide.begins_utc is not None}
    spelling = settings.nightly.identity.spelling
    drafts = drafts_foreseen(work.items(), running, spelling)
    if out is not None:
        due = DraftsDue(work, draft_place(settings, out, plan.begins_utc))
        drafts += len(due.look().due)
    return replace(plan, drafts=drafts)


def drafts_foreseen(
    items: Iterable[WorkItem], running: Collection[int], spelling: SpellingSettings
) -> int:
    """Cases whose open slides all run tonight, if none of them fails. ``running`` are item ids."""
    return sum(
        case.state == "open" and all(i.state == "done" or i.item_id in running for i in case.items)
        for case in cases_of(items, _accession, spelling)
    )


def draft_place(settings: NightSettings, out: Path, since_utc: datetime) -> DraftPlace:
    """What all drafts of a site share; raises as ``night_pseudonyms``."""
    return DraftPlace(
        out=out,
        drafts=settings.nightly.drafts,
        spelling=settings.nightly.identity.spelling,
        llm=settings.run.llm,
        settings=settings.folder,
        since_utc=since_utc,
        name_of=night_pseudonyms(settings.run).case,
    )


def _accession(order: WorkOrder) -> str | None:
    """A case by its own number, in memory only: the number of drafts needs no pseudonym."""
    return order.identity.accession
