"""Backup of all that a site has decided and written, while others work; and the way back.

A backup is a folder: the ledger's copy, its anchor, reports, the knowledge base, settings, and a
list with hashes and numbers of rows. It was read back before it is put in place. Keys are not in
it, unless asked for, and then locked to a public key that lies elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pathology import __version__
from pathology.errors import LedgerError, UsageError, VaultError
from pathology.exchange.documents import read_json
from pathology.ledger.copying import copy_in, copy_out, counted
from pathology.ledger.open import Opening, Places, open_ledger, utc_now
from pathology.pipeline.archive_places import ArchivePlaces, archive_places
from pathology.pipeline.aside import folder_aside
from pathology.pipeline.bundle_answer import keys_place
from pathology.pipeline.ledger_open import opened_ledger
from pathology.records.audit import ChainReport
from pathology.records.settings.ledger import ArchiveSettings, LedgerSettings
from pathology.records.settings.run import RunSettings
from pathology.vault.envelope import Vault
from pathology.vault.ring import read_ring
from pathology.vault.sealed_bundle import open_bundle, seal_bundle
from pathology.vault.site_keys import read_public_keys, read_site_keys

SCHEMA: Final = "pathology.backup/1"
LIST: Final = "backup.json"
DATABASE, ANCHOR, KEYS, KNOWLEDGE = "ledger.copy", "anchor.json", "keys.sealed", "knowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupOrder:
    """What goes along beside the ledger and its anchor."""

    results: Path | None = None  # folder with cases/: the reports
    settings: Path | None = None  # the site's own
    keys_to: Path | None = None  # a public key: the key ring goes along, locked to it


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUp:
    """A backup that was read back, or one that was restored and verified."""

    files: int
    rows: int
    lines: int  # of the audit chain
    head: str


def back_up(settings: RunSettings, order: BackupOrder, dest: Path) -> BackedUp:
    """Make a backup at ``dest``, which must be free.

    Raises
    ------
    NotAllowed
        The user may not make backups.
    LedgerError
        The ledger cannot be copied, or its copy's chain has faults.
    OutputError
        It cannot be written.
    """
    archive, places = settings.ledger, archive_places(settings.ledger)
    with opened_ledger(archive, make=False) as (ledger, actor):
        ledger.accounts.require(actor, "back-up")
        with folder_aside(dest) as aside:
            shutil.copyfile(places.anchor, aside / ANCHOR)  # first: it never leads the lines
            rows = copy_out(archive.ledger, places.database, aside / DATABASE)
            _take(settings, order, aside)
            report = ledger.audit.verify() if archive.ledger.url else _read_back(archive, aside)
            if report.faults:
                raise LedgerError("the audit chain has faults: see `review audit --verify`")
            told = _listed(archive, aside, rows)
            (aside / LIST).write_text(json.dumps(told, indent=1), "utf-8")
            _check_files(aside, told)
            ledger.audit.append(
                actor=actor.name,
                act="back-up",
                subject="ledger",
                now_utc=utc_now(),
                after={"lines": report.lines, "head": report.head, "files": len(told["files"])},
            )
    number = len(told["files"])
    return BackedUp(files=number, rows=sum(rows.values()), lines=report.lines, head=report.head)


def restore(settings: RunSettings, source: Path, results: Path | None) -> BackedUp:
    """Put a backup where the settings say, nothing being there, and verify it.

    The key ring must be in place, as it was; ``restore_keys`` brings a locked one back. Reports go
    to ``results``; settings and knowledge are copied beside the ledger, under ``restored``.

    Raises
    ------
    UsageError
        It is no backup, was changed, or is of the other kind of database.
    LedgerError, VaultError
        Something is there already, the ring is another one, the chain or the rows are not those of
        the backup. What was put in place is taken away again, a PostgreSQL's tables excepted.
    """
    told = _read_list(source)
    archive, places = settings.ledger, archive_places(settings.ledger)
    if told["database"] != _kind(archive.ledger):
        raise UsageError(f"the backup is of {told['database']}, the settings name another database")
    beside = places.anchor.with_name("restored")
    free = [places.anchor, beside, *([] if results is None else [results / "cases"])]
    if any(place.exists() for place in free):
        raise LedgerError("something is where the backup would go: it is not written over")
    read_ring(archive.vault, places.keys)  # before anything is made: without it nothing opens
    copy_in(archive.ledger, places.database, source / DATABASE)
    try:
        shutil.copyfile(source / ANCHOR, places.anchor)
        places.anchor.chmod(0o600)
        report = _verified(archive, places, told)
        for name in ("settings", KNOWLEDGE):
            if (source / name).is_dir():
                shutil.copytree(source / name, beside / name)
        if results is not None and (source / "cases").is_dir():
            shutil.copytree(source / "cases", results / "cases")
    except (LedgerError, VaultError, OSError) as cause:
        places.anchor.unlink(missing_ok=True)
        if not archive.ledger.url:
            places.database.unlink(missing_ok=True)
        if isinstance(cause, OSError):
            raise LedgerError(f"the backup cannot be put in place ({cause.strerror})") from cause
        raise
    rows = sum(told["rows"].values())
    return BackedUp(files=len(told["files"]), rows=rows, lines=report.lines, head=report.head)


def restore_keys(settings: RunSettings, source: Path, private: Path, sender: Path) -> Path:
    """The key ring out of a backup, by the private key that it was locked to; where it lies now.

    Raises
    ------
    VaultError
        There is a ring already, the backup holds none, or it is locked to another key.
    """
    place = archive_places(settings.ledger).keys
    if settings.ledger.vault.keys != "file" or place.exists():
        raise VaultError("[vault] there are keys already, or they come from elsewhere")
    keys, public = read_site_keys(private), read_public_keys(sender)
    try:
        with (source / KEYS).open("rb") as sealed:
            ring = b"".join(open_bundle(sealed, keys, public, "question"))
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.touch(mode=0o600, exist_ok=False)
        place.write_bytes(ring)
    except OSError as cause:
        raise VaultError(f"the keys cannot be brought back ({cause.strerror})") from cause
    read_ring(settings.ledger.vault, place)
    return place


def _take(settings: RunSettings, order: BackupOrder, aside: Path) -> None:
    if order.results is not None and (order.results / "cases").is_dir():
        shutil.copytree(order.results / "cases", aside / "cases")
    if order.settings is not None:
        (aside / "settings").mkdir()
        for file in sorted(order.settings.glob("*.toml")):
            shutil.copyfile(file, aside / "settings" / file.name)
    if folder := settings.knowledge.store.folder:
        _take_knowledge(Path(folder), aside / KNOWLEDGE)
    if order.keys_to is not None:
        _take_keys(settings.ledger, aside / KEYS, order.keys_to)


def _take_knowledge(folder: Path, target: Path) -> None:
    target.mkdir()
    for file in sorted(p for p in folder.glob("*") if p.is_file() and not p.name.endswith("-wal")):
        with file.open("rb") as opened:
            is_sqlite = opened.read(15) == b"SQLite format 3"
        if not is_sqlite:
            continue
        uri = f"{file.resolve().as_uri()}?mode=ro"
        with (
            closing(sqlite3.connect(uri, uri=True)) as one,
            closing(sqlite3.connect(target / file.name)) as other,
        ):
            one.backup(other)


def _take_keys(archive: ArchiveSettings, target: Path, to: Path) -> None:
    """The key file, locked to a key whose private half lies elsewhere."""
    if archive.vault.keys != "file":
        raise VaultError(f'[vault] keys = "{archive.vault.keys}": back them up there')
    own, recipient = read_site_keys(keys_place(archive)), read_public_keys(to)
    seal_bundle([archive_places(archive).keys.read_bytes()], target, own, recipient, "question")


def _read_back(archive: ArchiveSettings, aside: Path) -> ChainReport:
    """The chain of the copy, from a copy of it: opening a ledger writes to it."""
    scratch = aside / "scratch"
    scratch.mkdir(mode=0o700)
    places = ArchivePlaces(
        database=scratch / "ledger.sqlite",
        anchor=scratch / ANCHOR,
        keys=archive_places(archive).keys,
    )
    shutil.copyfile(aside / ANCHOR, places.anchor)
    ledger = replace(archive.ledger, url="", file=str(places.database))
    copy_in(ledger, places.database, aside / DATABASE)
    try:
        return _chain(replace(archive, ledger=ledger), places)
    finally:
        shutil.rmtree(scratch)


def _chain(archive: ArchiveSettings, places: ArchivePlaces) -> ChainReport:
    vault = Vault(read_ring(archive.vault, places.keys))
    where = Places(database=places.database, anchor=places.anchor)
    with open_ledger(archive.ledger, vault, where, Opening(acting="backup", make=False)) as ledger:
        return ledger.audit.verify()


def _verified(
    archive: ArchiveSettings, places: ArchivePlaces, told: Mapping[str, Any]
) -> ChainReport:
    rows = counted(archive.ledger, places.database)
    if rows != told["rows"]:
        raise LedgerError("the restored ledger has other rows than the backup says")
    report = _chain(archive, places)
    if report.faults:
        raise LedgerError("the restored ledger's audit chain has faults")
    return report


def _listed(archive: ArchiveSettings, aside: Path, rows: Mapping[str, int]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "software": __version__,
        "made_utc": utc_now().isoformat(timespec="seconds"),
        "database": _kind(archive.ledger),
        "rows": dict(rows),
        "files": {p.relative_to(aside).as_posix(): _sha256(p) for p in _files(aside)},
    }


def _read_list(source: Path) -> dict[str, Any]:
    told = read_json(source / LIST)
    known = isinstance(told, dict) and told.get("schema") == SCHEMA
    if not known or not all(isinstance(told.get(n), dict) for n in ("rows", "files")):
        raise UsageError("this folder is no backup of this program")
    _check_files(source, told)
    return dict(told)


def _check_files(folder: Path, told: Mapping[str, Any]) -> None:
    """Each file as the list says, and none beside."""
    found = {p.relative_to(folder).as_posix(): p for p in _files(folder)}
    found.pop(LIST, None)
    if found.keys() != told["files"].keys() or not {DATABASE, ANCHOR} <= found.keys():
        raise UsageError("the backup lacks files of its list, or has others")
    if any(_sha256(path) != told["files"][name] for name, path in found.items()):
        raise UsageError("a file of the backup was changed or damaged: nothing is restored")


def _files(folder: Path) -> Iterator[Path]:
    return (p for p in sorted(folder.rglob("*")) if p.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _kind(settings: LedgerSettings) -> str:
    return "postgresql" if settings.url else "sqlite"
