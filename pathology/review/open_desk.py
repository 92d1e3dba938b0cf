"""A site's desk, opened: its ledger, its results, its scans, and who gets in first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pathology.errors import UsageError
from pathology.ledger.open import OpenLedger, utc_now
from pathology.pipeline.identity import pseudonym_key
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.slide_places import SlidePlaces
from pathology.records.actor import Actor
from pathology.records.settings.run import RunSettings
from pathology.review.desk import Desk
from pathology.review.lodge import Lodge


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstKey:
    """An account that nobody could sign in to, and the one-time password that opens it."""

    account: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDesk:
    """A desk, and the administrator's one-time password where there was none."""

    desk: Desk
    first: FirstKey | None


@contextmanager
def opened_desk(
    settings: RunSettings, results: Path, folders: Sequence[Path] = ()
) -> Iterator[OpenDesk]:
    """The desk of these settings over a folder of results.

    Where no administrator could sign in, the system user's account gets a one-time password, if it
    is an administrator's; else there is none to tell.

    Raises
    ------
    UsageError
        There is no such folder of results.
    LedgerError, VaultError, NotAllowed
        As ``pipeline.ledger_open.opened_ledger``.
    """
    if not results.is_dir():
        raise UsageError(
            f"there is no folder of results at {results}: name one that pathology run wrote"
        )
    with opened_ledger(settings.ledger) as (ledger, actor):
        lodge = Lodge(ledger, settings.access, settings.deciding)
        lodge.sessions.sweep(utc_now())
        desk = Desk(
            results=results,
            slide_of=SlidePlaces(
                ledger.work.slide_paths, folders, pseudonym_key(settings.site.privacy)
            ),
            settings=settings,
            gate=lodge,
            lodge=lodge,
            kept=lodge.corrected,
        )
        yield OpenDesk(desk=desk, first=_first_key(ledger, actor, settings))


def _first_key(ledger: OpenLedger, actor: Actor, settings: RunSettings) -> FirstKey | None:
    entrance, now = ledger.entrance(settings.access), utc_now()
    if "administrator" not in actor.roles or not entrance.no_administrator(now):
        return None
    return FirstKey(account=actor.name, password=entrance.one_time(actor.name, actor, now))
