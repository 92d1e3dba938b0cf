"""The desk's server is killed, its database stops, a browser is reloaded: no word is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.access import PASSWORD
from tests.ledgers import LedgerSite
from tests.postgres import PostgresServer, programs, quick_folder
from tests.review.case_desk import READER, drafted_desk
from tests.review.conftest import free_port, serving
from tests.review.painted_desk import PaintedDesk
from tests.review.test_case_page import PATIENCE_MS, kept, shot, tab_of, until
from tests.review.test_serve_command import listening

pytestmark = pytest.mark.slow


@dataclass(kw_only=True)
class Place:
    """Where a mortal desk finds its parts."""

    folder: Path
    painted: PaintedDesk
    case: str
    token: str
    port: int

    @contextmanager
    def server(self, when: str = "never", path: str = "") -> Iterator[subprocess.Popen[bytes]]:
        words = [self.folder / "ledger", self.painted.slide, self.painted.folder, self.port]
        command = [sys.executable, "-m", "tests.review.mortal_desk", *map(str, words), when, path]
        with subprocess.Popen(command, env=dict(os.environ)) as process:
            closing(listening(self.port)).__enter__().close()
            try:
                yield process
            finally:
                process.kill()
                process.wait(timeout=30)

    def client(self) -> httpx.Client:
        url = f"http://127.0.0.1:{self.port}"
        return httpx.Client(
            base_url=url, headers={"Origin": url}, cookies={"session": self.token}, timeout=60
        )


@pytest.fixture
def place(painted_desk: PaintedDesk, tmp_path: Path) -> Place:
    """A case that the reader has claimed; the ledger is closed again."""
    with drafted_desk(painted_desk, tmp_path) as drafted:
        real = drafted.real
        with real.browser(real.token(READER)) as browser:
            browser.get("/cases/list")
        token, painted, case = real.token(READER), real.painted, drafted.case
    found = Place(folder=tmp_path, painted=painted, case=case, token=token, port=free_port())
    with found.server(), found.client() as client:
        step(client, case, "claim")
    return found


def told_of(client: httpx.Client, case: str) -> Any:
    answer = client.get(f"/cases/{case}/told")
    assert answer.status_code == 200, answer.text
    return answer.json()


def asked(client: httpx.Client, case: str, number: str = "1", **more: Any) -> dict[str, Any]:
    version = told_of(client, case)["line"]["version"]
    return {"request_id": f"request-{number:>06}", "seen_version": version, **more}


def step(client: httpx.Client, case: str, name: str, **more: Any) -> None:
    number = str(time.monotonic_ns())
    answer = client.post(f"/cases/{case}/steps/{name}", json=asked(client, case, number, **more))
    assert answer.status_code == 200, answer.text


def findings(told: Any) -> list[dict[str, str]]:
    return [
        {"result_id": result["result_id"], "finding_id": finding["finding_id"]}
        for result in told["results"]
        for finding in result["findings"]
    ]


def decision(of: dict[str, str]) -> dict[str, Any]:
    return {"decision": {"of": of, "kind": "accept", "reason": "", "own": None}}


def make_ready(client: httpx.Client, case: str) -> None:
    told = told_of(client, case)
    for of in findings(told):
        step(client, case, "decide", **decision(of))
    for result in told["results"]:
        if result["tumour_region_source"] == "automatic":
            step(client, case, "confirm", result_id=result["result_id"])
        for overlay in result["overlays"]:
            step(client, case, "saw", result_id=result["result_id"], overlay=overlay)


def acts(place: Place) -> list[str]:
    with LedgerSite(folder=place.folder / "ledger").open() as ledger:
        assert ledger.audit.verify().faults == ()
        return [line.act for line in ledger.audit.lines()]


def killed(place: Place, when: str, path: str, body: dict[str, Any]) -> None:
    with place.server(when, path.rpartition("/")[2]) as process, place.client() as client:
        with pytest.raises(httpx.TransportError):
            pytest.fail(client.post(path, json=body).text)
        assert process.wait(timeout=30) == -signal.SIGKILL


@pytest.mark.parametrize("when", ["arrived", "answering"])
def test_a_decision_at_a_server_that_is_killed_is_asked_for_again_and_made_once(
    when: str, place: Place
) -> None:
    path = f"/cases/{place.case}/steps/decide"
    with place.server(), place.client() as client:
        first, *_ = findings(told_of(client, place.case))
        body = asked(client, place.case, **decision(first))
    killed(place, when, path, body)
    with place.server(), place.client() as client:
        told = told_of(client, place.case)
        made = 1 if when == "answering" else 0
        assert len(told["decided"]) == made, "what was confirmed is there, all of it"
        assert told["line"]["version"] == body["seen_version"] + made
        for _ in range(2):
            assert client.post(path, json=body).status_code == 200
        told = told_of(client, place.case)
        assert [d["decision"]["of"] for d in told["decided"]] == [first]
        assert told["line"]["version"] == body["seen_version"] + 1
    assert acts(place).count("case-decide") == 1


@pytest.mark.parametrize("when", ["arrived", "answering", "sealed"])
def test_a_signature_at_a_server_that_is_killed_is_one_with_its_files(
    when: str, place: Place
) -> None:
    path = f"/cases/{place.case}/sign"
    with place.server(), place.client() as client:
        make_ready(client, place.case)
        body = {
            **asked(client, place.case),
            "printed_name": "Lin Xia",
            "meaning": "approved",
            "password": PASSWORD,
        }
    killed(place, when, path, body)
    with place.server(), place.client() as client:
        signed = told_of(client, place.case)["signed"]
        assert len(signed) == (0 if when == "arrived" else 1)
        for _ in range(2):
            answer = client.post(path, json=body)
            assert answer.status_code == 200, answer.text
            assert answer.json()["problem"] == ""
        assert len(told_of(client, place.case)["signed"]) == 1
        page = client.get(f"/cases/{place.case}/reports/1.html")
        assert page.status_code == 200
        assert "Lin Xia" in page.text
    assert acts(place).count("case-sign") == 1


def test_in_a_browser_what_was_lost_on_its_way_is_asked_for_by_the_same_name(
    place: Place, browser: Any, shots: Path | None
) -> None:
    with place.server("answering", "decide") as process:
        tab = tab_of(browser, f"http://127.0.0.1:{place.port}", READER)
        tab.goto(f"http://127.0.0.1:{place.port}/cases/{place.case}")
        tab.wait_for_selector("body[data-ready=true]")
        row = tab.locator("tr[data-finding]").first
        row.locator("select").select_option("reject")
        row.locator("input[name=reason]").fill("a fold")
        row.locator("form.decision button").click()
        tab.wait_for_selector("#away")
        assert process.wait(timeout=30) == -signal.SIGKILL
        assert row.locator("input[name=reason]").input_value() == "a fold"
        shot(tab, shots, "case-away-en")
    with place.server():
        tab.wait_for_selector("#away", state="detached")
        assert row.locator("input[name=reason]").input_value() == "a fold", "words are kept"
        kept(tab, "tr[data-finding] form.decision button")
        assert tab.locator(".decided").count() == 1
    assert acts(place).count("case-decide") == 1


@dataclass(kw_only=True)
class OnServer:
    url: str
    server: PostgresServer
    case: str
    address: str  # of the slide's page


@pytest.fixture
def on_server(painted_desk: PaintedDesk, tmp_path: Path) -> Iterator[OnServer]:
    """A desk over a PostgreSQL server of its own, which a test may stop."""
    where = programs()
    if where is None:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    with quick_folder() as folder:
        server = PostgresServer(where, folder)
        try:
            url = server.url(server.new_database())
            site = LedgerSite(folder=tmp_path / "ledger", url=url, passfile=str(server.passfile))
            with (
                drafted_desk(painted_desk, tmp_path, site=site) as drafted,
                serving(drafted.desk) as at,
            ):
                address = drafted.real.painted.address.replace("/results/", "/slides/")
                yield OnServer(url=at, server=server, case=drafted.case, address=address)
        finally:
            server.stop("immediate")


def test_a_database_that_stops_while_somebody_writes_takes_no_word_with_it(
    on_server: OnServer, browser: Any, shots: Path | None
) -> None:
    tab = tab_of(browser, on_server.url, READER)
    tab.goto(f"{on_server.url}/cases/{on_server.case}")
    tab.wait_for_selector("body[data-ready=true]")
    kept(tab, "#claim")
    words = "The biopsy shows a carcinoma."
    area = tab.locator("[data-section] textarea[lang=en]").first
    area.fill(words)
    on_server.server.stop("immediate")
    tab.click("#text button[type=submit]")
    tab.wait_for_selector("#away")
    assert "archive cannot be reached" in tab.inner_text("#away")
    assert "archive" in tab.inner_text("#refusal")
    assert area.input_value() == words
    shot(tab, shots, "database-away-en")
    tab.click("#language")
    until(tab, "document.documentElement.lang === 'zh-Hans'")
    assert area.input_value() == words, "another language takes no word either"
    tab.click("#language")
    other = tab.context.new_page()
    other.set_default_timeout(PATIENCE_MS)
    answer = other.goto(f"{on_server.url}/cases/{on_server.case}")
    assert answer.status == 503
    other.wait_for_selector("#away")
    assert "archive cannot be reached" in other.inner_text("#away"), "a page, no raw answer"
    shot(other, shots, "page-away-en")
    on_server.server.start()
    tab.wait_for_selector("#away", state="detached")
    other.wait_for_selector("#findings-title")
    assert area.input_value() == words
    kept(tab, "#text button[type=submit]")
    until(tab, "document.querySelectorAll('#versions li').length >= 2")
    assert words in tab.inner_text("#versions") or words == area.input_value()
    tab.context.close()


FORGET_TILES = """() => {
  const {scan} = window.pathologyDesk;
  scan.viewer.world.getItemAt(0).reset();
  scan.again();
}"""


def test_a_slide_comes_back_with_the_database(on_server: OnServer, browser: Any) -> None:
    tab = tab_of(browser, on_server.url, READER)
    tab.goto(on_server.url + on_server.address)
    tab.wait_for_selector("body[data-ready=true]")
    on_server.server.stop("immediate")
    tab.keyboard.press("5")
    tab.evaluate("() => { const {scan} = window.pathologyDesk; scan.magnify(40); scan.again(); }")
    tab.wait_for_selector("#away")
    on_server.server.start()
    tab.wait_for_selector("#away", state="detached")
    until(tab, "window.pathologyDesk.scan.settled()")
    network = tab.context.new_cdp_session(tab)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    with tab.expect_response(lambda r: "/tiles/" in r.url and r.status == 200, timeout=30_000):
        tab.evaluate(FORGET_TILES)  # a small slide may have all of them since it was opened
    until(tab, "window.pathologyDesk.scan.settled()")


def test_a_reload_asks_before_words_are_lost(
    painted_desk: PaintedDesk, tmp_path: Path, browser: Any
) -> None:
    with drafted_desk(painted_desk, tmp_path) as drafted, serving(drafted.desk) as url:
        tab = tab_of(browser, url, READER)
        tab.goto(f"{url}/cases/{drafted.case}")
        tab.wait_for_selector("body[data-ready=true]")
        asked_for: list[str] = []

        def stay(dialog: Any) -> None:
            asked_for.append(dialog.type)
            dialog.dismiss()

        tab.on("dialog", stay)
        kept(tab, "#claim")
        tab.evaluate("() => setTimeout(() => location.reload(), 0)")
        tab.wait_for_event("load")
        assert asked_for == [], "nothing was typed, nothing is asked"
        tab.wait_for_selector("body[data-ready=true]")
        for number, (place, words) in enumerate(
            [("tr[data-finding] input[name=reason]", "a fold"), ("#text textarea", "Other words.")]
        ):
            if number == 0:
                tab.locator("tr[data-finding] select").first.select_option("reject")
            field = tab.locator(place).first
            field.fill(words)
            tab.evaluate("() => setTimeout(() => location.reload(), 0)")
            for _ in range(200):
                if len(asked_for) > number:
                    break
                tab.wait_for_timeout(50)
            assert asked_for == ["beforeunload"] * (number + 1), place
            assert field.input_value() == words
        tab.remove_listener("dialog", stay)
        tab.on("dialog", lambda dialog: dialog.accept())
        tab.context.close()
