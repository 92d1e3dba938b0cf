"""The demo's desk: a ledger of its own beside the demo's results, one reader, one case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import uuid4

from pathology.errors import UsageError
from pathology.ledger.open import utc_now
from pathology.pipeline.desk_cases import DeskOrder, put_on_desk
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.report_settings import load_report_rules
from pathology.records.actor import Actor
from pathology.records.case_review import Change
from pathology.records.settings.run import RunSettings
from pathology.review.open_desk import FirstKey, OpenDesk, opened_desk

READER: Final = Actor(name="demo", kind="person", roles=frozenset({"pathologist"}))
FOLDER: Final = ".desk"


@contextmanager
def opened_demo_desk(
    settings: RunSettings, results: Path, slide: Path, case_id: str
) -> Iterator[OpenDesk]:
    """The desk over the demo's results. The user's own ledger and accounts are left alone.

    ``first`` is the reader's account with a fresh one-time password, at every start.
    """
    own = _apart(settings, results / FOLDER)
    first = _prepared(own, results, case_id)
    with opened_desk(own, results, (slide,)) as opened:
        yield replace(opened, first=first)


def _apart(settings: RunSettings, folder: Path) -> RunSettings:
    ledger = replace(
        settings.ledger.ledger,
        url="",
        passfile="",
        password_environment="",
        file=str(folder / "ledger.sqlite"),
        anchor=str(folder / "anchor.json"),
    )
    vault = replace(
        settings.ledger.vault,
        keys="file",
        file=str(folder / "keys.json"),
        environment="",
        command=(),
    )
    return replace(settings, ledger=replace(settings.ledger, ledger=ledger, vault=vault))


def _prepared(settings: RunSettings, results: Path, case_id: str) -> FirstKey:
    """The reader, its password, and the case on the desk."""
    with opened_ledger(settings.ledger) as (ledger, founder):
        now = utc_now()
        with suppress(UsageError):  # the account stands since the last demo
            ledger.accounts.add(READER, founder, now)
        change = Change(by=founder, request_id=uuid4().hex, seen_version=0, now_utc=now)
        book, order = ledger.cases(settings.deciding), DeskOrder(out=results, case_id=case_id)
        put_on_desk(book, order, load_report_rules(), change)
        password = ledger.entrance(settings.access).one_time(READER.name, founder, now)
    return FirstKey(account=READER.name, password=password)
