"""The night at the page: what is seen, picked and put on the worklist, over a real ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pathology.errors import NotAllowed, UsageError
from pathology.ledger.open import OpenLedger
from pathology.nightly.at_the_page import NightAtPage
from pathology.nightly.options import load_night_settings
from pathology.pipeline.ledger_open import opened_ledger
from pathology.records.actor import Actor
from pathology.records.work import Outcome, WorkOrder
from tests.ledgers import MINUTE
from tests.pipeline import faults

TECHNICIAN = Actor(name="technician", kind="person", roles=frozenset({"technician"}))
CURATOR = Actor(name="curator", kind="person", roles=frozenset({"curator"}))


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[OpenLedger, Actor]]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with opened_ledger(load_night_settings().run.ledger) as (opened, founder):
        for account in (TECHNICIAN, CURATOR):
            opened.accounts.add(account, founder, datetime.now(UTC))
        yield opened, founder


@pytest.fixture
def night(tmp_path: Path, ledger: tuple[OpenLedger, Actor]) -> NightAtPage:
    """A site whose scanner writes into one folder, looked at twice at once."""
    scans = tmp_path / "scans"
    scans.mkdir()
    settings = load_night_settings()
    nightly = replace(
        settings.nightly,
        sources=replace(settings.nightly.sources, slides=(str(scans),)),
        watch=replace(settings.nightly.watch, still_s=0.001, least_looks=2),
        identity=replace(
            settings.nightly.identity,
            file_names=(r"(?P<accession>S\d+-\d+)_(?P<specimen>\w)(?P<block>\d+)\.tif",),
        ),
    )
    return NightAtPage(settings=replace(settings, nightly=nightly), ledger=ledger[0])


def scan(night: NightAtPage, name: str) -> Path:
    (folder,) = night.settings.nightly.sources.slides
    return faults.tiny_slide(Path(folder) / name)


def seen(night: NightAtPage) -> dict[str, str]:
    """File names that wait for an order, with what picks them."""
    night.slides(TECHNICIAN)
    return {one["file"]: one["slide"] for one in night.slides(TECHNICIAN)["slides"]}


def test_a_slide_nobody_asked_for_is_seen_picked_and_gone(
    night: NightAtPage, ledger: tuple[OpenLedger, Actor]
) -> None:
    path = scan(night, "S26-1_A2.tif")
    scan(night, "S26-2_A1.tif")
    waiting = seen(night)
    assert waiting.keys() == {"S26-1_A2.tif", "S26-2_A1.tif"}
    wish = {
        "slide": waiting[path.name], "analysis": "ki67", "marker": "ki67", "priority": "urgent",
        "case_id": "S26-1", "specimen": "A", "block": "2",
    }  # fmt: skip
    told = night.pick(TECHNICIAN, wish)
    assert (told["new"], told["held"]) == (True, None)
    (item,) = ledger[0].work.items()
    assert item.name == told["name"]
    assert (item.order.path, item.order.analysis, item.order.priority) == (path, "ki67", "urgent")
    assert item.order.identity.accession == "S26-1"
    assert seen(night).keys() == {"S26-2_A1.tif"}
    with pytest.raises(UsageError, match="look again"):
        night.pick(TECHNICIAN, wish)


def test_a_slide_whose_name_disagrees_is_held_and_both_languages_say_so(night: NightAtPage) -> None:
    scan(night, "S26-1_A2.tif")
    (slide,) = seen(night).values()
    wish = {
        "slide": slide,
        "analysis": "infiltration",
        "case_id": "S26-9",
        "specimen": "A",
        "block": "2",
    }
    told = night.pick(TECHNICIAN, wish)
    assert "S26-1" not in str(told), "what disagrees is shown to who may see identities"
    assert told["held"].keys() == {"en", "zh"}
    assert told["held"]["en"] != told["held"]["zh"]
    (item,) = night.ledger.work.items()
    assert item.is_held


def test_who_may_not_analyse_sees_no_file_name(night: NightAtPage) -> None:
    scan(night, "S26-1_A2.tif")
    (slide,) = seen(night).values()
    with pytest.raises(NotAllowed):
        night.slides(CURATOR)
    with pytest.raises(NotAllowed):
        night.pick(CURATOR, {"slide": slide, "analysis": "ki67"})
    with pytest.raises(NotAllowed):
        night.status(CURATOR)
    with pytest.raises(NotAllowed):
        night.plan(TECHNICIAN)


def test_status_and_plan_say_what_the_commands_say(
    night: NightAtPage, ledger: tuple[OpenLedger, Actor]
) -> None:
    opened, founder = ledger
    now = datetime.now(UTC)
    orders = [WorkOrder(path=Path(f"/s/{n}.svs"), analysis="ki67", source="folder") for n in (1, 2)]
    ids = opened.work.enrol(orders, founder, now).new
    lease = opened.work.claim(ids[0], "a night", now, MINUTE)
    assert lease is not None
    shift = opened.shifts.begin("a night", founder.name, now, MINUTE, alone=True)
    outcome = Outcome(kind="refused", reason_code="empty-file", facts={})
    assert opened.work.finish(lease, outcome, datetime.now(UTC), None)
    status = night.status(TECHNICIAN)
    assert (status["shift"]["id"], status["waiting"]) == (shift.shift_id, 1)
    (failure,) = status["failures"]
    assert failure["reason_code"] == "empty-file"
    assert failure["reason"]["en"] != failure["reason"]["zh"] != ""
    told = night.again(TECHNICIAN, [failure["name"]], "copied again from the scanner")
    assert told == {"again": [failure["name"]]}
    assert night.status(TECHNICIAN)["failures"] == []
    (first, _) = opened.work.items()
    claimed = opened.work.claim(first.item_id, "a night", datetime.now(UTC), MINUTE)
    assert claimed is not None, "it waits again"
    assert opened.work.finish(claimed, outcome, datetime.now(UTC), None)
    plan = night.plan(founder)
    assert [slide["item"] for slide in plan["slides"]] == [ids[1]]
