"""Backups that were restored: on SQLite and on a real PostgreSQL, made while others write."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pathology.cli.main import main
from pathology.errors import LedgerError, NotAllowed, OutputError, UsageError, VaultError
from pathology.ledger.open import utc_now
from pathology.pipeline.archive_places import archive_places
from pathology.pipeline.backup import BackupOrder, back_up, restore, restore_keys
from pathology.pipeline.bundle_answer import site_keys
from pathology.pipeline.knowledge import at_desk
from pathology.pipeline.ledger_open import make_keys, opened_ledger, os_user
from pathology.pipeline.settings import load_settings
from pathology.records.settings.run import RunSettings
from pathology.vault.site_keys import fresh_site_keys, write_site_keys
from tests.cases_on_desk import PATIENT, PaintedDesk, rules
from tests.ledgers import NOON
from tests.postgres import PostgresServer


class Site:
    """A site with a signed case, reports and settings of its own, and an empty second machine."""

    def __init__(self, folder: Path, server: PostgresServer | None) -> None:
        self.folder, self.server = folder, server
        self.results = folder / "results"
        report = self.results / "cases" / "C1" / "report-v1.json"
        report.parent.mkdir(parents=True)
        report.write_text("{}", "utf-8")
        self.settings = self.machine("one")

    def machine(self, name: str) -> RunSettings:
        """Settings of a machine whose state and database are fresh."""
        state = self.folder / name
        shipped = load_settings()
        ledger = {"anchor": str(state / "anchor.json")}
        if self.server is None:
            ledger["file"] = str(state / "ledger.sqlite")
        else:
            url = self.server.url(self.server.new_database())
            ledger |= {"url": url, "passfile": str(self.server.passfile)}
        archive = replace(
            shipped.ledger,
            ledger=replace(shipped.ledger.ledger, **ledger),
            vault=replace(shipped.ledger.vault, file=str(state / "keys.json")),
        )
        return replace(shipped, ledger=archive)

    def filled(self) -> None:
        """A ledger with a signed case."""
        if self.server is not None:
            make_keys(self.settings.ledger)
        with opened_ledger(self.settings.ledger) as (ledger, _):
            desk = PaintedDesk.__new__(PaintedDesk)
            desk.ledger, desk.rules, desk.now, desk.people = ledger, rules(), NOON, {}
            desk.people["alex"] = ledger.accounts.actor_of_os_user(os_user())
            for name in ("dr.lin", "dr.wu", "dr.ma"):
                desk.person(name, "pathologist")
            desk.case = desk.book.name_of(f"ACCESSION-{PATIENT}")
            desk.ready()
            desk.sign()
            self.case = desk.case

    def made(self, **order: object) -> Path:
        dest = self.folder / "backup"
        back_up(self.settings, BackupOrder(results=self.results, **order), dest)
        return dest


@pytest.fixture
def site(ledger_database: PostgresServer | None, tmp_path: Path) -> Site:
    made = Site(tmp_path, ledger_database)
    made.filled()
    return made


def keys_to(site: Site, other: RunSettings) -> None:
    place = archive_places(other.ledger).keys
    place.parent.mkdir(exist_ok=True)
    shutil.copy(archive_places(site.settings.ledger).keys, place)


def test_what_was_signed_is_there_again_on_another_machine(site: Site) -> None:
    stop, written = threading.Event(), []

    def at_work() -> None:
        with opened_ledger(site.settings.ledger) as (ledger, actor):
            while not stop.is_set():
                line = ledger.audit.append(
                    actor=actor.name, act="look", subject="s", now_utc=utc_now()
                )
                written.append(line.sequence)

    worker = threading.Thread(target=at_work)
    worker.start()
    try:
        backup = site.made()
    finally:
        stop.set()
        worker.join()
    assert written
    other = site.machine("two")
    keys_to(site, other)
    restored = restore(other, backup, site.folder / "results-two")
    assert restored.lines > 5
    assert (site.folder / "results-two/cases/C1/report-v1.json").exists()
    with opened_ledger(other.ledger, make=False) as (ledger, _):
        report = ledger.cases(rules()).report(site.case, 1)
        assert report.signature.printed_name == "Lin Xia"
        assert ledger.audit.verify().faults == ()
        ledger.audit.append(actor="night", act="on", subject="s", now_utc=utc_now())
        assert ledger.audit.verify().faults == ()
    with opened_ledger(site.settings.ledger) as (ledger, _):
        assert any(line.act == "back-up" for line in ledger.audit.lines())


def test_nothing_is_written_over(site: Site) -> None:
    backup = site.made()
    with pytest.raises(LedgerError):
        restore(site.settings, backup, None)
    with pytest.raises(OutputError, match="already"):
        site.made()
    with opened_ledger(site.settings.ledger) as (ledger, _):
        assert ledger.audit.verify().faults == ()


def test_another_ring_opens_nothing_and_leaves_nothing(site: Site) -> None:
    backup, other = site.made(), site.machine("two")
    with pytest.raises(VaultError):  # none
        restore(other, backup, None)
    make_keys(other.ledger)
    with pytest.raises(VaultError, match="not the one of this ledger"):
        restore(other, backup, None)
    places = archive_places(other.ledger)
    assert not places.anchor.exists()
    assert site.server is not None or not places.database.exists()


@pytest.mark.parametrize("ledger_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("how", ["changed", "missing", "more", "cut", "no list", "rows"])
def test_a_backup_that_is_not_as_its_list_says_is_refused(site: Site, how: str) -> None:
    backup, other = site.made(), site.machine("two")
    keys_to(site, other)
    report = backup / "cases" / "C1" / "report-v1.json"
    told = json.loads((backup / "backup.json").read_text())
    if how == "changed":
        report.write_text("[]", "utf-8")
    elif how == "missing":
        report.unlink()
    elif how == "more":
        (backup / "cases" / "other").write_text("x", "utf-8")
    elif how == "cut":
        data = (backup / "ledger.copy").read_bytes()
        (backup / "ledger.copy").write_bytes(data[: len(data) // 2])
    elif how == "rows":
        told["rows"]["audit_lines"] -= 1
        (backup / "backup.json").write_text(json.dumps(told), "utf-8")
    else:
        (backup / "backup.json").write_text("{}", "utf-8")
    with pytest.raises((UsageError, LedgerError)):
        restore(other, backup, None)
    places = archive_places(other.ledger)
    assert not places.database.exists()
    assert not places.anchor.exists()


@pytest.mark.parametrize("ledger_database", ["sqlite"], indirect=True)
def test_keys_go_along_only_when_asked_for_and_locked(site: Site) -> None:
    plain = site.made()
    ring = archive_places(site.settings.ledger).keys.read_bytes()
    secret = json.loads(ring)["chain"].encode()
    assert not any(secret in p.read_bytes() for p in plain.rglob("*") if p.is_file())
    assert not (plain / "keys.sealed").exists()
    shutil.rmtree(plain)
    own = site_keys(site.settings.ledger, make=True).public
    safe = fresh_site_keys()
    write_site_keys(safe, site.folder / "safe" / "private.json")
    (site.folder / "safe.json").write_bytes(safe.public.document())
    (site.folder / "own.json").write_bytes(own.document())
    backup = site.made(keys_to=site.folder / "safe.json")
    assert not any(secret in p.read_bytes() for p in backup.rglob("*") if p.is_file())
    other = site.machine("two")
    restore_keys(other, backup, site.folder / "safe" / "private.json", site.folder / "own.json")
    assert archive_places(other.ledger).keys.read_bytes() == ring
    assert restore(other, backup, None).lines > 5
    with pytest.raises(VaultError, match="already"):
        restore_keys(other, backup, site.folder / "safe" / "private.json", site.folder / "own.json")


@pytest.mark.parametrize("ledger_database", ["sqlite"], indirect=True)
def test_the_command_and_who_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], site: Site
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with opened_ledger(load_settings().ledger):
        pass
    dest = tmp_path / "monday"
    assert main(["review", "backup", str(dest), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"] >= 1
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "fresh"))
    fresh = tmp_path / "fresh" / "pathology"
    fresh.mkdir(parents=True)
    shutil.copy(tmp_path / "state" / "pathology" / "keys.json", fresh)
    assert main(["review", "restore", str(dest)]) == 0
    assert main(["review", "restore", str(dest)]) == 1
    monkeypatch.setattr("pathology.pipeline.ledger_open.os_user", lambda: "stranger")
    with pytest.raises(NotAllowed):
        back_up(site.settings, BackupOrder(), tmp_path / "tuesday")


@pytest.mark.parametrize("ledger_database", ["sqlite"], indirect=True)
def test_knowledge_and_settings_go_along(site: Site) -> None:
    folder = site.folder / "knowledge"
    store = replace(site.settings.knowledge.store, folder=str(folder))
    site.settings = replace(site.settings, knowledge=replace(site.settings.knowledge, store=store))
    with at_desk(site.settings):
        pass
    own = site.folder / "own"
    own.mkdir()
    (own / "review.toml").write_text("# ours", "utf-8")
    (own / "password.txt").write_text("no settings", "utf-8")
    backup, other = site.made(settings=own), site.machine("two")
    keys_to(site, other)
    restore(other, backup, None)
    beside = archive_places(other.ledger).anchor.with_name("restored")
    assert [p.name for p in (beside / "settings").iterdir()] == ["review.toml"]
    [kept] = list((beside / "knowledge").iterdir())
    [original] = [p for p in folder.iterdir() if p.name == kept.name]
    tables = "SELECT name FROM sqlite_master ORDER BY name"
    with closing(sqlite3.connect(kept)) as one, closing(sqlite3.connect(original)) as two:
        assert one.execute(tables).fetchall() == two.execute(tables).fetchall() != []
