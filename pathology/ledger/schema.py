"""The version of the tables: made when fresh, refused when too new, migrated when asked."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from pathology.errors import LedgerError
from pathology.ledger.database import WRITES, ledger_errors

ABSENT = (
    "there is no ledger where the settings say ([ledger], or the user's state folder): name the "
    "place that it was made in"
)
MIGRATIONS = Path(__file__).parent / "migrations"
ONE_AT_A_TIME = 7_208_417_664_121
"""Number of PostgreSQL's advisory lock under which tables are made and changed."""


def prepare_tables(database: Engine, *, make: bool = True, migrate: bool = False) -> bool:
    """Make the tables of a fresh database, or check those that are there; whether it was fresh.

    Raises
    ------
    LedgerError
        The database belongs to a newer program; it is older and ``migrate`` is false; or it holds
        something else, or nothing and ``make`` is false. Nothing is changed then.
    """
    newest = newest_version()
    with ledger_errors(), database.begin() as connection:  # a ledger in use is not waited for
        if version_of(connection) == newest:
            return False
    writing = database.execution_options(**{WRITES: True})
    with ledger_errors(), writing.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:number)"), {"number": ONE_AT_A_TIME}
            )
        now = version_of(connection)
        if now == newest:
            return False
        if now is None:
            _check_empty(connection, make=make)
        else:
            _check_older(now, migrate=migrate)
        command.upgrade(_config(connection), "head")
        return now is None


def version_of(connection: Connection) -> str | None:
    """Revision of the database's tables, None where there are none of ours."""
    return MigrationContext.configure(connection).get_current_revision()


def newest_version() -> str:
    """Revision that this program works with."""
    head = _scripts().get_current_head()
    if head is None:
        raise LedgerError("the program was installed without its migrations: install it anew")
    return head


def _check_empty(connection: Connection, *, make: bool) -> None:
    if tables := inspect(connection).get_table_names():
        raise LedgerError(
            f"the database holds {len(tables)} tables that are no ledger: name another one"
        )
    if not make:
        raise LedgerError(ABSENT)


def _check_older(now: str, *, migrate: bool) -> None:
    if now not in {script.revision for script in _scripts().walk_revisions()}:
        raise LedgerError(
            f"the ledger was written by a newer program (its tables are version {now}, this "
            f"program knows up to {newest_version()}): install that program"
        )
    if not migrate:
        raise LedgerError(
            f"the ledger's tables are version {now}, this program needs {newest_version()}: make "
            "a backup, then run pathology review migrate"
        )


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
