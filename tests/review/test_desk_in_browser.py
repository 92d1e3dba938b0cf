"""A person at the desk, in a real browser: first password, worklist, decisions, signature, out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pathology.review.serve import Address, server_of
from tests.access import PASSWORD
from tests.cases_on_desk import rules
from tests.review.conftest import free_port
from tests.review.painted_desk import CASE, PaintedDesk
from tests.review.real_desk import RealDesk, real_desk

PATIENCE_MS = 120_000
READY = "body[data-ready]"  # never a script: the page's policy lets no test evaluate one later


@dataclass
class Served:
    desk: RealDesk
    url: str
    first: str  # the reader's one-time password


@pytest.fixture(scope="module")
def served(painted_desk: PaintedDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with real_desk(painted_desk, tmp_path_factory.mktemp("ledger")) as desk:
        desk.deciding = rules(blind_first="off")
        desk.person("reader", "pathologist")
        first = desk.ledger.entrance(desk.rules).one_time("reader", desk.admin, desk.clock.now)
        port = free_port()
        server = server_of(desk.desk(), Address(host="127.0.0.1", port=port))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.02)
        assert server.started
        yield Served(desk=desk, url=f"http://127.0.0.1:{port}", first=first)
        server.should_exit = True
        thread.join(timeout=30)


@pytest.fixture
def page(browser: Any, served: Served) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-GB")
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    problems: list[str] = []
    opened.on("pageerror", lambda problem: problems.append(str(problem)))
    opened.on(
        "console",
        lambda said: (
            problems.append(said.text)
            if "Content Security" in said.text or "TrustedHTML" in said.text
            else None
        ),
    )
    yield opened
    context.close()
    assert problems == []


def shot(page: Any, shots: Path | None, name: str) -> None:
    if shots is not None:
        page.screenshot(path=shots / f"{name}.png", full_page=True)


def acted(page: Any, what: str, place: str = "body") -> None:
    """Press a button, and wait until the case was told anew."""
    with page.expect_response(lambda r: r.request.method == "GET" and "/cases/" in r.url):
        page.locator(f"{place} button[data-act='{what}']").first.click()


def test_from_the_first_password_to_the_signature(
    page: Any, served: Served, shots: Path | None
) -> None:
    page.goto(served.url)
    page.wait_for_url("**/sign-in")
    page.wait_for_selector(READY)
    page.fill("#name", "reader")
    page.fill("#password", "not the password")
    page.keyboard.press("Enter")
    page.wait_for_selector("#told:not([hidden])")
    shot(page, shots, "sign-in-refused")
    assert "wrong" in page.inner_text("#told")
    page.fill("#password", served.first)
    page.keyboard.press("Enter")
    page.wait_for_selector("#new:visible")
    page.fill("#new", PASSWORD)
    page.fill("#again", PASSWORD)
    shot(page, shots, "sign-in-change")
    page.keyboard.press("Enter")
    page.wait_for_selector("#rows tr")
    assert page.inner_text("#account") == "reader"
    cookies = {c["name"]: c for c in page.context.cookies()}
    assert cookies["session"]["httpOnly"]
    assert cookies["session"]["sameSite"] == "Strict"
    assert page.evaluate("document.cookie") == ""

    page.locator("button[data-act='put']").click()
    page.wait_for_url("**/desk/*")
    case = page.url.rpartition("/")[2]
    assert case == known_case(served)
    page.goto(f"{served.url}/worklist")
    page.wait_for_selector(READY)
    row = page.locator(f"tr[data-case='{case}']")
    assert "AI draft" in row.inner_text()
    row.locator("button[data-act='claim']").click()
    row.locator("button[data-act='release']").wait_for()
    assert "in review" in row.inner_text()
    shot(page, shots, "worklist-en")
    page.click("#language")
    page.locator("h1", has_text="工作列表").wait_for()
    shot(page, shots, "worklist-zh")
    page.click("#language")

    page.goto(f"{served.url}/desk/{case}")
    page.wait_for_selector(READY)
    assert page.locator("#unready li").count() > 0
    shot(page, shots, "case-begun")
    with page.expect_response(lambda r: "/saw" in r.url and r.ok):
        page.goto(f"{served.url}/slides/{served.desk.painted.address.removeprefix('/results/')}")
    for box in page.locator("#layers input[type=checkbox]").all():
        box.evaluate("box => { if (!box.checked) box.click(); }")
    wait_until_seen(served, case)

    page.goto(f"{served.url}/desk/{case}")
    page.wait_for_selector(READY)
    assert "All overlays were opened" in page.inner_text("#results")
    if page.locator("button[data-act='confirm']").count():
        acted(page, "confirm")
    rows = page.locator("#results tr[data-finding]")
    names = [rows.nth(i).get_attribute("data-finding") for i in range(rows.count())]
    for name in names:
        acted(page, "accept", f"tr[data-finding='{name}']")
        page.locator(f"tr[data-finding='{name}']", has_text="accepted").wait_for()
    shot(page, shots, "case-decided")
    left = page.locator("#unready li")
    codes = [left.nth(i).get_attribute("data-code") for i in range(left.count())]
    assert codes in ([], ["no-text"]), codes


HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"


def test_what_persons_write_is_text_and_nothing_else(page: Any, served: Served) -> None:
    served.desk.person("writer", "pathologist")
    token = served.desk.token("writer")
    cookie = {"name": "session", "value": token, "url": served.url}
    page.context.add_cookies([cookie])
    with served.desk.browser(token) as requests:
        body = {"case_id": CASE, "request_id": "put-by-writer", "seen_version": 0}
        case = requests.post("/cases", json=body).json().get("case") or known_case(served)
        told = requests.get(f"/cases/{case}").json()
        if told["line"]["assignee"] not in (None, "writer"):
            change(requests, case, "assign", to="writer")
        elif told["line"]["assignee"] is None:
            change(requests, case, "claim")
        result = told["results"][0]
        of = {
            "result_id": result["result_id"],
            "finding_id": result["findings"][0]["finding_id"],
        }
        own = {"value": 21.0, "unit": "%"}
        decision = {"of": of, "kind": "override", "reason": HOSTILE, "own": own}
        change(requests, case, "decide", decision=decision)
    page.goto(f"{served.url}/desk/{case}")
    page.wait_for_selector(READY)
    assert "<script>" in page.inner_text("#results")
    assert page.locator("img").count() == 0
    assert page.title() != "taken"


def known_case(served: Served) -> str:
    return served.desk.ledger.cases(served.desk.deciding).name_of(CASE)


def change(requests: Any, case: str, what: str, **body: Any) -> None:
    seen = requests.get(f"/cases/{case}").json()["line"]["version"]
    sent = {"request_id": f"{what}-{seen}-hostile", "seen_version": seen, **body}
    answer = requests.post(f"/cases/{case}/{what}", json=sent)
    assert answer.status_code == 200, answer.text


def wait_until_seen(served: Served, case: str) -> None:
    book = served.desk.ledger.cases(served.desk.deciding)
    for _ in range(1200):
        found = book.case(case)
        (result,) = found.results
        if {s[2] for s in found.seen} == set(result.overlays):
            return
        time.sleep(0.1)
    raise AssertionError("the page did not tell what was opened")


def test_signed_out_means_out(page: Any, served: Served) -> None:
    served.desk.person("leaver", "pathologist")
    page.goto(served.url)
    page.wait_for_selector(READY)
    page.fill("#name", "leaver")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("#rows tr")
    page.click("#sign-out")
    page.wait_for_url("**/sign-in")
    page.goto(served.url)
    page.wait_for_url("**/sign-in")
    assert page.context.cookies() == []
