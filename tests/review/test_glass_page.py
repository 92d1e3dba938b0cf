"""Breaking glass on the page, by a person in a real browser; and what the auditor sees of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.access import PASSWORD
from tests.oidc_provider import oidc_provider
from tests.review.case_desk import READER, SECOND, DraftedDesk, drafted_desk
from tests.review.conftest import free_port, serving
from tests.review.painted_desk import CASE, PaintedDesk
from tests.review.test_case_page import PATIENCE_MS, shot, tab_of, until
from tests.review.test_signing_outside import at_the_provider

WHY = "frozen section tonight, <b>colleague</b> away"


@pytest.fixture
def shut(painted_desk: PaintedDesk, tmp_path: Path) -> Iterator[DraftedDesk]:
    """A desk whose case is the reader's, and where readers see their own cases alone."""
    with drafted_desk(painted_desk, tmp_path) as drafted:
        real = drafted.real
        real.person("auditor", "auditor")
        with real.browser(real.token(READER)) as browser:
            browser.get("/cases/list")
            step = {"request_id": "request-000001", "seen_version": 1}
            claimed = browser.post(f"/cases/{drafted.case}/steps/claim", json=step)
            assert claimed.status_code == 200, claimed.text
        real.only_assigned()
        yield drafted


def break_it(tab: Any) -> None:
    tab.wait_for_selector("button.break")
    tab.click("button.break")
    tab.wait_for_selector("dialog.glass")


def test_glass_is_broken_with_a_reason_and_told_to_the_auditor(
    shut: DraftedDesk, browser: Any, shots: Path | None
) -> None:
    with serving(shut.real.desk()) as url:
        tab = tab_of(browser, url, SECOND)
        assert tab.locator("#cases a").count() == 0
        assert tab.locator("#to-glass").is_hidden()
        assert "%" not in tab.inner_text("#cases"), "nothing that was found is told"
        break_it(tab)
        assert "4 hours" in tab.inner_text("dialog")
        tab.fill("#glass-reason", WHY)
        tab.fill("#glass-password", "not the password")
        tab.click("#glass-break")
        tab.wait_for_selector("dialog .notice:not([hidden])")
        assert tab.input_value("#glass-reason") == WHY, "words are kept"
        shot(tab, shots, "glass-asked-en")
        tab.fill("#glass-password", PASSWORD)
        tab.click("#glass-break")
        tab.click("#glass-open")
        tab.wait_for_selector("body[data-ready=true]")
        assert CASE in tab.inner_text("#title")
        tab.goto(url)
        tab.wait_for_selector("#cases a")
        assert tab.locator("button.break").count() == 0
        auditor = tab_of(browser, url, "auditor")
        auditor.click("#to-glass")
        auditor.wait_for_selector("#rows tr")
        row = auditor.inner_text("#rows tr")
        assert SECOND in row
        assert WHY in row
        assert shut.case in row
        assert CASE not in row, "the auditor needs no name of a case"
        assert "still open" in row
        assert auditor.locator("#rows b").count() == 0, "words never become markup"
        shot(auditor, shots, "glass-broken-en")
        auditor.click("#language")
        until(auditor, "document.documentElement.lang === 'zh-Hans'")
        shot(auditor, shots, "glass-broken-zh")
    line = next(line for line in shut.real.ledger.audit.lines() if line.act == "break-glass")
    assert (line.actor, line.reason, line.subject) == (SECOND, WHY, shut.case)


def test_who_came_by_the_provider_is_asked_there(shut: DraftedDesk, browser: Any) -> None:
    with oidc_provider() as provider:
        real, port = shut.real, free_port()
        told = provider.settings(f"http://127.0.0.1:{port}")
        real.rules = replace(real.rules, single_sign_on=told)
        who = (provider.issuer, "subject-wu")
        real.ledger.entrance(real.rules).tie(SECOND, who, real.admin, real.clock.now)
        with serving(real.desk(), port) as url:
            context = browser.new_context(locale="en-GB")
            context.set_default_timeout(PATIENCE_MS)
            tab = context.new_page()
            tab.goto(url)
            tab.wait_for_selector("body[data-ready=true]")
            tab.click("#leave")
            at_the_provider(tab, "wu")
            break_it(tab)
            assert tab.locator("#glass-password").count() == 0
            tab.click("#glass-prove")
            at_the_provider(tab, "wu")
            break_it(tab)
            tab.fill("#glass-reason", WHY)
            tab.click("#glass-break")
            tab.click("#glass-open")
            tab.wait_for_selector("body[data-ready=true]")
            assert CASE in tab.inner_text("#title")
            context.close()


def test_an_administrator_begins_at_the_list_of_broken_glass(
    shut: DraftedDesk, browser: Any
) -> None:
    shut.real.person("boss", "administrator")
    with serving(shut.real.desk()) as url:
        context = browser.new_context(locale="en-GB")
        context.set_default_timeout(PATIENCE_MS)
        tab = context.new_page()
        tab.goto(url)
        tab.fill("#name", "boss")
        tab.fill("#password", PASSWORD)
        tab.click("#enter")
        tab.wait_for_url(f"{url}/glass/broken")
        tab.wait_for_selector("body[data-ready=true]")
        assert tab.locator("#none").is_visible()
        assert tab.locator("#to-list").is_hidden()
        context.close()


def test_an_operator_gives_out_a_case_that_the_operator_does_not_see(
    shut: DraftedDesk, browser: Any, shots: Path | None
) -> None:
    shut.real.person("op", "operator")
    with serving(shut.real.desk()) as url:
        tab = tab_of(browser, url, "op")
        tab.wait_for_selector("form.give")
        assert tab.locator("#cases a, button.break").count() == 0
        tab.fill("form.give input", "nobody")
        tab.click("form.give button")
        tab.wait_for_selector("form.give .notice:not([hidden])")
        shot(tab, shots, "give-en")
        tab.fill("form.give input", SECOND)
        with tab.expect_navigation():
            tab.click("form.give button")
        tab.wait_for_selector("form.give")
        assert SECOND in tab.inner_text("#cases")
        reader = tab_of(browser, url, SECOND)
        reader.click("#cases a")
        reader.wait_for_selector("body[data-ready=true]")
        assert CASE in reader.inner_text("#title")
