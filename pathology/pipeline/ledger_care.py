"""Care of the archive by a person who may: verify its chain, accept it anew, change its keys."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pathology.errors import VaultError
from pathology.ledger.open import utc_now
from pathology.pipeline.archive_places import archive_places
from pathology.pipeline.ledger_open import opened_ledger
from pathology.records.audit import ChainReport
from pathology.records.settings.ledger import ArchiveSettings
from pathology.vault.ring import read_ring, with_fresh_key, without_key, write_ring


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What changing the wrapping key came to."""

    current: str  # id of the key that locks everything now
    retired: tuple[str, ...]  # ids of keys that lock nothing any more
    uses: Mapping[str, int]  # data keys by the wrapping key that locks them


def verify_audit(settings: ArchiveSettings) -> ChainReport:
    """Read the whole chain against its key and its anchor; that it was done is itself a line.

    Raises
    ------
    NotAllowed
        The user is neither auditor nor administrator.
    LedgerError
        There is no ledger, or it cannot be read.
    """
    with opened_ledger(settings, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "verify-audit")
        report = ledger.audit.verify()
        if not report.faults:  # a damaged chain is written to no more
            after = {"lines": report.lines, "head": report.head}
            ledger.audit.append(
                actor=actor.name,
                act="verify-audit",
                subject="chain",
                now_utc=utc_now(),
                after=after,
            )
    return report


def accept_audit(settings: ArchiveSettings, why: str) -> ChainReport:
    """Anchor the chain as it stands, after a backup was restored or an anchor was lost.

    Faults stay: lines that were changed are told by every verifying to come.

    Raises
    ------
    NotAllowed
        The user may not manage keys.
    """
    with opened_ledger(settings, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "manage-keys")
        ledger.audit.anchor_anew(actor, utc_now(), why)
        return ledger.audit.verify()


def rotate_keys(settings: ArchiveSettings) -> Rotated:
    """A fresh wrapping key, everything locked by it, old ones retired; others may work meanwhile.

    Broken off, it goes on where it stopped when called again. Retired keys stay on the ring:
    backups and sealed files from before need them (``forget_keys``). Where the ring comes from the
    environment or a command, the site puts the fresh key on it before.

    Raises
    ------
    NotAllowed
        The user may not manage keys.
    VaultError
        Another rotation is under way, or the ring cannot be written.
    """
    keys = archive_places(settings).keys
    with _alone(settings, keys), opened_ledger(settings, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "manage-keys")
        if settings.vault.keys == "file":
            ring = read_ring(settings.vault, keys)
            if ring.current == ledger.keys.current():  # else the last rotation was broken off
                write_ring(with_fresh_key(ring), keys)
        current = ledger.keys.adopt(actor, utc_now())
        while ledger.keys.lock_again(actor, utc_now()):
            pass
        retired = ledger.keys.retire(actor, utc_now())
        return Rotated(current=current, retired=retired, uses=ledger.keys.uses())


def forget_keys(settings: ArchiveSettings) -> tuple[str, ...]:
    """Take retired keys off the key file; backups and sealed files from before open no more.

    Raises
    ------
    NotAllowed
        The user may not manage keys.
    VaultError
        The ring is no file.
    """
    if settings.vault.keys != "file":
        raise VaultError(f'[vault] keys = "{settings.vault.keys}": take them off there')
    keys = archive_places(settings).keys
    with _alone(settings, keys), opened_ledger(settings, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "manage-keys")
        ring = read_ring(settings.vault, keys)
        gone = tuple(name for name in ledger.keys.retired() if name in ring.wrapping)
        for name in gone:
            ring = without_key(ring, name)
        if gone:
            write_ring(ring, keys)
            ledger.audit.append(
                actor=actor.name,
                act="forget-keys",
                subject="ring",
                now_utc=utc_now(),
                before={"keys": list(gone)},
            )
    return gone


@contextmanager
def _alone(settings: ArchiveSettings, keys: Path) -> Iterator[None]:
    """One change of the key file at a time: of two, the later would lose the other's fresh key."""
    if settings.vault.keys != "file":
        yield
        return
    try:
        handle = os.open(keys.with_name(f".{keys.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as cause:
        raise VaultError(f"[vault] the key file cannot be locked ({cause.strerror})") from cause
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as cause:
        raise VaultError("the keys are being changed by another: wait until it is done") from cause
    finally:
        os.close(handle)
