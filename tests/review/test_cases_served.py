"""From the worklist to a signature by requests alone: who may, what is refused, what is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pathology.pipeline.desk_cases import result_on_desk
from pathology.records.case_review import CaseOpening, Change
from tests.access import PASSWORD
from tests.cases_on_desk import rules, text
from tests.review.painted_desk import CASE, PaintedDesk
from tests.review.real_desk import RealDesk, real_desk

_numbers = count(1)


@pytest.fixture
def desk(painted_desk: PaintedDesk, tmp_path: Path) -> Iterator[RealDesk]:
    with real_desk(painted_desk, tmp_path) as opened:
        opened.person("reader", "pathologist")
        opened.person("second", "pathologist")
        opened.person("night", "operator")
        yield opened


class Person:
    """Somebody at the desk, with a browser of their own."""

    def __init__(self, browser: TestClient) -> None:
        self.browser, self.case, self.version = browser, "", 0

    def put(self) -> None:
        body = {"case_id": CASE, "request_id": f"request-{next(_numbers)}"}
        answer = self.browser.post("/cases", json=body)
        assert answer.status_code == 200, answer.text
        self.case = answer.json()["case"]

    def look(self) -> dict[str, Any]:
        told = self.browser.get(f"/cases/{self.case}").json()
        self.version = told["line"]["version"]
        return told

    def do(self, what: str, status: int = 200, **body: Any) -> dict[str, Any]:
        sent = {
            "request_id": f"request-{next(_numbers)}",
            "seen_version": self.version,
            **body,
        }
        answer = self.browser.post(f"/cases/{self.case}/{what}", json=sent)
        assert answer.status_code == status, (what, answer.text)
        told: dict[str, Any] = answer.json()
        self.version = told.get("version", self.version)
        return told


@pytest.fixture
def reader(desk: RealDesk) -> Iterator[Person]:
    with desk.browser(desk.token("reader")) as browser:
        found = Person(browser)
        found.put()
        found.look()
        yield found


def test_the_worklist_tells_what_is_to_be_done(desk: RealDesk, reader: Person) -> None:
    (line,) = reader.browser.get("/cases").json()["cases"]
    assert (line["case"], line["state"], line["opens"]) == (reader.case, "AI_DRAFT", True)
    assert line["analyses"] == ["ki67"]
    assert CASE not in json.dumps(line)
    assert reader.browser.get("/cases?state=SIGNED").json() == {"cases": []}
    reader.do("claim")
    (line,) = reader.browser.get("/cases?assignee=reader").json()["cases"]
    assert (line["state"], line["assignee"]) == ("IN_REVIEW", "reader")


def test_a_case_goes_from_hand_to_hand_and_the_later_one_is_told(
    desk: RealDesk, reader: Person
) -> None:
    with desk.browser(desk.token("second")) as browser:
        other = Person(browser)
        other.case = reader.case
        other.look()
        reader.do("claim")
        told = other.do("claim", 409)
        assert told["code"] in ("case.changed", "case.taken")
        assert "reader" in told["detail"]
        assert "reader" in told["zh"]
        other.look()
        assert other.do("claim", 409)["code"] == "case.taken"
        reader.do("assign", to="second")
        other.look()
        other.do("release")
    assert "claim" in " ".join(desk.acts())


def values_in(document: Any) -> Iterator[float]:
    """Values, bounds and counts that a document tells, wherever they stand."""
    if isinstance(document, dict):
        for name, value in document.items():
            if name in ("value", "low", "high") and isinstance(value, int | float):
                yield value
            yield from values_in(value)
    elif isinstance(document, list):
        for item in document:
            yield from values_in(item)


def signable(reader: Person) -> dict[str, Any]:
    """Everything that a signature needs, done."""
    told = reader.look()
    reader.do("claim")
    (result,) = told["results"]
    if result["tumour_region_source"] == "automatic":
        reader.do("confirm", result_id=result["result_id"])
    for overlay in result["overlays"]:
        reader.do("saw", result_id=result["result_id"], overlay=overlay)
    for finding in result["findings"]:
        of = {"result_id": result["result_id"], "finding_id": finding["finding_id"]}
        reader.do("decide", decision={"of": of, "kind": "accept"})
    return result


def with_text(desk: RealDesk) -> str:
    """The painted case on the desk with a text; a draft would take a case's whole paperwork."""
    book = desk.ledger.cases(desk.deciding)
    result = result_on_desk(desk.painted.folder)
    opening = CaseOpening(
        case=book.name_of(CASE),
        case_id=CASE,
        results=(result,),
        text=text("Ki-67: 20 %.", results=(result.result_id,)),
    )
    change = Change(
        by=desk.admin, request_id="opened-with-text", seen_version=0, now_utc=desk.clock.now
    )
    return book.open(opening, change).case


def test_from_decisions_to_a_signature_and_its_amendment(desk: RealDesk) -> None:
    with desk.browser(desk.token("reader")) as browser:
        own = Person(browser)
        own.case = with_text(desk)
        signable(own)
        assert own.look()["unready"] == []
        wish = {"printed_name": "Dr Reader", "meaning": "approved"}
        assert own.do("sign", password=PASSWORD, **wish)["state"] == "SIGNED"
        told = own.look()
        (version,) = told["signed"]
        assert (version["signer"], version["state"]) == ("reader", "SIGNED")
        own.do("reject", 409, why="too late for that")
        own.do("reopen", why="the clone was another")
        assert own.look()["line"]["state"] == "IN_REVIEW"
        assert own.look()["amending"] == 1
    written = desk.painted.results / "cases" / CASE
    signed = json.loads(sorted(written.glob("report-v*.json"))[-1].read_text())
    assert signed["content_sha256"] == version["content_sha256"]
    assert signed["signature"]["printed_name"] == "Dr Reader"
    assert {"prove", "sign-in", "view"} <= set(desk.acts())


def test_a_second_reader_is_asked_and_agrees(desk: RealDesk) -> None:
    with desk.browser(desk.token("reader")) as browser:
        own = Person(browser)
        own.case = with_text(desk)
        result = signable(own)
        of = {"result_id": result["result_id"], "finding_id": result["findings"][0]["finding_id"]}
        far = {"of": of, "kind": "override", "reason": "by eye", "own": {"value": 90, "unit": "%"}}
        assert own.do("decide", decision=far)["warnings"]
        codes = {r["code"] for r in own.look()["unready"]}
        assert codes, "the text tells the AI's number, and a second reader is missing"
        own.do("second", 409, reader="reader")
        own.do("second", reader="second")
        own.look()
        with desk.browser(desk.token("second")) as theirs:
            other = Person(theirs)
            other.case = own.case
            assert other.look()["line"]["second_reader"] == "second"
            other.do("second-read", 400, reading={"agrees": False})
            other.do("second-read", reading={"agrees": True, "note": ""})
        assert {r["code"] for r in own.look()["unready"]} < codes


def test_an_administrator_signs_under_no_role(desk: RealDesk) -> None:
    desk.person("chief2", "administrator", "technician")
    with desk.browser(desk.token("chief2")) as browser:
        own = Person(browser)
        own.case = with_text(desk)
        own.look()
        wish = {"printed_name": "Chief", "meaning": "approved", "password": PASSWORD}
        own.do("sign", 404, **wish)
        assert own.look()["signed"] == []


def test_an_undecided_or_unseen_case_is_not_signed(reader: Person) -> None:
    told = reader.look()
    assert {"en", "zh", "code"} <= told["unready"][0].keys()
    reader.do("claim")
    sign = {"password": PASSWORD, "printed_name": "Dr Reader", "meaning": "approved"}
    assert reader.do("sign", 409, **sign)["code"].startswith("case.")


def test_an_override_needs_a_reason_and_an_own_value(reader: Person) -> None:
    told = reader.look()
    reader.do("claim")
    result = told["results"][0]
    finding = next(f for f in result["findings"] if f["value"] is not None)
    of = {"result_id": result["result_id"], "finding_id": finding["finding_id"]}
    for wrong in (
        {"of": of, "kind": "override"},
        {"of": of, "kind": "override", "reason": "x", "own": {"value": 120, "unit": "%"}},
        {"of": of, "kind": "reject"},
        {"of": of, "kind": "approve"},
        {"of": of},
        "accept",
        None,
    ):
        reader.do("decide", 400, decision=wrong)
    own = {"value": 99.0, "unit": "%"}
    why = "counted by eye"
    done = reader.do("decide", decision={"of": of, "kind": "override", "reason": why, "own": own})
    assert done["warnings"], "far from the AI's: the reader is told"
    assert reader.look()["line"]["needs_second"] is True


def test_the_same_request_is_done_once(desk: RealDesk, reader: Person) -> None:
    sent = {"request_id": "request-same-one", "seen_version": reader.version}
    first = reader.browser.post(f"/cases/{reader.case}/claim", json=sent).json()
    again = reader.browser.post(f"/cases/{reader.case}/claim", json=sent).json()
    assert (first["version"], again["repeated"]) == (again["version"], True)


def test_a_wrong_password_signs_nothing(desk: RealDesk, reader: Person) -> None:
    signable(reader)
    wish = {"printed_name": "Dr Reader", "meaning": "approved"}
    assert reader.do("sign", 401, password="wrong", **wish)["code"] == "entry.refused"  # noqa: S106
    reader.do("sign", 401, **wish)
    reader.do("sign", 400, password=PASSWORD, printed_name=" ", meaning="approved")
    reader.do("sign", 400, password=PASSWORD, printed_name="Dr Reader", meaning="seen")
    assert reader.look()["line"]["state"] != "SIGNED"
    assert "prove-failed" in desk.acts()


def test_who_only_looks_changes_nothing(desk: RealDesk, reader: Person) -> None:
    desk.person("tech", "technician")
    with desk.browser(desk.token("tech")) as browser:
        other = Person(browser)
        other.case = reader.case
        other.look()
        assert other.do("claim", 403)["code"] == "not-allowed"
        assert other.do("release", 404)["code"] == "not-found"
        assert browser.post("/cases", json={"case_id": CASE}).status_code == 403
    assert reader.look()["line"]["state"] == "AI_DRAFT"


def test_a_case_of_others_is_as_if_it_were_not_there(desk: RealDesk, reader: Person) -> None:
    desk.only_assigned()
    with desk.browser(desk.token("reader")) as browser:
        own = Person(browser)
        own.case = reader.case
        hidden, absent = (browser.get(f"/cases/{c}") for c in (own.case, "C" + "0" * 16))
        assert hidden.status_code == absent.status_code == 404
        assert hidden.content == absent.content
        assert browser.get(desk.painted.address).status_code == 404
        assert browser.get("/cases").json()["cases"][0]["opens"] is False
        own.version = reader.version
        own.do("claim")
        assert browser.get(f"/cases/{own.case}").status_code == 200
        assert browser.get(desk.painted.address).status_code == 200


def test_what_must_be_read_first_is_told_nowhere_before(desk: RealDesk, reader: Person) -> None:
    desk.deciding = rules(blind_first="always")
    numbers = {
        f["value"] for f in reader.look()["results"][0]["findings"] if f["name"] == "ki67.global"
    }
    with desk.browser(desk.token("reader")) as browser:
        own = Person(browser)
        own.case, own.version = reader.case, reader.version
        own.do("claim")
        told, address = own.look(), desk.painted.address
        assert told["hidden"]
        assert "decided" not in told
        for document in (told, browser.get(address).json(), browser.get("/results").json()):
            assert not numbers & set(values_in(document))
        box = "left=0&top=0&width=400&height=300"
        for part in ("layers", "points", f"outlines?{box}", f"regions?{box}&pixel=1", "maps/x"):
            answer = browser.get(f"{address}/{part}")
            assert (answer.status_code, answer.json()["code"]) == (409, "read-first"), part
        assert browser.get(f"{address}/tiles/0/0/0").status_code == 200
        for of in told["hidden"]:
            own.do("read", reading={"of": of, "own": {"value": 20.0, "unit": "%"}})
        assert own.look()["hidden"] == []
        assert numbers <= set(values_in(browser.get(address).json()))
        assert browser.get(f"{address}/points").status_code == 200
