"""The door of the page: cookies, fixation, time, pace, views in the chain, broken glass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pathology.errors import LedgerAway
from pathology.review.headers import HEADERS
from pathology.review.lodge import Lodge
from tests.access import OTHER, PASSWORD
from tests.review.case_desk import READER, SECOND, drafted_desk
from tests.review.painted_desk import PaintedDesk
from tests.review.real_desk import RealDesk, real_desk


@pytest.fixture
def desk(painted_desk: PaintedDesk, tmp_path: Path) -> Iterator[RealDesk]:
    with real_desk(painted_desk, tmp_path) as opened:
        opened.person("reader", "pathologist")
        yield opened


JSON = {"Content-Type": "application/json"}


def entry(name: str = "reader", password: str = PASSWORD) -> dict[str, str]:
    return {"name": name, "password": password}


def test_the_way_in_and_out(desk: RealDesk) -> None:
    with desk.browser() as browser:
        assert browser.get("/", follow_redirects=False).headers["location"] == "/sign-in"
        assert "<form" in browser.get("/sign-in").text
        answer = browser.post("/sign-in", json=entry())
        assert answer.json() == {"account": "reader"}
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Path=/" in cookie
        assert "Max-Age" not in cookie
        told = browser.get("/me").json()
        assert (told["account"], told["roles"]) == ("reader", ["pathologist"])
        assert "sign-report" in told["acts"]
        assert len(browser.get("/results").json()["results"]) == 1
        kept = browser.cookies["session"]
        out = browser.post("/sign-out", json={})
        assert out.status_code == 200
        assert "cache" in out.headers["clear-site-data"]
        browser.cookies.set("session", kept)
        assert browser.get("/results").status_code == 401


def test_under_tls_the_cookie_belongs_to_this_host(desk: RealDesk) -> None:
    with desk.browser() as browser:
        browser.base_url = "https://testserver"
        origin = {"Origin": "https://testserver"}
        cookie = browser.post("/sign-in", json=entry(), headers=origin).headers["set-cookie"]
        assert cookie.startswith("__Host-session=")
        assert "Secure" in cookie
        assert "Domain" not in cookie
        browser.cookies.clear()
        browser.cookies.set("session", desk.token("reader"))  # one for plain HTTP counts nothing
        assert browser.get("/results").status_code == 401


def test_a_session_that_somebody_planted_is_not_gone_on_with(desk: RealDesk) -> None:
    planted = desk.token("reader")
    with desk.browser(planted) as browser:
        answer = browser.post("/sign-in", json=entry())
        fresh = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
        assert fresh != planted
        browser.cookies.clear()
        browser.cookies.set("session", planted)
        assert browser.get("/results").status_code == 401
        browser.cookies.set("session", "x" * 43)
        browser.post("/sign-in", json=entry())
    assert desk.acts().count("sign-out") == 1


def test_all_that_fails_is_answered_alike(desk: RealDesk) -> None:
    desk.person("gone", "pathologist")
    desk.ledger.accounts.close("gone", desk.admin, desk.clock.now, "left")
    with desk.browser() as browser:
        answers = [
            browser.post("/sign-in", json=entry(name, "wrong"))
            for name in ("reader", "nobody", "gone", "chief", "", "' OR 1=1 --", "<b>", "读者")
        ]
        lone = b'{"name": "\\ud800", "password": "\\udfff"}'  # half a character, as JSON may say
        answers.append(browser.post("/sign-in", content=lone, headers=JSON))
        answers += [browser.post("/sign-in", json=entry("reader", "wrong")) for _ in range(9)]
        answers.append(browser.post("/sign-in", json=entry()))  # right, and shut
    assert {(a.status_code, a.content) for a in answers} == {(401, answers[0].content)}
    assert not any("set-cookie" in a.headers for a in answers)
    for answer in answers:
        assert {k: answer.headers[k] for k in HEADERS} == dict(HEADERS)


def test_a_one_time_password_leads_to_its_change_only(desk: RealDesk) -> None:
    first = desk.ledger.entrance(desk.rules).one_time("reader", desk.admin, desk.clock.now)
    with desk.browser() as browser:
        answer = browser.post("/sign-in", json=entry(password=first))
        assert (answer.status_code, answer.json()["code"]) == (409, "entry.must-change")
        assert "set-cookie" not in answer.headers
        weak = browser.post("/password", json={**entry(password=first), "new": "short"})
        assert (weak.status_code, weak.json()["code"]) == (422, "entry.too-short")
        done = browser.post("/password", json={**entry(password=first), "new": OTHER})
        assert done.status_code == 200
        assert browser.get("/me").json()["account"] == "reader"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"name": "reader"}', b'{"name": 1, "password": 2}', b"[" * 9000,
     b'{"name": "reader", "password": "x", "admin": "yes"}',
     b'{"name": "' + b"a" * 2000 + b'", "password": "x"}', b"\xff\xfe"],
)  # fmt: skip
def test_a_strange_body_is_refused(body: bytes, desk: RealDesk) -> None:
    with desk.browser() as browser:
        assert browser.post("/sign-in", content=body, headers=JSON).status_code == 400


def test_another_sites_form_signs_nobody_in_or_out(desk: RealDesk) -> None:
    token = desk.token("reader")
    with desk.browser(token) as browser:
        evil = {"Origin": "http://evil.example"}
        for path, body in (("/sign-in", entry()), ("/sign-out", {}), ("/password", {})):
            assert browser.post(path, json=body, headers=evil).status_code == 403
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            assert browser.post(path, content=b"name=reader", headers=form).status_code == 415
        assert browser.get("/me").status_code == 200


def test_time_ends_a_session(desk: RealDesk) -> None:
    with desk.browser(desk.token("reader")) as browser:
        desk.clock.later(minutes=14)
        assert browser.get("/me").status_code == 200
        desk.clock.later(minutes=16)
        assert browser.get("/me").status_code == 401


def test_another_role_ends_a_session_at_once(desk: RealDesk) -> None:
    with desk.browser(desk.token("reader")) as browser:
        assert browser.get("/me").status_code == 200
        roles = frozenset({"technician"})
        desk.ledger.accounts.set_roles("reader", roles, desk.admin, desk.clock.now)
        assert browser.get("/me").status_code == 401


def test_tries_and_requests_have_their_pace(desk: RealDesk) -> None:
    slow = replace(desk.rules.pace, entries_a_minute=3, requests_a_second=1, burst=5)
    desk.rules = replace(desk.rules, pace=slow)
    with desk.browser() as browser:
        codes = [browser.post("/sign-in", json=entry("nobody")).status_code for _ in range(5)]
        assert codes == [401, 401, 401, 429, 429]
        browser.cookies.set("session", desk.token("reader"))
        codes = [browser.get("/me").status_code for _ in range(8)]
        assert codes[:5] == [200] * 5
        assert 429 in codes


def test_a_view_is_one_line_before_anything_is_shown(desk: RealDesk) -> None:
    address = desk.painted.address
    with desk.browser(desk.token("reader")) as browser:
        for part in ("", "/layers", "/view", "/tiles/0/0/0", "/tiles/0/1/0"):
            assert browser.get(address + part).status_code == 200
        browser.get("/results")
    views = [line for line in desk.ledger.audit.lines() if line.act == "view"]
    assert [line.actor for line in views] == ["reader", "reader"]
    assert views[1].subject == "/results"
    assert desk.painted.slide_id not in views[0].subject  # it may hold the name of a file
    assert desk.painted.folder.name in views[0].subject


def test_without_the_ledger_nothing_is_shown(
    desk: RealDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk.browser(desk.token("reader")) as browser:
        assert browser.get("/me").status_code == 200

        def away(*_: object) -> None:
            raise LedgerAway("away")

        monkeypatch.setattr(Lodge, "viewed", away)
        answer = browser.get(desk.painted.address)
        assert (answer.status_code, answer.json()["code"]) == (503, "no-ledger")
        monkeypatch.setattr(Lodge, "who", away)
        assert browser.get("/me").status_code == 503
        assert browser.get("/page/page.css").status_code == 200


def test_whom_a_case_is_not_assigned_to_breaks_glass(desk: RealDesk) -> None:
    desk.only_assigned()
    desk.person("auditor", "auditor")
    painted = desk.painted
    asked = {"slide_id": painted.slide_id, "name": painted.folder.name}
    with desk.browser(desk.token("reader")) as browser:
        assert browser.get(painted.address).status_code == 404
        assert browser.get("/results").json() == {"results": []}
        wrong = {**asked, "password": "wrong", "reason": "frozen section tonight"}
        assert browser.post("/glass", json=wrong).status_code == 401
        bare = {**asked, "password": PASSWORD, "reason": "because"}
        assert browser.post("/glass", json=bare).status_code == 422
        whole = {**asked, "password": PASSWORD, "reason": "frozen section tonight"}
        assert browser.post("/glass", json=whole).status_code == 200
        assert browser.get(painted.address).status_code == 200
        desk.clock.later(hours=1)
        assert browser.get("/glass").status_code == 401
    with desk.browser(desk.token("auditor")) as browser:
        (glass,) = browser.get("/glass").json()["broken"]
        assert (glass["account"], glass["reason"]) == ("reader", "frozen section tonight")
    desk.clock.later(hours=3.5)
    with desk.browser(desk.token("reader")) as browser:
        assert browser.get(painted.address).status_code == 404
        assert browser.get("/glass").status_code == 403  # not an auditor
    assert "refused" in desk.acts()


def test_a_case_of_the_desk_is_named_as_the_desk_calls_it(
    painted_desk: PaintedDesk, tmp_path: Path
) -> None:
    with drafted_desk(painted_desk, tmp_path) as drafted:
        real, case = drafted.real, drafted.case
        with real.browser(real.token(READER)) as browser:
            assert browser.get("/cases/list").json()["cases"][0]["found"]
        real.only_assigned()
        asked = {"case": case, "password": PASSWORD, "reason": "frozen section tonight"}
        with real.browser(real.token(READER)) as browser:
            (line,) = browser.get("/cases/list").json()["cases"]
            assert line["shut"] is True
            assert "found" not in line, "what was found is not told of a case of others"
            for path in (f"/cases/{case}", f"/cases/{case}/told"):
                assert browser.get(path).status_code == 404
            assert browser.post("/glass", json={**asked, "case": "C" + 16 * "0"}).status_code == 404
            assert browser.post("/glass", json={**asked, "password": "x"}).status_code == 401
            assert browser.post("/glass", json={**asked, "reason": " short  "}).status_code == 422
            assert browser.post("/glass", json={**asked, "hours": "9"}).status_code == 400
            assert browser.get(f"/cases/{case}/told").status_code == 404
            assert browser.post("/glass", json=asked).status_code == 200
            assert browser.get(f"/cases/{case}/told").status_code == 200
            (line,) = browser.get("/cases/list").json()["cases"]
            assert "shut" not in line
        with real.browser(real.token(SECOND)) as browser:
            assert browser.get(f"/cases/{case}/told").status_code == 404, "glass is one person's"


def test_who_gives_out_work_needs_to_see_no_case(painted_desk: PaintedDesk, tmp_path: Path) -> None:
    with drafted_desk(painted_desk, tmp_path) as drafted:
        real, case = drafted.real, drafted.case
        real.person("op", "operator")
        with real.browser(real.token(READER)) as browser:
            browser.get("/cases/list")
        real.only_assigned()
        to = {"request_id": "request-000001", "seen_version": 1, "to": READER}
        with real.browser(real.token(SECOND)) as browser:  # may give out cases of their own only
            refused = browser.post(f"/cases/{case}/team/assign", json={**to, "to": SECOND})
            assert refused.status_code == 404
        with real.browser(real.token("op")) as browser:
            assert browser.get(f"/cases/{case}/told").status_code == 404
            (line,) = browser.get("/cases/list").json()["cases"]
            assert line["shut"] is False
            assert "found" not in line
            assert browser.post(f"/cases/{case}/team/assign", json=to).status_code == 200
        with real.browser(real.token(READER)) as browser:
            assert browser.get(f"/cases/{case}/told").status_code == 200
