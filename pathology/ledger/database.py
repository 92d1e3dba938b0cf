"""Opening SQLite or PostgreSQL, and what becomes of their errors."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pathology.errors import LedgerAway, LedgerError
from pathology.ledger.network_share import share_of
from pathology.records.settings.ledger import LedgerSettings

WRITES = "ledger_writes"
"""Execution option of a connection that will write: SQLite then locks at once, not half-way."""


def connect(settings: LedgerSettings, file: Path) -> Engine:
    """The database of the settings, not yet opened; ``file`` is SQLite's.

    Raises
    ------
    LedgerError
        SQLite's file would lie on a network share or cannot be made, or PostgreSQL's driver is not
        installed.
    """
    return _postgresql(settings) if settings.url else _sqlite(settings, file)


def _sqlite(settings: LedgerSettings, file: Path) -> Engine:
    if kind := share_of(file):
        raise LedgerError(
            f"the embedded database would lie on a network share ({kind}), where SQLite's locks "
            "do not hold and two writers destroy it. Name a file on a disk of this machine in "
            "[ledger] file, or a PostgreSQL server in [ledger] url"
        )
    _make_private(file)
    database = create_engine(
        URL.create("sqlite+pysqlite", database=str(file)),
        hide_parameters=True,
        connect_args={"timeout": settings.busy_s, "check_same_thread": False},
    )
    event.listen(database, "connect", partial(_prepare_sqlite, settings.busy_s))
    event.listen(database, "begin", _begin_sqlite)
    return database


def _make_private(file: Path) -> None:
    """Database and folder for the owner alone; the umask of a site may be wider."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        mode = os.fstat(handle).st_mode
        os.close(handle)
    except OSError as cause:
        raise LedgerError(f"the ledger's file cannot be opened ({cause.strerror})") from cause
    if not stat.S_ISREG(mode):
        raise LedgerError("[ledger] file is no regular file")
    if stat.S_IMODE(mode) & 0o077:
        raise LedgerError("the ledger's file can be read by others: chmod 600 it")


def _prepare_sqlite(busy_s: float, connection: sqlite3.Connection, _: object) -> None:
    # Python's own guesses when to begin are turned off: `_begin_sqlite` says it.
    connection.isolation_level = None
    _write_ahead(connection, busy_s)
    pragmas = ("synchronous = FULL", "foreign_keys = ON")
    for pragma in (*pragmas, "secure_delete = ON"):  # a destroyed key leaves no bytes behind
        connection.execute(f"PRAGMA {pragma}").close()


def _write_ahead(connection: sqlite3.Connection, busy_s: float) -> None:
    # Where two make a new file at once, SQLite tells the later one "busy" without waiting its turn.
    until = time.monotonic() + busy_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as cause:
            if cause.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(settings: LedgerSettings) -> Engine:
    url = make_url(settings.url).set(drivername="postgresql+psycopg")
    try:
        database = create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,  # a server restarted between two uses is met with a new connection
            pool_size=settings.connections,
            max_overflow=0,
            pool_timeout=settings.busy_s,
            connect_args=_how_to_connect(settings),
        )
    except ModuleNotFoundError as cause:
        raise LedgerError("PostgreSQL needs its driver: install pathology[postgres]") from cause
    return database


def _how_to_connect(settings: LedgerSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "connect_timeout": max(2, round(settings.busy_s)),
        "application_name": "pathology",
        "options": f"-c lock_timeout={round(settings.busy_s * 1000)} -c timezone=UTC",
    }
    if settings.passfile:
        options["passfile"] = settings.passfile
    if settings.password_environment:
        password = os.environ.get(settings.password_environment)
        if not password:
            raise LedgerError(
                f"[ledger] the variable {settings.password_environment} is empty or not set"
            )
        options["password"] = password
    return options


@contextmanager
def ledger_errors() -> Iterator[None]:
    """Errors of the database become ours; no value of a row is told, since it may be a name.

    Raises
    ------
    LedgerAway
        The server went away, another writer held on, or the disk is full: the same call may be
        tried again.
    LedgerError
        Anything else.
    """
    try:
        yield
    except PoolTimeout as cause:
        raise LedgerAway(_AWAY) from cause
    except DBAPIError as cause:
        if cause.connection_invalidated or _is_passing(cause.orig):
            raise LedgerAway(f"{_AWAY} ({_told(cause.orig)})") from cause
        raise LedgerError(f"the ledger's database refused: {_told(cause.orig)}") from cause
    except SQLAlchemyError as cause:
        raise LedgerError(f"the ledger's database failed: {type(cause).__name__}") from cause


_AWAY = (
    "the ledger's database cannot be reached just now, another writer holds it, or its disk is "
    "full; nothing was changed that was not confirmed. Try again"
)
PASSING_SQLITE = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL)
"""A full disk is emptied by somebody; nothing was changed meanwhile."""
PASSING_SQLSTATES = ("08", "57P", "53", "40", "55P03")
"""Classes of PostgreSQL (appendix A of its manual): connection, shutdown, resources, rollback by
conflict, lock not available."""
REFUSALS = ("authentication", "password", "does not exist", "pg_hba.conf")
"""A server that speaks English says so when it will not let us in, however often we try; of another
server's words nothing is known, and trying again ends by the caller's patience."""


def _is_passing(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlite3.OperationalError):
        return cause.sqlite_errorcode & 0xFF in PASSING_SQLITE
    state = getattr(cause, "sqlstate", "")
    if state is None:  # libpq itself could not connect: psycopg has no code for it
        refused = any(word in str(cause) for word in REFUSALS)
        return type(cause).__name__ in ("OperationalError", "ConnectionTimeout") and not refused
    return state.startswith(PASSING_SQLSTATES)


def _told(cause: BaseException | None) -> str:
    """The first line of the database's own words; SQL errors name tables, not values.

    PostgreSQL puts values on the lines after the first (DETAIL).
    """
    words = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {words[0][:200] if words else ''}"
