"""Keeping and purging cases by a person who may, with the files of their reports."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pathology.errors import OutputError
from pathology.ledger.open import utc_now
from pathology.pipeline.desk_cases import report_folder
from pathology.pipeline.ledger_open import opened_ledger
from pathology.records.retention import KeptCase
from pathology.records.settings.run import RunSettings

RetentionAct = Literal["hold", "lift", "ask", "purge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionWish:
    """What is to be done to a case, and why. ``out`` is where its reports lie."""

    act: RetentionAct
    case: str
    why: str
    out: Path | None = None


def kept_cases(settings: RunSettings, *, due: bool) -> list[KeptCase]:
    """Cases and when they may go; only those whose time is over with ``due``."""
    with opened_ledger(settings.ledger, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "hold-case")
        book = ledger.retention(settings.deciding.retention)
        return book.kept(due_before_utc=utc_now() if due else None)


def carry_out(settings: RunSettings, wish: RetentionWish) -> int:
    """Hold, lift, ask or purge; how many files of reports a purge took away.

    Raises
    ------
    NotAllowed, CaseRefused
        As ``records.retention.Retention``.
    OutputError
        The keys are destroyed, and the files of the reports could not be taken away.
    """
    with opened_ledger(settings.ledger, make=False) as (ledger, actor):
        book, now = ledger.retention(settings.deciding.retention), utc_now()
        said = (wish.case, wish.why, actor, now)
        if wish.act == "hold":
            book.hold(*said)
        elif wish.act == "lift":
            book.lift(*said)
        elif wish.act == "ask":
            book.ask(*said)
        else:
            folder = None
            if wish.out is not None:
                case = ledger.cases(settings.deciding).case(wish.case)
                folder = report_folder(wish.out, wish.case, case.case_id)
            book.purge(*said)
            return 0 if folder is None else _taken_away(folder)
    return 0


def _taken_away(folder: Path) -> int:
    files = sum(path.is_file() for path in folder.rglob("*")) if folder.is_dir() else 0
    try:
        if folder.is_dir():
            shutil.rmtree(folder)
    except OSError as cause:
        raise OutputError(
            f"the case is purged, and files of its reports could not be taken away "
            f"({cause.strerror}): remove its folder under cases by hand"
        ) from cause
    return files
