"""Who gets in: every address for every session, generated from the table of addresses."""

from __future__ import annotations

import re

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from pathology.review.app import review_app
from pathology.review.headers import HEADERS
from pathology.review.route_table import ROUTES, Rule
from tests.review.painted_desk import CASE, PaintedDesk
from tests.review.sessions import ACTS, COOKIE, TwoSessions

ORIGIN = "http://testserver"
OUTSIDE = ("/sign-in/ways", "/sign-in/outside", "/sign-in/back")
PUBLIC = {"/page/{file}", "/sign-in", "/password", *OUTSIDE}
LODGE = ("/sign-in", "/password", "/sign-out", "/glass", "/glass/prove", *OUTSIDE)
"""Answered with 404 or 400 where nobody signs in at this desk; see test_access_matrix."""
OUTLINE = [[200, 200], [800, 200], [800, 700], [200, 700]]
TUMOUR = {
    "type": "Feature",
    "geometry": {"type": "Polygon", "coordinates": [OUTLINE]},
    "properties": {"kind": "tumour"},
}


HERE = [rule for rule in ROUTES if not rule.path.startswith(("/cases", "/night", "/question"))]
"""What a desk without cases, night and another's question answers; test_access_matrix and
test_opinions_page have them."""


def address(rule: Rule, desk: PaintedDesk, case: str = "") -> str:
    """A request to a rule that the reader is granted."""
    known = {
        "slide_id": desk.slide_id,
        "name": desk.folder.name,
        "file": "page.css",
        "map": "tissue_class",
        "level": "0",
        "column": "0",
        "row": "0",
        "case": case,
        "step": "second" if "/team/" in rule.path else "claim",
        "number": "1",
        "form": "pdf",
        "upload": "0" * 32,
        "bundle": "B" + "0" * 32,
    }
    path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: known[m[1]], rule.path)
    box = "left=0&top=0&width=400&height=300"
    query = {
        "regions": f"?{box}&pixel=1",
        "outlines": f"?{box}",
        "nucleus": "?x=90&y=90&reach=9",
        "adopt": "?region=tissue",
    }
    return path + query.get(path.rpartition("/")[2], "")


def body_of(rule: Rule) -> dict[str, object] | None:
    """A body that the rule's answer takes, as far as it needs no secret."""
    if rule.method != "POST":
        return None
    bodies: dict[str, dict[str, object]] = {
        "count": {"outline": OUTLINE},
        "inside": {"outline": OUTLINE},
        "keep": {"regions": [TUMOUR], "why": "region"},
        "foresee": {"regions": [TUMOUR]},
    }
    return bodies.get(rule.path.rpartition("/")[2], {})


def ask(client: TestClient, rule: Rule, desk: PaintedDesk, token: str | None) -> Response:
    client.cookies.clear()
    if token is not None:
        client.cookies.set(COOKIE, token)
    body = body_of(rule)
    found: Response = client.request(
        rule.method,
        address(rule, desk),
        json=body,
        headers={"Origin": ORIGIN},
        follow_redirects=False,
    )
    return found


@pytest.fixture(scope="module")
def door(
    painted_desk: PaintedDesk, gate: TwoSessions, tmp_path_factory: pytest.TempPathFactory
) -> TestClient:
    """On a copy, under the same ids: one address writes a result."""
    return TestClient(review_app(painted_desk.copied(tmp_path_factory.mktemp("own")).desk(gate)))


@pytest.mark.parametrize("rule", HERE, ids=lambda r: f"{r.method} {r.path}")
@pytest.mark.parametrize("who", ["nobody", "forged", "clerk", "reader"])
def test_every_address_asks_the_gate(
    rule: Rule, who: str, door: TestClient, painted_desk: PaintedDesk, gate: TwoSessions
) -> None:
    token = {"nobody": None, "forged": "x" * 43, "clerk": gate.clerk, "reader": gate.reader}[who]
    status = ask(door, rule, painted_desk, token).status_code
    if rule.act == "anyone":
        assert status == 200 or rule.path in LODGE
    elif who in ("nobody", "forged"):
        assert status == 401
    elif rule.act == "signed-in" or rule.act in ACTS[who]:
        assert status == 200 or rule.path in LODGE
    else:
        assert status in (403, 404)


def test_only_the_pages_own_files_are_for_anyone() -> None:
    assert {r.path for r in ROUTES if r.act == "anyone"} == PUBLIC


@pytest.mark.parametrize(
    "rule", [r for r in ROUTES if "{slide_id}" in r.path], ids=lambda r: r.path
)
def test_a_case_of_others_is_as_if_it_were_not_there(rule: Rule, painted_desk: PaintedDesk) -> None:
    elsewhere = TwoSessions(cases=frozenset({"case-of-another"}))
    with TestClient(review_app(painted_desk.desk(elsewhere))) as client:
        hidden = ask(client, rule, painted_desk, elsewhere.reader)
        client.cookies.set(COOKIE, elsewhere.reader)
        absent = client.get("/results/nothing-here/ki67-00000000")
        assert hidden.status_code == absent.status_code == 404
        assert hidden.content == absent.content
        assert client.get("/results").json() == {"results": []}


def test_the_own_case_is_listed(painted_desk: PaintedDesk) -> None:
    own = TwoSessions(cases=frozenset({CASE}))
    with TestClient(review_app(painted_desk.desk(own)), cookies={COOKIE: own.reader}) as client:
        (line,) = client.get("/results").json()["results"]
    assert (line["slide_id"], line["name"]) == (painted_desk.slide_id, painted_desk.folder.name)


def test_an_answer_without_a_rule_cannot_be_reached(
    painted_desk: PaintedDesk, gate: TwoSessions
) -> None:
    async def secret(request: Request) -> Response:
        return PlainTextResponse("secret")

    app = review_app(painted_desk.desk(gate))
    app.router.routes.insert(0, Route("/secret", secret))
    with TestClient(app) as client:
        assert client.get("/secret").status_code == 401
        client.cookies.set(COOKIE, gate.reader)
        answer = client.get("/secret")
    assert (answer.status_code, "secret" in answer.text) == (404, False)


def test_a_person_without_a_session_is_sent_to_sign_in(painted_desk: PaintedDesk) -> None:
    gate = TwoSessions(sign_in="/sign-in")
    with TestClient(review_app(painted_desk.desk(gate))) as client:
        answer = client.get("/", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert client.get("/results").status_code == 401  # a program is told, not sent


@pytest.mark.parametrize("rule", ROUTES, ids=lambda r: r.path)
@pytest.mark.parametrize("who", ["nobody", "reader"])
def test_every_answer_carries_the_headers(
    rule: Rule, who: str, door: TestClient, painted_desk: PaintedDesk, gate: TwoSessions
) -> None:
    answer = ask(door, rule, painted_desk, gate.reader if who == "reader" else None)
    assert {k: answer.headers[k] for k in HEADERS} == dict(HEADERS)
    assert answer.headers["cache-control"].startswith(("no-store", "private"))
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http" not in policy


TRAVERSALS = (
    "/page/../app.py",
    "/page/..%2fapp.py",
    "/page/%2e%2e%2fapp.py",
    "/page/..%5capp.py",
    "/page/vendor/vendor.json",
    "/page/package.json",
    "/page//etc/passwd",
    "/page/%00",
    "/results/../../etc/passwd",
    "/results/..%2f..%2fetc/passwd",
    "/results/%2e%2e/ki67-00000000",
    "/results/.unfinished/ki67-00000000",
    "/results/{slide}/..%2f..%2fsummary.csv",
    "/results/{slide}/{name}%2f..%2f{name}",
    "/results/{slide}/{name}/maps/..%2fcells.parquet",
    "/results/{slide}/{name}/maps/survey",
    "/results/{slide}/{name}/maps/%2e%2e",
    "/results/{slide}/{name}/tiles/0/0/-1",
    "/results/{slide}/{name}/tiles/0/0/99999999999999999999",
    "/results/{slide}/{name}/tiles/99/0/0",
    "/results/{slide}%00/{name}",
    "/results/{slide}/{name}/findings.json",
    "/slides/{slide}/ki67-../",
)


@pytest.mark.parametrize("path", TRAVERSALS)
def test_no_path_leads_out(path: str, client: TestClient, painted_desk: PaintedDesk) -> None:
    asked = path.format(slide=painted_desk.slide_id, name=painted_desk.folder.name)
    answer = client.get(asked, follow_redirects=False)
    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text
    assert str(painted_desk.results) not in answer.text


def test_a_link_in_the_results_folder_is_no_result(
    painted_desk: PaintedDesk, gate: TwoSessions, tmp_path: object
) -> None:
    link = painted_desk.results / "linked-00000000"
    link.mkdir()
    (link / "ki67-00000000").symlink_to(painted_desk.folder)
    try:
        with TestClient(review_app(painted_desk.desk(gate)), cookies={COOKIE: gate.reader}) as door:
            assert door.get("/results/linked-00000000/ki67-00000000").status_code == 404
            assert len(door.get("/results").json()["results"]) == 1
    finally:
        (link / "ki67-00000000").unlink()
        link.rmdir()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": ORIGIN, "Content-Type": "text/plain"}, 415),
        ({"Origin": ORIGIN, "Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Origin": ORIGIN}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN}, 200),
    ],
)
def test_another_sites_page_changes_nothing(
    headers: dict[str, str], status: int, client: TestClient, painted_desk: PaintedDesk
) -> None:
    import json

    sent = {"Content-Type": "application/json"} | headers
    body = json.dumps({"outline": OUTLINE})
    answer = client.post(f"{painted_desk.address}/count", content=body, headers=sent)
    assert answer.status_code == status


def test_a_change_without_any_origin_is_refused(
    painted_desk: PaintedDesk, gate: TwoSessions
) -> None:
    with TestClient(review_app(painted_desk.desk(gate)), cookies={COOKIE: gate.reader}) as client:
        answer = client.post(f"{painted_desk.address}/count", json={"outline": OUTLINE})
    assert answer.status_code == 403


def test_a_long_body_is_not_read(client: TestClient, painted_desk: PaintedDesk) -> None:
    long = b'{"outline": [' + b"[1, 1]," * 100_000 + b"[2, 2]]}"
    headers = {"Content-Type": "application/json"}
    answer = client.post(f"{painted_desk.address}/count", content=long, headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"outline": 7}',
        b'{"outline": [[1, 2]]}',
        b'{"outline": [[1], [2], [3]]}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_strange_body_is_refused(
    body: bytes, client: TestClient, painted_desk: PaintedDesk
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post(f"{painted_desk.address}/count", content=body, headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "",
        "left=nan&top=0&width=9&height=9&pixel=1",
        "left=0&top=0&width=0&height=9&pixel=1",
        "left=0&top=0&width=-9&height=9&pixel=1",
        "left=1e300&top=0&width=9&height=9&pixel=1",
        "left=0&top=0&width=9&height=9&pixel=0",
        "left=0&top=0&width=9&height=9&pixel=inf",
    ],
)
def test_a_strange_box_is_refused(
    query: str, client: TestClient, painted_desk: PaintedDesk
) -> None:
    assert client.get(f"{painted_desk.address}/regions?{query}").status_code == 400
