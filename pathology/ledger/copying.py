"""A copy of the whole database while others work, and a database made from such a copy.

SQLite is copied by its own online backup, PostgreSQL by pg_dump of a snapshot in which the rows are
counted as well.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url

from pathology.errors import LedgerError
from pathology.ledger.database import connect, ledger_errors
from pathology.records.settings.ledger import LedgerSettings

LONGEST_S: Final = 6 * 3600.0
"""A dump of a database that large has another tool; nothing hangs without end."""
ABSENT: Final = "{program} is not installed: install PostgreSQL's client programs"


def copy_out(settings: LedgerSettings, file: Path, target: Path) -> Mapping[str, int]:
    """Copy the database into ``target``, a new file; rows of each table as they are in it.

    Raises
    ------
    LedgerAway, LedgerError
        It cannot be reached, read or copied.
    """
    if settings.url:
        return _dump(settings, target)
    target.touch(mode=0o600, exist_ok=False)
    try:
        with closing(_read_only(file)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE").close()
            return _counted(copy)
    except sqlite3.Error as cause:
        raise LedgerError(f"the ledger cannot be copied ({type(cause).__name__})") from cause


def copy_in(settings: LedgerSettings, file: Path, source: Path) -> None:
    """Make the database from a copy, where there is none.

    Raises
    ------
    LedgerError
        There is something already, or it cannot be made; then nothing is there.
    """
    if settings.url:
        _restore(settings, source)
        return
    if file.exists():
        raise LedgerError("there is a ledger already: it is not written over")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = file.with_name(f".{file.name}.restoring")
        try:
            aside.touch(mode=0o600)
            shutil.copyfile(source, aside)
            with aside.open("rb") as copied:
                os.fsync(copied.fileno())
            os.link(aside, file)  # fails where a file is, unlike a rename
        finally:
            aside.unlink(missing_ok=True)
    except OSError as cause:
        raise LedgerError(f"the ledger's file cannot be made ({cause.strerror})") from cause


def counted(settings: LedgerSettings, file: Path) -> Mapping[str, int]:
    """Rows of each table of the database of these settings; LedgerError where it is unreadable."""
    if not settings.url:
        try:
            with closing(_read_only(file)) as source:
                return _counted(source)
        except sqlite3.Error as cause:
            raise LedgerError(f"the ledger cannot be read ({type(cause).__name__})") from cause
    database = connect(settings, file)
    try:
        with ledger_errors(), database.connect() as connection:
            return _rows(connection)
    finally:
        database.dispose()


def _read_only(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=30)


def _counted(copy: sqlite3.Connection) -> Mapping[str, int]:
    [sound] = copy.execute("PRAGMA integrity_check").fetchone()
    if sound != "ok":
        raise LedgerError("the ledger's copy is damaged: look at the disk it lies on")
    names = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    tables = [name for (name,) in names.fetchall() if not name.startswith("sqlite_")]
    count = "SELECT count(*) FROM "
    return {t: copy.execute(count + _quoted(t)).fetchone()[0] for t in tables}


def _rows(connection: Connection) -> Mapping[str, int]:
    tables = sorted(inspect(connection).get_table_names())
    count = "SELECT count(*) FROM "
    return {t: int(connection.scalar(text(count + _quoted(t))) or 0) for t in tables}


def _quoted(table: str) -> str:
    return '"' + table.replace('"', '""') + '"'


def _dump(settings: LedgerSettings, target: Path) -> Mapping[str, int]:
    database = connect(settings, target)
    try:
        with ledger_errors(), database.connect() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
            rows = _rows(connection)
            target.touch(mode=0o600, exist_ok=False)
            words = ("--format=custom", "--no-owner", "--no-acl", "--no-password")
            taken = (f"--snapshot={snapshot}", f"--file={target}", _where(settings))
            _run(settings, "pg_dump", *words, *taken)
        _run(settings, "pg_restore", f"--file={os.devnull}", str(target))  # read back, to its end
    finally:
        database.dispose()
    return rows


def _restore(settings: LedgerSettings, source: Path) -> None:
    database = connect(settings, source)
    try:
        with ledger_errors(), database.connect() as connection:
            if inspect(connection).get_table_names():
                raise LedgerError("the database holds tables already: name an empty one")
    finally:
        database.dispose()
    words = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-acl")
    _run(settings, "pg_restore", *words, _where(settings), "--no-password", str(source))


def _where(settings: LedgerSettings) -> str:
    url = make_url(settings.url).set(drivername="postgresql")
    return f"--dbname={url.render_as_string()}"


def _run(settings: LedgerSettings, program: str, *words: str) -> None:
    """A program of PostgreSQL; what it says is told to nobody, since it may quote rows."""
    found = shutil.which(program)
    if found is None:
        raise LedgerError(ABSENT.format(program=program))
    secrets = {}
    if settings.passfile:
        secrets["PGPASSFILE"] = settings.passfile
    if settings.password_environment:
        secrets["PGPASSWORD"] = os.environ.get(settings.password_environment, "")
    command = [found, *words]
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", **secrets}
    try:
        done = subprocess.run(  # noqa: S603 -- a found program and words of this module, no shell
            command, env=environment, capture_output=True, timeout=LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired as cause:
        raise LedgerError(f"{program} did not end within {LONGEST_S:g} s") from cause
    except OSError as cause:
        raise LedgerError(f"{program} cannot be started ({cause.strerror})") from cause
    if done.returncode:
        raise LedgerError(
            f"{program} ended with code {done.returncode}: is it of the server's age?"
        )
