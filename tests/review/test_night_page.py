"""The night on the page, for a technician in a real browser: seen, picked, failed, run again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pathology.nightly.at_the_page import NightAtPage
from pathology.nightly.options import load_night_settings
from pathology.records.work import Outcome
from tests.ledgers import MINUTE
from tests.pipeline import faults
from tests.review.case_desk import CLERK, DraftedDesk, drafted_desk
from tests.review.conftest import serving
from tests.review.painted_desk import PaintedDesk
from tests.review.test_case_page import shot, tab_of, until


@pytest.fixture
def drafted(painted_desk: PaintedDesk, tmp_path: Path) -> Iterator[DraftedDesk]:
    scans = tmp_path / "scans"
    scans.mkdir()
    faults.tiny_slide(scans / "S26-1_A2.tif")
    settings = load_night_settings()
    nightly = replace(
        settings.nightly,
        sources=replace(settings.nightly.sources, slides=(str(scans),)),
        watch=replace(settings.nightly.watch, still_s=0.001, least_looks=2),
    )
    with drafted_desk(painted_desk, tmp_path) as opened:
        night = NightAtPage(settings=replace(settings, nightly=nightly), ledger=opened.real.ledger)
        opened.real.more["night"] = night
        yield replace(opened, desk=opened.real.desk())


def test_a_technician_picks_a_slide_and_runs_a_failed_one_again(
    drafted: DraftedDesk, browser: Any, shots: Path | None
) -> None:
    work = drafted.real.ledger.work
    with serving(drafted.desk) as url:
        tab = tab_of(browser, url, CLERK)
        tab.goto(f"{url}/night")
        tab.wait_for_selector("body[data-ready=true]")
        assert tab.locator("#planned").is_hidden(), "a technician plans no night"
        tab.click("#look")
        until(tab, "document.querySelector('#slide').options.length === 1")
        tab.fill("#case_id", "S26-1")
        tab.select_option("#priority", "stat")
        tab.click("#pick button[type=submit]")
        until(tab, "document.querySelector('#picked').textContent !== ''")
        (item,) = work.items()
        assert (item.order.path.name, item.order.priority) == ("S26-1_A2.tif", "stat")
        now = datetime.now(UTC)
        shifts = drafted.real.ledger.shifts
        shifts.begin("a night", "chief", now, MINUTE, alone=True)
        lease = work.claim(item.item_id, "a night", now, MINUTE)
        assert lease is not None
        refused = Outcome(kind="refused", reason_code="empty-file", facts={})
        assert work.finish(lease, refused, now, None)
        tab.reload()
        tab.wait_for_selector("#failures tr")
        assert "Copy it again" in tab.inner_text("#failures"), "the remedy"
        shot(tab, shots, "night-en")
        tab.check("#failures input")
        tab.fill("#why", "copied again from the scanner")
        tab.click("#again button")
        until(tab, "document.querySelector('#failures').children.length === 0")
        (item,) = work.items()
        assert item.state == "waiting"
