"""The archive for whoever comes through a door: keys read, database opened, the user known."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pathology.errors import LedgerError, NotAllowed, VaultError
from pathology.ledger.open import Opening, OpenLedger, Places, open_ledger, utc_now
from pathology.ledger.schema import ABSENT
from pathology.pipeline.archive_places import ArchivePlaces, archive_places
from pathology.records.actor import Actor
from pathology.records.settings.ledger import ArchiveSettings
from pathology.vault.envelope import Vault
from pathology.vault.ring import fresh_ring, read_ring, write_ring


def os_user() -> str:
    """The system user that this process runs as; variables that anybody can set are not asked."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"uid-{os.geteuid()}"


@contextmanager
def opened_ledger(
    settings: ArchiveSettings, *, account: str | None = None, make: bool = True
) -> Iterator[tuple[OpenLedger, Actor]]:
    """The archive, made at the first start, and the account of who asks.

    ``account`` names a service account; without it the system user's account acts. At a first
    start the system user becomes operator, technician and administrator of a fresh ledger, and a
    fresh embedded one gets fresh keys. Without ``make`` a ledger that is absent is an error.

    Raises
    ------
    LedgerError, VaultError
        See ``ledger.open.open_ledger``.
    NotAllowed
        The system user has no account, or the service account is not tied to it.
    """
    places = archive_places(settings)
    user = os_user()
    with _open(settings, places, Opening(acting=f"os:{user}", make=make)) as ledger:
        actor = _actor(ledger, user, account)
        yield ledger.acting_as(Opening(acting=actor.name)), actor


def migrate_ledger(settings: ArchiveSettings) -> None:
    """Bring the tables to this program's version; make a backup before.

    Raises
    ------
    LedgerError
        There is no ledger, or it belongs to a newer program.
    """
    opening = Opening(acting=f"os:{os_user()}", make=False, migrate=True)
    _open(settings, archive_places(settings), opening).close()


def _open(settings: ArchiveSettings, places: ArchivePlaces, opening: Opening) -> OpenLedger:
    if opening.make:
        _make_first_keys(settings, places)
    elif not (settings.ledger.url or places.database.exists()):
        raise LedgerError(ABSENT)
    vault = Vault(
        read_ring(settings.vault, places.keys), lambda: read_ring(settings.vault, places.keys)
    )
    where = Places(database=places.database, anchor=places.anchor)
    return open_ledger(settings.ledger, vault, where, opening)


def _make_first_keys(settings: ArchiveSettings, places: ArchivePlaces) -> None:
    """Keys where the embedded database and the key file are both not there yet.

    A database without its keys is never given fresh ones: what it holds could not be read, and
    the loss would look like a new ledger.
    """
    first_start = not (settings.ledger.url or places.database.exists() or places.anchor.exists())
    if first_start and settings.vault.keys == "file" and not places.keys.exists():
        write_ring(fresh_ring(), places.keys, new=True)


def make_keys(settings: ArchiveSettings) -> Path:
    """A fresh key file for a ledger that is to be made, for its owner alone; where it lies.

    Raises
    ------
    VaultError
        There is one already, or keys come from elsewhere.
    """
    if settings.vault.keys != "file":
        raise VaultError(f'[vault] keys = "{settings.vault.keys}": they are not made here')
    places = archive_places(settings)
    write_ring(fresh_ring(), places.keys, new=True)
    return places.keys


def _actor(ledger: OpenLedger, user: str, account: str | None) -> Actor:
    founder = ledger.accounts.found(user, utc_now())
    own = founder or ledger.accounts.actor_of_os_user(user)
    if account is None or account == own.name:
        return own
    service = ledger.accounts.actor(account)
    if service.kind != "service":
        raise NotAllowed("only a service account can be acted for; a person signs in")
    ledger.accounts.require(own, "run-night")
    return service
