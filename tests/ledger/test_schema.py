"""Tables and their versions: models and migrations agree, strangers and newer ones are refused."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from pathology.errors import LedgerAway, LedgerError, VaultError
from pathology.ledger.database import connect
from pathology.ledger.network_share import share_of
from pathology.ledger.schema import MIGRATIONS, newest_version, prepare_tables
from pathology.ledger.tables import Archive
from pathology.records.settings.ledger import LedgerSettings
from tests.ledgers import LedgerSite, Tampering, server_site
from tests.postgres import PASSWORD, PostgresServer

TOMORROW = """
from alembic import op

revision, down_revision = "9998", "TODAY"


def upgrade():
    op.execute("CREATE TABLE later (x INTEGER)")
"""
FAILS = '    op.execute("INSERT INTO nowhere VALUES (1)")\n'


@pytest.fixture
def database(ledger_site: LedgerSite):
    opened = connect(ledger_site.settings, ledger_site.file)
    yield opened
    opened.dispose()


def test_models_and_migrations_agree(database) -> None:
    prepare_tables(database)
    with database.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "target_metadata": Archive.metadata}
        )
        assert compare_metadata(context, Archive.metadata) == []


def test_a_fresh_database_is_made_once(
    ledger_site: LedgerSite, tampering: Tampering, database
) -> None:
    prepare_tables(database)
    assert not prepare_tables(database)
    assert tampering.execute("SELECT count(*) FROM writer") == [(1,)]


def test_a_new_file_that_many_open_at_once_is_waited_for(tmp_path: Path) -> None:
    """SQLite answers "locked" at once, not after its wait, to the later ones of a new file."""

    def opening(file: Path, gate: threading.Barrier) -> str:
        opened = connect(LedgerSettings(source="test"), file)
        gate.wait()
        with opened.connect() as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        opened.dispose()
        return str(mode)

    with ThreadPoolExecutor(8) as crowd:
        for turn in range(40):
            gate = threading.Barrier(8)
            told = [crowd.submit(opening, tmp_path / f"{turn}" / "a.db", gate) for _ in range(8)]
            assert [one.result(30) for one in told] == ["wal"] * 8


def test_a_newer_ledger_is_refused(ledger_site: LedgerSite, tampering: Tampering) -> None:
    ledger_site.open().close()
    tampering.execute("UPDATE alembic_version SET version_num = '9999'")
    for migrate in (False, True):
        with pytest.raises(LedgerError, match="newer program"):
            ledger_site.open(migrate=migrate)


def test_an_older_ledger_is_told_to_migrate_and_migrated_when_asked(
    ledger_site: LedgerSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a migration of tomorrow beside today's."""
    today = newest_version()
    ledger_site.open().close()
    later = tmp_path / "migrations"
    (later / "versions").mkdir(parents=True)
    for file in MIGRATIONS.rglob("*.*"):
        if file.suffix in (".py", ".mako"):
            (later / file.relative_to(MIGRATIONS)).write_bytes(file.read_bytes())
    text = TOMORROW.replace("TODAY", today)
    (later / "versions" / "v9998_later.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr("pathology.ledger.schema.MIGRATIONS", later)
    with pytest.raises(LedgerError, match=f"version {today}, this program needs 9998"):
        ledger_site.open()
    with ledger_site.open(migrate=True) as ledger:
        assert ledger.audit.verify().faults == ()
    ledger_site.open().close()


def test_a_migration_that_fails_changes_nothing(
    ledger_site: LedgerSite, tampering: Tampering, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ledger_site.open().close()
    later = tmp_path / "migrations"
    (later / "versions").mkdir(parents=True)
    for file in MIGRATIONS.rglob("*.*"):
        if file.suffix in (".py", ".mako"):
            (later / file.relative_to(MIGRATIONS)).write_bytes(file.read_bytes())
    text = TOMORROW.replace("TODAY", newest_version()) + FAILS
    (later / "versions" / "v9998_later.py").write_text(text, encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr("pathology.ledger.schema.MIGRATIONS", later)
        with pytest.raises(LedgerError):
            ledger_site.open(migrate=True)
    ledger_site.open().close()
    with pytest.raises(Exception, match="later"):
        tampering.execute("SELECT * FROM later")


def test_a_database_of_something_else_is_refused(
    ledger_site: LedgerSite, database, ledger_database: PostgresServer | None
) -> None:
    site = ledger_site
    if ledger_database is not None:
        name = ledger_database.new_database()
        site = server_site(ledger_database, name, ledger_site.folder)
    other = connect(site.settings, site.file)
    with other.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE patients (name TEXT)")
    other.dispose()
    with pytest.raises(LedgerError, match="no ledger"):
        site.open()


def test_another_ring_is_refused(ledger_site: LedgerSite) -> None:
    ledger_site.open().close()
    ledger_site.keys.unlink()
    with pytest.raises(VaultError, match="not the one of this ledger"):
        ledger_site.open()


def test_a_ledger_that_is_not_there_is_not_made_unasked(ledger_site: LedgerSite) -> None:
    if not ledger_site.url:
        with pytest.raises(LedgerError, match="there is no ledger"):
            ledger_site.open(make=False)
        assert not ledger_site.file.exists()
    ledger_site.open().close()
    ledger_site.open(make=False).close()


def test_an_empty_server_database_is_not_made_a_ledger_unasked(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    site = server_site(postgres, postgres.new_database(), tmp_path)
    with pytest.raises(LedgerError, match="there is no ledger"):
        site.open(make=False)


def test_sqlite_is_durable_and_private(sqlite_site: LedgerSite) -> None:
    with sqlite_site.open() as ledger, ledger.transactions.database.connect() as connection:
        ask = connection.exec_driver_sql
        assert ask("PRAGMA journal_mode").scalar() == "wal"
        assert ask("PRAGMA synchronous").scalar() == 2
        assert ask("PRAGMA foreign_keys").scalar() == 1
        assert ask("PRAGMA busy_timeout").scalar() == 30_000
        for file in sqlite_site.folder.iterdir():
            assert file.stat().st_mode & 0o077 == 0, file.name


def test_a_database_file_that_others_can_read_is_refused(sqlite_site: LedgerSite) -> None:
    sqlite_site.open().close()
    sqlite_site.file.chmod(0o644)
    with pytest.raises(LedgerError, match="chmod 600"):
        sqlite_site.open()


def test_a_file_that_is_no_database_is_refused(sqlite_site: LedgerSite) -> None:
    sqlite_site.file.write_bytes(b"patients\n" * 1000)
    sqlite_site.file.chmod(0o600)
    with pytest.raises(LedgerError, match="not a database"):
        sqlite_site.open()


MOUNTS = r"""/dev/sda1 / ext4 rw 0 0
server:/export /mnt/scans nfs4 rw 0 0
//server/share /mnt/my\040share cifs rw 0 0
user@host: /home/me/remote fuse.sshfs rw 0 0
/dev/sdb1 /mnt/scans/local xfs rw 0 0
tmpfs /run/memory tmpfs rw 0 0
overlay /var/lib/x fuse.fuse-overlayfs rw 0 0
drive /mnt/c 9p rw 0 0
server:/a /mnt/twice nfs rw 0 0
/dev/sdc1 /mnt/twice ext4 rw 0 0
"""


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("/var/lib/pathology/ledger.sqlite", None),
        ("/mnt/scans/ledger.sqlite", "nfs4"),
        ("/mnt/scans/deep/er/ledger.sqlite", "nfs4"),
        ("/mnt/scansion/ledger.sqlite", None),
        ("/mnt/scans/local/ledger.sqlite", None),
        ("/mnt/my share/ledger.sqlite", "cifs"),
        ("/home/me/remote/ledger.sqlite", "fuse.sshfs"),
        ("/run/memory/ledger.sqlite", None),
        ("/var/lib/x/ledger.sqlite", None),
        ("/mnt/c/ledger.sqlite", "9p"),
        ("/mnt/twice/ledger.sqlite", None),
    ],
)
def test_a_network_share_is_known(tmp_path: Path, file: str, kind: str | None) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS, encoding="utf-8")
    assert share_of(Path(file), mounts) == kind


def test_a_link_into_a_share_is_followed(tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (tmp_path / "link").symlink_to(share)
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\ns:/e {share} nfs rw 0 0\n", encoding="utf-8")
    assert share_of(tmp_path / "link" / "ledger.sqlite", mounts) == "nfs"
    assert share_of(tmp_path / "ledger.sqlite", tmp_path / "none") is None


def test_sqlite_on_a_share_is_refused_with_a_remedy(
    sqlite_site: LedgerSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"s:/e {sqlite_site.folder} nfs rw 0 0\n", encoding="utf-8")
    monkeypatch.setattr("pathology.ledger.network_share.MOUNTS", mounts)
    with pytest.raises(LedgerError, match=r"network share \(nfs\).*PostgreSQL"):
        sqlite_site.open()
    assert not sqlite_site.file.exists()


def test_a_server_that_is_not_there_is_away(tmp_path: Path, postgres: PostgresServer) -> None:
    site = LedgerSite(folder=tmp_path, url=f"postgresql://pathology@/x?host={tmp_path}", busy_s=2.0)
    with pytest.raises(LedgerAway):
        site.open()


def test_a_wrong_password_is_no_reason_to_try_again(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = "SECRET_OF_LEDGER"
    settings = LedgerSettings(
        source="",
        url=postgres.url(postgres.new_database()),
        password_environment=variable,
    )
    with pytest.raises(LedgerError, match="SECRET_OF_LEDGER is empty or not set"):
        connect(settings, Path())
    monkeypatch.setenv("SECRET_OF_LEDGER", "not it")
    wrong = connect(settings, Path())
    with pytest.raises(LedgerError, match="password") as caught:
        prepare_tables(wrong)
    wrong.dispose()
    assert not isinstance(caught.value, LedgerAway)
    assert "not it" not in str(caught.value)
    monkeypatch.setenv("SECRET_OF_LEDGER", PASSWORD)
    right = connect(settings, Path())
    assert prepare_tables(right)
    right.dispose()
