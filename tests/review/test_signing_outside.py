"""Signatures of persons who came by the single sign-on: the provider asks again, just then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from pathology.review.app import review_app
from tests.access import PASSWORD
from tests.oidc_provider import OidcProvider, oidc_provider
from tests.review.case_desk import READER, SECOND, DraftedDesk, drafted_desk
from tests.review.conftest import free_port, serving
from tests.review.painted_desk import PaintedDesk
from tests.review.test_case_page import PATIENCE_MS, decide_everything, kept, open_overlays, until


@dataclass(kw_only=True)
class Clinic:
    """A desk with a case, and a provider at which two of its persons are known."""

    drafted: DraftedDesk
    provider: OidcProvider
    port: int

    @property
    def page(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def case(self) -> str:
        return f"/cases/{self.drafted.case}"

    def browser(self) -> TestClient:
        app = review_app(self.drafted.real.desk())
        return TestClient(app, base_url=self.page, headers={"Origin": self.page})

    def enter(self, browser: TestClient, who: str = "lin") -> None:
        url = browser.post("/sign-in/outside", json={}).json()["url"]
        answer = browser.post("/sign-in/back", json=self.provider.come_back(url, who))
        assert answer.status_code == 200

    def sign(self, browser: TestClient, password: str = "") -> tuple[int, str]:
        asked = {
            "request_id": "request-000001",
            "seen_version": 1,
            "printed_name": "Lin Xia",
            "meaning": "approved",
            "password": password,
        }
        answer = browser.post(f"{self.case}/sign", json=asked)
        return answer.status_code, answer.json()["code"]


@pytest.fixture
def clinic(painted_desk: PaintedDesk, tmp_path: Path) -> Iterator[Clinic]:
    with drafted_desk(painted_desk, tmp_path) as drafted, oidc_provider() as provider:
        found = Clinic(drafted=drafted, provider=provider, port=free_port())
        real = drafted.real
        told = provider.settings(found.page, every_time=False)
        real.rules = replace(real.rules, single_sign_on=told)
        entrance = real.ledger.entrance(real.rules)
        for name, subject in ((READER, "subject-lin"), (SECOND, "subject-wu")):
            entrance.tie(name, (provider.issuer, subject), real.admin, real.clock.now)
        yield found


NOT_READY = (409, "case-refused")
"""The proof was good; the case is not ready to be signed."""
NOT_PROVED = (403, "not-proved")


def proved(clinic: Clinic, browser: TestClient, who: str = "lin") -> Any:
    url = browser.post(f"{clinic.case}/prove", json={}).json()["url"]
    return browser.post("/sign-in/back", json=clinic.provider.come_back(url, who))


def test_the_provider_asks_again_and_its_proof_is_good_for_one_try(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.enter(browser)
        browser.get("/cases/list")
        assert clinic.sign(browser) == NOT_PROVED, "having signed in is no proof"
        url = browser.post(f"{clinic.case}/prove", json={}).json()["url"]
        asked = parse_qs(urlsplit(url).query)
        assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
        answer = browser.post("/sign-in/back", json=clinic.provider.come_back(url))
        assert answer.json() == {"back": clinic.case, "proved": True}
        assert all(c.startswith("attempt=") for c in answer.headers.get_list("set-cookie"))
        assert clinic.sign(browser) == NOT_READY
        assert clinic.sign(browser) == NOT_PROVED, "it was used"


def test_a_password_proves_nothing_where_the_provider_vouched(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.enter(browser)
        browser.get("/cases/list")
        assert clinic.sign(browser, PASSWORD) == NOT_PROVED


def test_who_came_by_password_proves_it_by_the_password(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        browser.post("/sign-in", json={"name": READER, "password": PASSWORD})
        browser.get("/cases/list")
        answer = browser.post(f"{clinic.case}/prove", json={})
        assert (answer.status_code, answer.json()["code"]) == (400, "entry.by-password")
        assert clinic.sign(browser, PASSWORD) == NOT_READY


@pytest.mark.parametrize("who", ["wu", "stranger"])
def test_another_person_at_the_desk_proves_nothing(who: str, clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.enter(browser)
        browser.get("/cases/list")
        answer = proved(clinic, browser, who)
        assert (answer.status_code, answer.json()["code"]) == (401, "entry.outside")
        assert clinic.sign(browser) == NOT_PROVED
        assert browser.get("/me").json()["account"] == READER, "the session is what it was"
    assert "prove-failed" in clinic.drafted.real.acts()


@pytest.mark.parametrize("spoiled", ["absent", "old"])
def test_a_provider_that_did_not_ask_proves_nothing(spoiled: str, clinic: Clinic) -> None:
    """One that ignores max_age, as some do: the person may be gone since the morning."""
    with clinic.browser() as browser:
        clinic.enter(browser)
        browser.get("/cases/list")

        def alter(claims: dict[str, Any]) -> None:
            asked = claims.pop("auth_time")
            if spoiled == "old":
                claims["auth_time"] = asked - 3600

        clinic.provider.alter = alter
        assert proved(clinic, browser).status_code == 401
        assert clinic.sign(browser) == NOT_PROVED


def test_a_proof_is_its_sessions_alone(clinic: Clinic) -> None:
    with clinic.browser() as first, clinic.browser() as second:
        clinic.enter(first)
        clinic.enter(second)
        first.get("/cases/list")
        url = first.post(f"{clinic.case}/prove", json={}).json()["url"]
        brought = clinic.provider.come_back(url)
        first.cookies.delete("session")
        first.cookies.set("session", second.cookies["session"])
        assert first.post("/sign-in/back", json=brought).status_code == 401
        assert clinic.sign(second) == NOT_PROVED


def test_after_signing_out_nothing_is_proved(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.enter(browser)
        browser.get("/cases/list")
        url = browser.post(f"{clinic.case}/prove", json={}).json()["url"]
        brought, kept_token = clinic.provider.come_back(url), browser.cookies["session"]
        browser.post("/sign-out", json={})
        browser.cookies.set("session", kept_token)
        assert browser.post("/sign-in/back", json=brought).status_code == 401


def at_the_provider(tab: Any, who: str) -> None:
    tab.wait_for_selector("#who")
    assert tab.url.startswith("http://localhost:")
    tab.fill("#who", who)
    tab.click("button")


def test_in_a_browser_from_the_provider_to_a_signature(
    clinic: Clinic, browser: Any, shots: Path | None
) -> None:
    problems: list[str] = []
    with serving(clinic.drafted.real.desk(), clinic.port) as url:
        context = browser.new_context(locale="en-GB", viewport={"width": 1366, "height": 768})
        context.set_default_timeout(PATIENCE_MS)
        tab = context.new_page()
        tab.on("pageerror", lambda problem: problems.append(str(problem)))
        tab.goto(url)
        tab.wait_for_selector("body[data-ready=true]")
        shoot(tab, shots, "sign-in-outside-en")
        tab.click("#leave")
        at_the_provider(tab, "lin")
        tab.wait_for_url(f"{url}/")
        tab.wait_for_selector("body[data-ready=true]")
        assert tab.inner_text("#account") == READER
        tab.wait_for_selector("#cases a")
        tab.click("#cases a")
        tab.wait_for_selector("body[data-ready=true]")
        kept(tab, "#claim")
        decide_everything(tab)
        if tab.locator("button.confirm").count():
            kept(tab, "button.confirm")
        open_overlays(tab)
        until(tab, "document.querySelector('#unready').children.length === 0")
        assert tab.locator("#password").is_hidden()
        assert tab.locator("#sign-now").is_disabled()
        tab.fill("#printed", "Lin Xia")
        tab.click("#prove")
        tab.wait_for_selector("#who")
        assert "login" in tab.inner_text("form"), "the clinic's page is told to ask"
        at_the_provider(tab, "lin")
        tab.wait_for_selector("#proved:not([hidden])")
        assert "code=" not in tab.url
        assert tab.input_value("#printed") == "Lin Xia"
        shoot(tab, shots, "case-proved-en")
        kept(tab, "#sign-now")
        tab.wait_for_selector("#signed li")
        context.close()
    assert problems == []
    case = clinic.drafted.cases.ledger.case(clinic.drafted.case)
    content = clinic.drafted.cases.ledger.report(clinic.drafted.case, 1)
    assert case.signed[-1].signer == READER
    assert content.signature.method == "oidc", "the signature says how it was proved"


def test_in_a_browser_a_stranger_gets_one_plain_message(
    clinic: Clinic, browser: Any, shots: Path | None
) -> None:
    with serving(clinic.drafted.real.desk(), clinic.port) as url:
        context = browser.new_context(locale="zh-CN", viewport={"width": 1366, "height": 768})
        context.set_default_timeout(PATIENCE_MS)
        tab = context.new_page()
        tab.goto(f"{url}/sign-in")
        tab.wait_for_selector("body[data-ready=true]")
        tab.click("#leave")
        at_the_provider(tab, "stranger")
        tab.wait_for_selector("body[data-ready=true]")
        assert "单点登录未能让您进入" in tab.inner_text("#told")
        assert tab.url == f"{url}/sign-in/back", "neither code nor state stay in the address"
        shoot(tab, shots, "sign-in-turned-away-zh")
        tab.click("#again")
        tab.wait_for_url(f"{url}/sign-in")
        context.close()


@pytest.mark.parametrize("elsewhere", [False, True])
def test_in_a_browser_a_link_survives_the_way_to_the_provider(
    clinic: Clinic, browser: Any, elsewhere: bool
) -> None:
    case = f"/cases/{clinic.drafted.case}"
    with serving(clinic.drafted.real.desk(), clinic.port) as url:
        context = browser.new_context(locale="en-GB")
        context.set_default_timeout(PATIENCE_MS)
        tab = context.new_page()
        tab.goto(f"{url}/sign-in?to=//elsewhere.example{case}" if elsewhere else f"{url}{case}")
        tab.wait_for_selector("body[data-ready=true]")
        assert "/sign-in?to=" in tab.url
        tab.click("#leave")
        at_the_provider(tab, "lin")
        tab.wait_for_url(f"{url}/" if elsewhere else f"{url}{case}")
        context.close()


def shoot(tab: Any, shots: Path | None, name: str) -> None:
    if shots is not None:
        tab.screenshot(path=str(shots / f"{name}.png"), full_page=True)
