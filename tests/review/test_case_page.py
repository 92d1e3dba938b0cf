"""A case from the worklist to a signature and an amendment, by a person in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pathology.records.signed_report import content_sha256
from tests.access import PASSWORD
from tests.review.case_desk import READER, SECOND, DraftedDesk, drafted_desk
from tests.review.conftest import serving
from tests.review.painted_desk import CASE, PaintedDesk

PATIENCE_MS = 120_000


@pytest.fixture
def drafted(painted_desk: PaintedDesk, tmp_path: Path) -> Iterator[DraftedDesk]:
    with drafted_desk(painted_desk, tmp_path) as opened:
        yield opened


def tab_of(browser: Any, url: str, name: str) -> Any:
    """A tab of a person who has signed in by the page."""
    tab = browser.new_context(locale="en-GB", viewport={"width": 1366, "height": 768}).new_page()
    tab.set_default_timeout(PATIENCE_MS)
    tab.goto(url)
    tab.fill("#name", name)
    tab.fill("#password", PASSWORD)
    tab.click("button[type=submit]")
    tab.wait_for_url(f"{url}/")
    tab.wait_for_selector("body[data-ready=true]")
    return tab


def until(tab: Any, condition: str, given: Any = None) -> None:
    """Wait for a state of the page; its policy lets nothing be evaluated from text in it."""
    pause = "await new Promise((r) => setTimeout(r, 20));"
    tab.evaluate(f"async (given) => {{ while (!({condition})) {pause} }}", given)


def kept(tab: Any, act: str, *, by: str = "click") -> None:
    """Do something that is one change, and wait for its answer."""
    with tab.expect_response(lambda r: r.request.method == "POST") as answer:
        tab.locator(act).first.click()
    assert answer.value.status == 200, answer.value.text()
    until(tab, "document.querySelector('#done').textContent !== ''")


def shot(tab: Any, shots: Path | None, name: str) -> None:
    if shots is not None:
        tab.screenshot(path=str(shots / f"{name}.png"), full_page=True)


def decide_everything(tab: Any) -> None:
    for index in range(tab.locator("form.decision").count()):
        row = tab.locator("tr[data-finding]").nth(index)
        with tab.expect_response(lambda r: "/steps/decide" in r.url):
            row.locator("form.decision button").click()
        until(tab, "document.querySelectorAll('.decided').length >= given", index + 1)


def open_overlays(tab: Any) -> None:
    """Every layer of the result once, on its slide."""
    tab.locator("article h3 a").first.click()
    tab.wait_for_selector("#tab-layers")
    until(tab, "window.pathologyDesk !== undefined")
    tab.click("#tab-layers")
    for box in tab.locator("#layers input[type=checkbox]").all():
        if not box.is_checked():
            box.evaluate("(e) => e.click()")
    for name in tab.evaluate("() => window.pathologyDesk.layers.names"):
        tab.evaluate("(name) => window.pathologyDesk.layers.toggle(name, true)", name)
    tab.locator("#to-case").click()
    tab.wait_for_selector("body[data-ready=true]")


def test_a_case_is_signed_and_amended(
    drafted: DraftedDesk, browser: Any, shots: Path | None
) -> None:
    with serving(drafted.desk) as url:
        tab = tab_of(browser, url, READER)
        tab.wait_for_selector("#cases a")
        shot(tab, shots, "worklist-en")
        tab.click("#cases a")
        tab.wait_for_selector("body[data-ready=true]")
        kept(tab, "#claim")
        assert tab.locator("#sign").is_hidden(), "nothing is signed unseen and undecided"
        decide_everything(tab)
        if tab.locator("button.confirm").count():
            kept(tab, "button.confirm")
        open_overlays(tab)
        until(tab, "document.querySelector('#unready').children.length === 0")
        shot(tab, shots, "case-ready-en")
        tab.click("#language")
        until(tab, "document.documentElement.lang === 'zh-Hans'")
        shot(tab, shots, "case-ready-zh")
        tab.click("#language")
        tab.fill("#printed", "Lin Xia")
        tab.fill("#password", "not the password at all")
        tab.click("#sign-now")
        tab.wait_for_selector("#refusal:not([hidden])")
        assert "password" in tab.inner_text("#refusal")
        tab.fill("#password", PASSWORD)
        kept(tab, "#sign-now")
        tab.wait_for_selector("#signed li")
        assert "signed" in tab.inner_text("#whose")
        assert tab.locator("#banner").is_hidden()
        shot(tab, shots, "case-signed-en")
        tab.fill("#why", "the side was wrong in the request")
        kept(tab, "#reopen")
        assert "in review" in tab.inner_text("#whose")
        assert tab.locator("#drop").is_visible()
    (document,) = [
        told
        for path in (drafted.out / "cases" / CASE).glob("report-v*.json")
        if (told := json.loads(path.read_text("utf-8"))).get("physician_verified")
    ]
    assert document["signature"]["printed_name"] == "Lin Xia"
    assert document["content_sha256"] == content_sha256(document)
    acts = drafted.real.acts()
    assert {"prove-failed", "prove"} <= set(acts)
    assert drafted.real.ledger.audit.verify().faults == ()


def test_a_second_person_is_told_and_an_override_needs_a_second_reader(
    drafted: DraftedDesk, browser: Any, shots: Path | None
) -> None:
    with serving(drafted.desk) as url:
        first, second = tab_of(browser, url, READER), tab_of(browser, url, SECOND)
        for tab in (first, second):
            tab.goto(f"{url}/cases/{drafted.case}")
            tab.wait_for_selector("body[data-ready=true]")
        kept(first, "#claim")
        second.click("#claim")
        second.wait_for_selector("#refusal:not([hidden])")
        assert READER in second.inner_text("#refusal")
        row = first.locator("tr[data-finding]").first
        row.locator("select").select_option("override")
        row.locator("input[name=own]").fill("90")
        row.locator("input[name=reason]").fill("counted <b>again</b>")
        kept(first, "tr[data-finding] form.decision button")
        assert first.locator(".decided b").count() == 0, "words never become markup"
        assert first.locator("#differences p").count() == 1
        shot(first, shots, "case-override-en")
        assert "second reader" in first.inner_text("#unready")


def test_who_reads_first_sees_nothing_of_the_ai_before(
    painted_desk: PaintedDesk, tmp_path: Path, browser: Any, shots: Path | None
) -> None:
    with drafted_desk(painted_desk, tmp_path, "always") as blind, serving(blind.desk) as url:
        tab = tab_of(browser, url, READER)
        tab.goto(f"{url}/cases/{blind.case}")
        tab.wait_for_selector("body[data-ready=true]")
        kept(tab, "#claim")
        told = tab.evaluate("() => fetch(location.pathname + '/told').then((r) => r.json())")
        value = blind.cases.ledger.case(blind.case).results[0].findings[0].value
        assert value is not None
        assert told["text"] is None
        assert [f["value"] for f in told["results"][0]["findings"]] == [None] * 5
        assert f"{100 * value:.1f}" not in tab.inner_text("main")
        address = told["results"][0]["address"].replace("/slides/", "/results/")
        for part in ("layers", "points", "maps/tissue_class"):
            status = tab.evaluate(
                "(path) => fetch(path).then((r) => r.status)", f"{address}/{part}"
            )
            assert status == 403, part
        result = tab.evaluate("(path) => fetch(path).then((r) => r.json())", address)
        assert not any("value" in finding for finding in result["findings"])
        shot(tab, shots, "case-blind-en")
        while tab.locator("form.reading").count():
            before = tab.locator("form.reading").count()
            tab.locator("form.reading input").first.fill(f"{100 * value:.0f}")
            kept(tab, "form.reading button")
            until(tab, "document.querySelectorAll('form.reading').length < given", before)
        assert f"{100 * value:.1f}" in tab.inner_text("main")
        assert tab.locator("#blind").is_hidden()
        status = tab.evaluate("(path) => fetch(path).then((r) => r.status)", f"{address}/layers")
        assert status == 200
