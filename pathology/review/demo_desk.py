"""The demo's desk: a ledger of its own beside the demo's results, one reader, one case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from pathology.errors import UsageError
from pathology.ledger.open import utc_now
from pathology.pipeline.ledger_open import opened_ledger
from pathology.records.actor import Actor
from pathology.records.settings.run import RunSettings
from pathology.review.open_desk import DeskPlace, FirstKey, OpenDesk, opened_desk

READER: Final = Actor(name="demo", kind="person", roles=frozenset({"pathologist"}))
FOLDER: Final = ".desk"


@contextmanager
def opened_demo_desk(settings: RunSettings, results: Path, slide: Path) -> Iterator[OpenDesk]:
    """The desk over the demo's results. The user's own ledger and accounts are left alone.

    ``first`` is the reader's account with a fresh one-time password, at every start.
    """
    own = _apart(settings, results / FOLDER)
    first = _prepared(own)
    with opened_desk(own, DeskPlace(results=results, folders=(slide.parent,))) as opened:
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


def _prepared(settings: RunSettings) -> FirstKey:
    """The reader and its password; the case comes onto the desk when the worklist is shown."""
    with opened_ledger(settings.ledger) as (ledger, founder):
        now = utc_now()
        with suppress(UsageError):  # the account stands since the last demo
            ledger.accounts.add(READER, founder, now)
        password = ledger.entrance(settings.access).one_time(READER.name, founder, now)
    return FirstKey(account=READER.name, password=password)
