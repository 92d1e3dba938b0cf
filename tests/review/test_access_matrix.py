"""Every address for every role with a real session, and for none: from the table of addresses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import pytest

from pathology.ledger.permissions import MAY
from pathology.nightly.at_the_page import NightAtPage
from pathology.nightly.options import load_night_settings
from pathology.records.actor import Act
from pathology.review.route_table import ROUTES, Rule
from tests.oidc_provider import oidc_provider
from tests.review.case_desk import case_desk
from tests.review.painted_desk import CASE, SITE, PaintedDesk
from tests.review.real_desk import PERSONS, RealDesk, real_desk
from tests.review.test_access import address, body_of

LEAST: dict[str, set[str]] = {
    "GET /": {"technician", "pathologist", "operator", "auditor"},
    "GET /results": {"technician", "pathologist", "operator", "auditor"},
    "GET /slides/{slide_id}/{name}": {"technician", "pathologist"},
    "GET /results/{slide_id}/{name}": {"technician", "pathologist"},
    "GET /results/{slide_id}/{name}/layers": {"technician", "pathologist"},
    "GET /results/{slide_id}/{name}/view": {"technician", "pathologist"},
    "GET /results/{slide_id}/{name}/tiles/{level:int}/{column:int}/{row:int}": {
        "technician",
        "pathologist",
    },
    "GET /results/{slide_id}/{name}/maps/{map}": {"technician", "pathologist"},
    "GET /results/{slide_id}/{name}/regions": {"technician", "pathologist"},
    "GET /results/{slide_id}/{name}/points": {"technician", "pathologist"},
    "GET /results/{slide_id}/{name}/outlines": {"technician", "pathologist"},
    "GET /results/{slide_id}/{name}/nucleus": {"technician", "pathologist"},
    "POST /results/{slide_id}/{name}/count": {"pathologist"},
    "GET /results/{slide_id}/{name}/editing": {"pathologist"},
    "GET /results/{slide_id}/{name}/adopt": {"pathologist"},
    "POST /results/{slide_id}/{name}/inside": {"pathologist"},
    "POST /results/{slide_id}/{name}/foresee": {"pathologist"},
    "POST /results/{slide_id}/{name}/keep": {"pathologist"},
    "GET /cases/list": {"technician", "pathologist", "operator", "auditor"},
    "GET /cases/{case}": {"technician", "pathologist"},
    "GET /cases/{case}/told": {"technician", "pathologist"},
    "POST /cases/{case}/steps/{step}": {"pathologist"},
    "POST /cases/{case}/text": {"pathologist"},
    "POST /cases/{case}/renew": {"pathologist"},
    "POST /cases/{case}/prove": {"pathologist"},
    "POST /cases/{case}/sign": {"pathologist"},
    "GET /cases/{case}/reports/{number:int}.{form}": {"technician", "pathologist"},
    "POST /cases/{case}/team/{step}": {"pathologist", "operator"},
    "GET /cases/{case}/opinions": {"pathologist", "operator"},
    "POST /cases/{case}/opinions/ask": {"pathologist", "operator"},
    "POST /cases/{case}/opinions/take": {"pathologist", "operator"},
    "GET /cases/{case}/opinions/{bundle}": {"pathologist", "operator"},
    "GET /question": {"pathologist", "operator"},
    "GET /question/told": {"pathologist", "operator"},
    "POST /question/answer": {"pathologist", "operator"},
    "GET /night": {"technician", "pathologist", "operator", "auditor"},
    "GET /night/status": {"technician", "pathologist", "operator", "auditor"},
    "GET /night/plan": {"operator"},
    "GET /night/uploads": {"technician", "operator"},
    "POST /night/uploads": {"technician", "operator"},
    "POST /night/uploads/{upload}": {"technician", "operator"},
    "GET /night/slides": {"technician", "pathologist", "operator"},
    "POST /night/pick": {"technician", "pathologist", "operator"},
    "POST /night/again": {"technician", "pathologist", "operator"},
    "POST /glass": {"technician", "pathologist"},
    "GET /glass": {"auditor", "administrator"},
    "POST /glass/prove": {"technician", "pathologist"},
    "GET /glass/broken": {"auditor", "administrator"},
    "POST /sign-out": set(PERSONS),
    "GET /me": set(PERSONS),
}
"""Written a second time on purpose: an address that is added, or loosened, changes two places."""
ABSENT = {
    "GET /cases/{case}/reports/{number:int}.{form}",  # nothing was signed here,
    "GET /cases/{case}/opinions/{bundle}",  # and nothing sent
    "GET /question",  # another hospital's: see test_opinions_page
    "GET /question/told",
    "POST /question/answer",
    "POST /night/uploads/{upload}",  # none was announced: see test_uploads
}
FOR_ANYONE = {
    "GET /page/{file}",
    "GET /sign-in",
    "POST /sign-in",
    "POST /password",
    "GET /sign-in/ways",
    "POST /sign-in/outside",
    "GET /sign-in/back",
    "POST /sign-in/back",
}
PAGE = "http://127.0.0.1:8460"
SENT = {"content": b"", "headers": {"Content-Type": "application/octet-stream"}}
WHO = ("nobody", "forged", "signed out", *PERSONS)


def called(rule: Rule) -> str:
    return f"{rule.method} {rule.path}"


@pytest.fixture(scope="module")
def desk(painted_desk: PaintedDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDesk]:
    own = painted_desk.copied(tmp_path_factory.mktemp("own"))  # one address writes a result
    folder = tmp_path_factory.mktemp("ledger")
    with real_desk(own, folder) as opened, oidc_provider() as provider:
        opened.rules = replace(opened.rules, single_sign_on=provider.settings(PAGE))
        for role in PERSONS:
            opened.person(role, role)
        cases = case_desk(opened, own.results)
        night = NightAtPage(settings=load_night_settings(), ledger=opened.ledger)
        opened.more = {"cases": cases, "night": night}
        with opened.browser(opened.token("pathologist")) as browser:
            assert browser.get("/cases/list").json()["cases"], "looking puts the case on the desk"
        yield opened


@pytest.fixture(scope="module")
def tokens(desk: RealDesk) -> dict[str, str]:
    found = {role: desk.token(role) for role in PERSONS}
    out = desk.token("pathologist")
    desk.ledger.sessions(desk.rules).end(out, desk.visit())
    return {**found, "forged": "x" * 43, "signed out": out}


def test_every_address_stands_in_the_table() -> None:
    assert {called(r) for r in ROUTES} == LEAST.keys() | FOR_ANYONE
    assert {called(r) for r in ROUTES if r.act == "anyone"} == FOR_ANYONE
    for rule in ROUTES:
        if rule.act not in ("anyone", "signed-in"):
            assert rule.act in get_args(Act)
            may = {role for role in PERSONS if rule.act in MAY[role]}
            assert LEAST[called(rule)] == may, called(rule)


@pytest.mark.parametrize("who", WHO)
def test_each_role_gets_what_the_table_says(
    who: str, desk: RealDesk, tokens: dict[str, str]
) -> None:
    with desk.browser() as browser:
        browser.base_url, browser.headers["Origin"] = PAGE, PAGE
        for rule in ROUTES:
            if called(rule) == "POST /sign-out" and who in PERSONS:
                continue  # signs out: below
            browser.cookies.clear()
            if who in tokens:
                browser.cookies.set("session", tokens[who])
            answer = browser.request(
                rule.method,
                address(rule, desk.painted, desk.ledger.cases(SITE.deciding).name_of(CASE)),
                **(SENT if rule.file else {"json": body_of(rule)}),
                follow_redirects=False,
            )
            told = (answer.status_code, called(rule), who)
            if rule.act == "anyone":
                by_body = ("POST /sign-in", "POST /password", "POST /sign-in/back")
                assert answer.status_code == (400 if called(rule) in by_body else 200), told
            elif who not in PERSONS:
                wanted = 303 if rule.page else 401
                assert answer.status_code == wanted, told
            elif who in LEAST[called(rule)]:
                let_in = (404,) if called(rule) in ABSENT else (200, 400)  # 400: by the body
                assert answer.status_code in let_in, told
            else:
                assert answer.status_code in (403, 404), told


@pytest.mark.parametrize("who", PERSONS)
def test_everybody_may_leave(who: str, desk: RealDesk) -> None:
    with desk.browser(desk.token(who)) as browser:
        assert browser.post("/sign-out", json={}).status_code == 200
