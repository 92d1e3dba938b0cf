"""The archive through a door: a first start just works, keys are made once, the user is known."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pathology.cli.main import main
from pathology.errors import ConfigError, LedgerError, NotAllowed, VaultError
from pathology.pipeline.archive_places import archive_places, state_folder
from pathology.pipeline.ledger_care import accept_audit, forget_keys, rotate_keys, verify_audit
from pathology.pipeline.ledger_open import (
    make_keys,
    migrate_ledger,
    opened_ledger,
    os_user,
)
from pathology.pipeline.settings import load_settings
from pathology.records.actor import Actor
from pathology.records.settings.ledger import ArchiveSettings, LedgerSettings, VaultSettings
from tests.ledgers import NOON, OPERATOR, Tampering, order, server_site
from tests.ledgers import LedgerSite as Site
from tests.postgres import PostgresServer

FIRST_ROLES = {"operator", "technician", "administrator"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ArchiveSettings:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return load_settings().ledger


def test_a_first_start_just_works(settings: ArchiveSettings) -> None:
    with opened_ledger(settings) as (ledger, actor):
        assert (actor.name, actor.roles) == (os_user(), FIRST_ROLES)
        ledger.accounts.require(actor, "run-night")
        ledger.work.enrol([order(1)], actor, NOON)
    with opened_ledger(settings, make=False) as (ledger, again):
        assert again == actor
        assert ledger.work.counts()["waiting"] == 1
    places = archive_places(settings)
    assert {p.stat().st_mode & 0o077 for p in places.keys.parent.iterdir()} == {0}
    assert places.keys.parent.stat().st_mode & 0o077 == 0


def test_nothing_is_made_when_only_asked(settings: ArchiveSettings) -> None:
    for ask in (verify_audit, rotate_keys, forget_keys, migrate_ledger):
        with pytest.raises((LedgerError, VaultError)):
            ask(settings)
    assert not archive_places(settings).database.exists()
    assert not archive_places(settings).keys.exists()


@pytest.mark.parametrize("gone", ["keys", "database"])
def test_a_part_that_is_gone_is_not_made_anew_in_silence(
    settings: ArchiveSettings, gone: str
) -> None:
    with opened_ledger(settings):
        pass
    places = archive_places(settings)
    getattr(places, gone).unlink()
    if gone == "database":  # its anchor remembers that there was one
        with pytest.raises(LedgerError, match="cut off"), opened_ledger(settings):
            pass
    else:
        with pytest.raises(VaultError, match="key file is missing"), opened_ledger(settings):
            pass
        assert not places.keys.exists()


def test_a_user_without_an_account_is_told(
    settings: ArchiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened_ledger(settings):
        pass
    monkeypatch.setattr("pathology.pipeline.ledger_open.os_user", lambda: "stranger")
    with pytest.raises(NotAllowed, match="stranger"), opened_ledger(settings):
        pass


def test_a_service_account_acts_and_a_persons_does_not(settings: ArchiveSettings) -> None:
    with opened_ledger(settings) as (ledger, actor):
        ledger.accounts.add(OPERATOR, actor, NOON)
        doctor = Actor(name="doctor", kind="person", roles=frozenset({"pathologist"}))
        ledger.accounts.add(doctor, actor, NOON)
    with opened_ledger(settings, account="night") as (ledger, acting):
        assert acting == OPERATOR
        [number] = ledger.work.enrol([order(1)], acting, NOON).new
        lease = ledger.work.claim(number, "h", NOON, NOON - NOON.replace(hour=11))
        assert lease
        assert list(ledger.audit.lines())[-1].actor == "night"
    with pytest.raises(NotAllowed, match="signs in"), opened_ledger(settings, account="doctor"):
        pass


def test_variables_that_anybody_sets_make_no_user(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os_user()
    for name in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(name, "director")
    assert os_user() == before
    monkeypatch.setattr(os, "geteuid", lambda: 3_999_999)
    assert os_user() == "uid-3999999"


def test_the_state_folder_follows_the_xdg_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert state_folder() == Path.home() / ".local/state/pathology"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert state_folder() == Path.home() / ".local/state/pathology"
    monkeypatch.setenv("XDG_STATE_HOME", "/var/lib")
    assert state_folder() == Path("/var/lib/pathology")


def test_keys_are_rotated_and_forgotten(settings: ArchiveSettings) -> None:
    with opened_ledger(settings) as (ledger, actor):
        ledger.work.enrol([order(n) for n in range(1200)], actor, NOON)
        items = ledger.work.items(ids=[1, 1200])
        [old] = ledger.keys.uses()
    done = rotate_keys(settings)
    assert done.retired == (old,)
    assert dict(done.uses) == {done.current: 1200 + 600}
    assert forget_keys(settings) == (old,)
    assert forget_keys(settings) == ()
    with opened_ledger(settings) as (ledger, _):
        assert ledger.work.items(ids=[1, 1200]) == items
    assert verify_audit(settings).faults == ()


def test_a_rotation_that_was_broken_off_goes_on(
    settings: ArchiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened_ledger(settings) as (ledger, actor):
        ledger.work.enrol([order(n) for n in range(3)], actor, NOON)
    with monkeypatch.context() as patch:
        patch.setattr("pathology.ledger.rotation.Rotation.lock_again", _broken)
        with pytest.raises(KeyboardInterrupt):
            rotate_keys(settings)
    done = rotate_keys(settings)
    assert set(done.uses) == {done.current}


def _broken(*_: object) -> int:
    raise KeyboardInterrupt


def test_two_rotations_at_once_are_refused(
    settings: ArchiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened_ledger(settings):
        pass
    told: list[str] = []

    def meanwhile(*_: object) -> int:
        with pytest.raises(VaultError, match="by another") as caught:
            forget_keys(settings)
        told.append(str(caught.value))
        return 0

    monkeypatch.setattr("pathology.ledger.rotation.Rotation.lock_again", meanwhile)
    rotate_keys(settings)
    assert told


def test_a_server_ledger_needs_keys_first(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    site = server_site(postgres, postgres.new_database(), tmp_path)
    settings = ArchiveSettings(ledger=site.settings, vault=VaultSettings(source="test"))
    with pytest.raises(VaultError, match="key file is missing"), opened_ledger(settings):
        pass
    assert make_keys(settings) == tmp_path / "pathology" / "keys.json"
    with pytest.raises(VaultError, match="already"):
        make_keys(settings)
    with opened_ledger(settings) as (_, actor):
        assert actor.roles == FIRST_ROLES
    assert verify_audit(settings).faults == ()


def test_verifying_from_the_command_line(
    settings: ArchiveSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened_ledger(settings) as (ledger, actor):
        ledger.work.enrol([order(n) for n in range(9)], actor, NOON)
    assert main(["review", "audit", "--verify"]) == 0
    assert "as it was written: 11 lines" in capsys.readouterr().out
    places = archive_places(settings)
    site = Site(folder=places.database.parent)
    assert site.file.name == places.database.name
    Tampering(site, None).execute("UPDATE audit_lines SET reason = 'x' WHERE sequence = 5")
    Tampering(site, None).execute("DELETE FROM audit_lines WHERE sequence > 9")
    assert main(["review", "audit", "--verify"]) == 1
    told = capsys.readouterr().out
    assert "line 5: edited" in told
    assert "from line 10 on: cut off" in told
    assert main(["review", "audit", "--verify", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["faults"] == [
        {"line": 5, "fault": "edited"},
        {"line": 10, "fault": "truncated"},
    ]
    assert main(["review", "audit", "--accept"]) == 2
    assert main(["review", "audit", "--accept", "--why", "a backup was restored"]) == 1
    assert [(n, f) for n, f in verify_audit(settings).faults] == [(5, "edited")]
    assert accept_audit(settings, "again").faults


def test_keys_from_the_command_line(
    settings: ArchiveSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["review", "keys", "make"]) == 0
    with opened_ledger(settings):
        pass
    assert main(["review", "keys", "rotate", "--json"]) == 0
    assert main(["review", "keys", "forget"]) == 0
    told = capsys.readouterr().out
    ring = json.loads(archive_places(settings).keys.read_text())
    assert not any(secret in told for secret in (ring["chain"], *ring["wrapping"].values()))
    assert len(ring["wrapping"]) == 1


def test_only_who_may_verifies(settings: ArchiveSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened_ledger(settings) as (ledger, actor):
        service = replace(OPERATOR, name="cron")
        ledger.accounts.add(service, actor, NOON, os_user="cron")
    monkeypatch.setattr("pathology.pipeline.ledger_open.os_user", lambda: "cron")
    for refused in (verify_audit, rotate_keys, forget_keys):
        with pytest.raises(NotAllowed):
            refused(settings)


@pytest.mark.parametrize(
    ("table", "given", "told"),
    [
        (LedgerSettings, {"url": "mysql://x"}, "postgresql"),
        (LedgerSettings, {"url": "postgresql://me:secret@host/db"}, "no password"),
        (LedgerSettings, {"url": "postgresql://host/db?password=x"}, "no password"),
        (LedgerSettings, {"url": "postgresql://host/db", "file": "/x"}, "two databases"),
        (LedgerSettings, {"file": "relative.sqlite"}, "absolute"),
        (LedgerSettings, {"passfile": "/x"}, "belong to a url"),
        (LedgerSettings, {"busy_s": 0.0}, "positive"),
        (VaultSettings, {"keys": "environment"}, "names a variable"),
        (VaultSettings, {"keys": "command"}, "list of words"),
        (VaultSettings, {"command": ("cat", "x")}, "list of words"),
        (VaultSettings, {"keys": "environment", "environment": "X", "file": "/x"}, "belongs to"),
    ],
)
def test_impossible_settings_are_refused(table, given: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        table(source="test", **given)


def test_a_typo_in_the_file_is_an_error(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "configs" / "ledger.toml"
    text = shipped.read_text(encoding="utf-8")
    (tmp_path / "ledger.toml").write_text(text.replace("passfile", "pasfile"), encoding="utf-8")
    with pytest.raises(ConfigError, match="pasfile"):
        load_settings(tmp_path)
