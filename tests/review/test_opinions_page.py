"""A second opinion between two ledgers with two keys, by persons in a real browser."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pathology.errors import UsageError
from pathology.ledger.open import utc_now
from pathology.pipeline.bundle_answer import receive_question
from pathology.records.entrance import Entered, Visit
from pathology.review.app import review_app
from pathology.review.desk import Desk
from tests.access import PASSWORD
from tests.review.conftest import ORIGIN, serving
from tests.review.test_case_page import shot, tab_of, until
from tests.review.two_houses import PATIENT, House, acquainted, analysed_house, house, with_case

ASKED = "In situ or invasive? 原位还是浸润?"
SAID = "Invasive, no special type. 浸润性癌,非特殊类型。"


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> House:
    return analysed_house(tmp_path_factory.mktemp("seen") / "house")


@pytest.fixture
def houses(tmp_path: Path, seen: House) -> tuple[House, House, str]:
    ours, theirs = house(tmp_path / "ours"), house(tmp_path / "theirs")
    acquainted(ours, theirs)
    case = with_case(ours, seen)
    ours.person("dr.lin", "pathologist")
    theirs.person("dr.ma", "pathologist")
    return ours, theirs, case


def fetched(tab: Any, link: str, to: Path) -> Path:
    with tab.expect_download() as download:
        tab.locator(link).last.click()
    download.value.save_as(to)
    return to


def ask_for_regions(tab: Any) -> None:
    tab.locator("#opinion-new summary").click()
    tab.fill("#opinion-question", ASKED)
    tab.select_option("#opinion-shown", "regions")
    tab.fill("#opinion-rectangle", "100, 50, 150, 200")
    tab.locator("#opinion-ask button").click()
    tab.wait_for_selector("#opinions-asked li a")


def answer_there(browser: Any, theirs: House, bundle: Path, ours: House, shots: Any) -> Path:
    """Opened at the other hospital, looked at, answered; the answer's file."""
    opened = theirs.folder / "opened"
    receive_question(theirs.settings, bundle, ours.public, opened)
    with theirs.desk(opened) as desk, serving(desk) as url:
        tab = tab_of(browser, url, "dr.ma")
        tab.locator("#to-question").click()
        tab.wait_for_selector("body[data-ready=true]")
        assert tab.inner_text("#asked") == ASKED
        assert PATIENT not in tab.content()
        assert tab.locator("#draft p[lang=zh-Hans]").first.inner_text()
        tab.locator("#slides a").first.click()
        tab.wait_for_selector("body[data-ready=true]", timeout=60_000)
        until(tab, "window.pathologyDesk.scan.settled()")
        assert tab.locator("#tab-correct").is_hidden(), "nothing of theirs is corrected here"
        shot(tab, shots, "opinion-slide-there")
        tab.goto(f"{url}/question")
        tab.wait_for_selector("body[data-ready=true]")
        tab.fill("#text", SAID)
        tab.fill("#by", "Ma Li")
        tab.locator("#answer button").click()
        tab.wait_for_selector("#answer-file")
        shot(tab, shots, "opinion-question-there")
        return fetched(tab, "#answer-file", theirs.folder / "answer.bundle")


def test_a_case_goes_to_another_hospital_and_its_opinion_comes_back(
    houses: tuple[House, House, str], browser: Any, shots: Path | None
) -> None:
    ours, theirs, case = houses
    with ours.desk() as desk, serving(desk) as url:
        tab = tab_of(browser, url, "dr.lin")
        tab.goto(f"{url}/cases/{case}")
        tab.wait_for_selector("body[data-ready=true]")
        ask_for_regions(tab)
        shot(tab, shots, "opinion-asked-en")
        bundle = fetched(tab, "#opinions-asked li a", ours.folder / "case.bundle")
        assert PATIENT.encode() not in bundle.read_bytes()
        answer = answer_there(browser, theirs, bundle, ours, shots)
        tab.set_input_files("#opinion-file", bundle)
        tab.locator("#opinion-take button").click()
        tab.wait_for_selector("#refusal:not([hidden])")
        assert "opinion" not in tab.inner_text("#opinions")
        tab.set_input_files("#opinion-file", answer)
        tab.locator("#opinion-take button").click()
        tab.wait_for_selector("#opinions li")
        assert SAID in tab.inner_text("#opinions")
        assert "not a signature on the report" in tab.inner_text("#opinions")
        shot(tab, shots, "opinion-on-case-en")
        tab.set_input_files("#opinion-file", answer)
        tab.locator("#opinion-take button").click()
        tab.wait_for_selector("#refusal:not([hidden])")
        assert "on the case already" in tab.inner_text("#refusal")
        assert tab.locator("#opinions li").count() == 1
        tab.click("#language")
        until(tab, "document.documentElement.lang === 'zh-Hans'")
        assert "并非报告签名" in tab.inner_text("#opinions")
        shot(tab, shots, "opinion-on-case-zh")
    acts = [act for act, _ in ours.acts()]
    assert (acts.count("case-ask-opinion"), acts.count("case-opinion")) == (1, 1)
    there = [act for act, _ in theirs.acts()]
    assert (there.count("open-bundle"), there.count("answer-bundle")) == (1, 1)


def signed_in(desk: Desk, made: House, name: str) -> TestClient:
    with made.ledger() as (ledger, _):
        visit = Visit(now_utc=utc_now(), address="127.0.0.1")
        entered = ledger.entrance(made.settings.access).sign_in(name, PASSWORD, visit)
    assert isinstance(entered, Entered)
    return TestClient(
        review_app(desk), cookies={"session": entered.token}, headers={"Origin": ORIGIN}
    )


def wish(**more: Any) -> dict[str, Any]:
    told = {"request_id": "r" * 12, "seen_version": 0, "partner": "north", "question": "?"}
    return {**told, "shown": "results", "around": [], "rectangles": [], **more}


BOX = {"x_um": 1, "y_um": 1, "width_um": 50, "height_um": 50}
STRANGE = [
    {"shown": "everything"},
    {"shown": "regions"},
    {"shown": "whole", "around": ["hotspot"]},
    {"shown": "regions", "around": ["tissue"]},
    {"shown": "regions", "rectangles": [[1, 2, 3, 4]]},
    {"shown": "regions", "rectangles": [{**BOX, "width_um": 0}]},
    {"shown": "regions", "rectangles": [{**BOX, "x_um": "1"}]},
    {"shown": "regions", "rectangles": [{**BOX, "x_um": True}]},
    {"shown": "regions", "rectangles": [{**BOX, "slide_id": 7}]},
    {"shown": "regions", "rectangles": [BOX] * 21},
    {"question": 7},
    {"request_id": "short"},
]


def test_requests_that_no_page_sends_and_accounts_that_may_not(
    houses: tuple[House, House, str],
) -> None:
    ours, _, case = houses
    for name, role in (("tech", "technician"), ("op", "operator"), ("aud", "auditor")):
        ours.person(name, role)  # type: ignore[arg-type]
    at = f"/cases/{case}/opinions"
    with ours.desk() as desk:
        for name in ("tech", "aud"):
            with signed_in(desk, ours, name) as client:
                assert client.get(at).status_code in (403, 404)
                assert client.post(f"{at}/ask", json=wish()).status_code in (403, 404)
                assert client.post(f"{at}/take", json={}).status_code in (403, 404)
        with signed_in(desk, ours, "dr.lin") as client:
            for strange in STRANGE:
                answer = client.post(f"{at}/ask", json=wish(**strange))
                assert answer.status_code == 400, strange
            assert client.post(f"{at}/ask", json=wish(partner="south")).status_code == 422
            beside = {**BOX, "x_um": 1e6}
            told = client.post(f"{at}/ask", json=wish(shown="regions", rectangles=[beside]))
            assert (told.status_code, told.json()["detail"]) == (409, "opinion-region")
            assert told.json()["reason"]["zh"]
            names = client.post(f"{at}/ask", json=wish(question="patient name: Zhang San"))
            assert names.json()["detail"] == "opinion-names"
            for answer in ("no base64!", 7):
                body = {"request_id": "r" * 12, "seen_version": 0, "answer": answer}
                assert client.post(f"{at}/take", json=body).status_code == 400
            rubbish = base64.b64encode(b"PATHBUN1" + bytes(300)).decode()
            body = {"request_id": "r" * 12, "seen_version": 0, "answer": rubbish}
            assert client.post(f"{at}/take", json=body).json()["code"] == "opinion-refused"
            assert client.get(f"{at}/B{'0' * 32}").status_code == 404
            assert client.get("/question/told").status_code == 404
        with signed_in(desk, ours, "op") as client:
            asked = client.post(f"{at}/ask", json=wish())
            assert asked.status_code == 200
            sealed = client.get(f"{at}/{asked.json()['bundle_id']}")
            assert sealed.content.startswith(b"PATHBUN1")


def test_who_may_not_answer_sees_no_question_and_nobody_changes_it(
    houses: tuple[House, House, str],
) -> None:
    ours, theirs, case = houses
    theirs.person("tech", "technician")
    with ours.desk() as desk, signed_in(desk, ours, "dr.lin") as client:
        asked = client.post(f"/cases/{case}/opinions/ask", json=wish(shown="whole")).json()
        sealed = client.get(f"/cases/{case}/opinions/{asked['bundle_id']}").content
    bundle, opened = ours.folder / "b.bundle", theirs.folder / "opened"
    bundle.write_bytes(sealed)
    receive_question(theirs.settings, bundle, ours.public, opened)
    with theirs.desk(opened) as desk:
        with signed_in(desk, theirs, "tech") as client:
            assert client.get("/question/told").status_code == 403
            assert client.post("/question/answer", json={}).status_code == 403
        with signed_in(desk, theirs, "dr.ma") as client:
            [result] = client.get("/question/told").json()["results"]
            address = result["address"].replace("/slides/", "/results/", 1)
            assert client.get(f"{address}/tiles/0/0/0").status_code == 200
            assert client.get(f"{address}/editing").status_code == 403
            assert client.post(f"{address}/keep", json={}).status_code == 403
            assert client.get("/cases/list").json()["code"] == "no-cases"
            said = {"text": " ", "by": "Ma Li"}
            assert client.post("/question/answer", json=said).json()["code"] == "answer-missing"
            said = {"text": "x" * 20_001, "by": "Ma Li"}
            assert client.post("/question/answer", json=said).status_code == 400


def test_a_folder_that_was_not_opened_here_is_not_served(
    houses: tuple[House, House, str], tmp_path: Path
) -> None:
    ours, theirs, case = houses
    with ours.desk() as desk, signed_in(desk, ours, "dr.lin") as client:
        asked = client.post(f"/cases/{case}/opinions/ask", json=wish()).json()
        sealed = client.get(f"/cases/{case}/opinions/{asked['bundle_id']}").content
    bundle, opened = ours.folder / "b.bundle", theirs.folder / "opened"
    bundle.write_bytes(sealed)
    receive_question(theirs.settings, bundle, ours.public, opened)
    told = json.loads((opened / "bundle.json").read_text("utf-8"))
    stranger = house(tmp_path / "stranger")
    keys = json.loads(stranger.public.read_text("utf-8"))
    for change in ({"sender_keys": keys}, {"sender_keys": keys, "sender": keys["fingerprint"]}):
        (opened / "bundle.json").write_text(json.dumps({**told, **change}), "utf-8")
        with pytest.raises(UsageError), theirs.desk(opened):
            pass
