"""Ledgers for tests: a site of its own (database, keys, anchor) on SQLite or PostgreSQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pathology.ledger.open import Opening, OpenLedger, Places, open_ledger
from pathology.records.actor import Actor
from pathology.records.settings.ledger import LedgerSettings, VaultSettings
from pathology.records.work import SlideIdentity, WorkOrder
from pathology.vault.envelope import Vault
from pathology.vault.ring import fresh_ring, read_ring, write_ring
from tests.postgres import PostgresServer

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OPERATOR = Actor(name="night", kind="service", roles=frozenset({"service"}))
VAULT = VaultSettings(source="test")


@dataclass(frozen=True, kw_only=True)
class LedgerSite:
    """What a site has: its settings and its folder. It travels to other processes."""

    folder: Path
    url: str = ""
    passfile: str = ""
    busy_s: float = 30.0

    @property
    def keys(self) -> Path:
        return self.folder / "keys.json"

    @property
    def anchor(self) -> Path:
        return self.folder / "anchor.json"

    @property
    def file(self) -> Path:
        return self.folder / "ledger.sqlite"

    @property
    def settings(self) -> LedgerSettings:
        return LedgerSettings(
            source="test",
            url=self.url,
            passfile=self.passfile,
            busy_s=self.busy_s,
        )

    def vault(self) -> Vault:
        if not self.keys.exists():
            write_ring(fresh_ring(), self.keys, new=True)
        return Vault(read_ring(VAULT, self.keys), lambda: read_ring(VAULT, self.keys))

    def open(self, *, migrate: bool = False, make: bool = True) -> OpenLedger:
        places = Places(database=self.file, anchor=self.anchor)
        opening = Opening(acting="night", clock=lambda: NOON, migrate=migrate, make=make)
        return open_ledger(self.settings, self.vault(), places, opening)


def server_site(server: PostgresServer, database: str, folder: Path) -> LedgerSite:
    """A site whose ledger is a database of the server."""
    return LedgerSite(folder=folder, url=server.url(database), passfile=str(server.passfile))


class Tampering:
    """Hands on the tables behind the program's back, triggers out of the way."""

    def __init__(self, site: LedgerSite, server: PostgresServer | None) -> None:
        self._site, self._server = site, server

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """One statement with ``?`` for values, as the database's owner could run it."""
        if self._server is None:
            return self._in_sqlite(statement, values)
        name = self._site.url.split("/")[3].split("?")[0]
        with self._server.connect(name) as connection:
            connection.execute("SET session_replication_role = replica")
            done = connection.execute(statement.replace("?", "%s"), values)
            return done.fetchall() if done.description else []

    def _in_sqlite(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._site.file)) as database, database:
            triggers = database.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall()
            for name, _ in triggers:
                database.execute(f"DROP TRIGGER {name}")
            found = database.execute(statement, values).fetchall()
            for _, sql in triggers:
                database.execute(sql)
            return found


def order(number: int, **more: Any) -> WorkOrder:
    """An order whose path and identity name a patient who must not be found in the database."""
    identity = SlideIdentity(
        barcode=f"BARCODE-{number}",
        accession=f"ACCESSION-{number // 2}",
        order_id=f"ORDER-{number}",
    )
    given = {"analysis": "ki67", "source": "folder", "identity": identity, **more}
    return WorkOrder(path=Path(f"/scans/MUSTERFRAU-{number}.svs"), **given)
