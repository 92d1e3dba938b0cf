"""The chain for an inspector, and cases purged by the command."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from pathology.cli.main import main
from pathology.errors import NotAllowed
from pathology.ledger.open import OpenLedger
from pathology.pipeline.audit_export import AuditWish, export_audit
from pathology.pipeline.ledger_open import opened_ledger
from pathology.pipeline.settings import load_settings
from pathology.records.actor import Actor
from pathology.records.settings.run import RunSettings
from tests.cases_on_desk import KI67, PATIENT, PaintedDesk
from tests.ledgers import NOON


class DeskOfUser(PaintedDesk):
    """The desk of a ledger that the system user has made."""

    def __post_init__(self) -> None:
        founder: Actor = self.people["alex"]
        assert founder.name
        for name in ("dr.lin", "dr.wu"):
            self.person(name, "pathologist")
        self.case = self.book.name_of(f"ACCESSION-{PATIENT}")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunSettings:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings = load_settings()
    with opened_ledger(settings.ledger) as (ledger, actor):
        desk = DeskOfUser(ledger=ledger, people={"alex": actor})
        desk.ready()
        desk.decide(KI67, "override")
        ledger.audit.append(
            actor="dr.wu", act="break-glass", subject=desk.case, now_utc=NOON, reason="=1+1"
        )
    return settings


def as_auditor(site: RunSettings) -> None:
    """The system user gives up other roles; somebody else is administrator then."""
    with opened_ledger(site.ledger) as (ledger, actor):
        set_auditor(ledger, actor)


def set_auditor(ledger: OpenLedger, actor: Actor) -> None:
    other = Actor(name="admin", kind="person", roles=frozenset({"administrator"}))
    ledger.accounts.add(other, actor, NOON)
    ledger.accounts.set_roles(actor.name, frozenset({"auditor"}), actor, NOON)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_every_line_is_written_and_the_writing_is_a_line(
    site: RunSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "inspection"
    assert main(["review", "audit", "--export", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    written = lines(tmp_path / "inspection.jsonl")
    assert told["lines"] == len(written)
    assert [line["sequence"] for line in written] == list(range(1, len(written) + 1))
    glass = [line for line in written if line["act"] == "break-glass"]
    assert told["break_glass"] == [glass[0]["sequence"]]
    text = (tmp_path / "inspection.jsonl").read_text("utf-8")
    assert PATIENT not in text
    assert "content" not in written[-2]
    with opened_ledger(site.ledger) as (ledger, _):
        last = list(ledger.audit.lines())[-1]
        assert ledger.audit.verify().faults == ()
    assert (last.act, last.after["lines"]) == ("export-audit", len(written))


def test_the_table_runs_nothing_in_a_spreadsheet(site: RunSettings, tmp_path: Path) -> None:
    export_audit(site, AuditWish(file=tmp_path / "x.csv"))
    with (tmp_path / "x.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    [glass] = [row for row in rows if row["act"] == "break-glass"]
    assert glass["reason"] == "'=1+1"
    assert json.loads(rows[-2]["after"])
    [whole] = [line for line in lines(tmp_path / "x.jsonl") if line["act"] == "break-glass"]
    assert whole["reason"] == "=1+1"


def test_only_what_was_asked_for(
    site: RunSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened_ledger(site.ledger) as (ledger, _):
        [line] = ledger.cases(site.deciding).worklist()
    wish = AuditWish(file=tmp_path / "case", case=line.case)
    export_audit(site, wish)
    subjects = {one["subject"] for one in lines(tmp_path / "case.jsonl")}
    assert subjects == {line.case}
    day = ["review", "audit", "--export", str(tmp_path / "day"), "--json"]
    assert main([*day, "--from", "2026-03-04", "--to", "2026-03-04"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"] > 0
    assert all("2026-03-04" in str(one["at_utc"]) for one in lines(tmp_path / "day.jsonl"))
    assert main([*day, "--to", "2026-03-03"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"] == 0
    assert main([*day, "--to", "yesterday"]) == 2


def test_sealed_contents_are_for_an_auditor_who_asks(site: RunSettings, tmp_path: Path) -> None:
    wish = AuditWish(file=tmp_path / "all", contents=True)
    with pytest.raises(NotAllowed, match="auditor"):
        export_audit(site, wish)
    assert not (tmp_path / "all.jsonl").exists()
    as_auditor(site)
    export_audit(site, wish)
    decided = [one for one in lines(tmp_path / "all.jsonl") if one["act"] == "case-decide"]
    assert decided[-1]["content"]["decision"]["own"] == {"value": 35.0, "unit": "%"}  # type: ignore[index]


def test_retention_by_the_command(
    site: RunSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with opened_ledger(site.ledger) as (ledger, _):
        [line] = ledger.cases(site.deciding).worklist()
    retention = ["review", "retention"]
    assert main([*retention, "list"]) == 0
    assert line.case in capsys.readouterr().out
    assert main([*retention, "list", "--due"]) == 0
    assert line.case not in capsys.readouterr().out
    assert main([*retention, "hold", line.case, "--why", "court"]) == 0
    assert main([*retention, "list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["cases"][0]["legal_hold"]
    assert main([*retention, "purge", line.case, "--why", "old"]) == 1
    assert main([*retention, "lift", line.case, "--why", "settled"]) == 0
    assert main([*retention, "ask", "--why", "old"]) == 2
    assert main([*retention, "ask", line.case, "--why", "old"]) == 1  # its time has not come
