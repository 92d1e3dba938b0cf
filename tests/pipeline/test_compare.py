"""Models side by side, through the command, with stub servers whose faults are known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pathology.cli.main import main
from tests.pipeline.test_draft import CASE, write_result
from tests.pipeline.test_draft_by_model import site
from tests.reports.chat_stubs import chat_server, example_answer

CASES = 4


class Erring:
    """Slips once on the first case, omits on the second, speaks no JSON on the third."""

    def __init__(self) -> None:
        self.case, self.tries = 0, 0

    def says(self, body: Mapping[str, Any]) -> str:
        retry = len(body["messages"]) > 2
        self.case += not retry
        told = json.loads(example_answer(body))
        if self.case == 1 and not retry:
            told["ki67"]["en"].append("The Ki-67 index is high.")
        if self.case == 2:
            told["ki67"]["en"], told["ki67"]["zh"] = told["ki67"]["en"][1:], told["ki67"]["zh"][1:]
        if self.case == 3:
            return "I am sorry, I cannot."
        return json.dumps(told, ensure_ascii=False)


@pytest.fixture
def hospital(tmp_path: Path) -> Path:
    """Results of four cases, case data of each, and one more of which there is no result."""
    (cases := tmp_path / "case-data").mkdir()
    for number in range(CASES + 1):
        name = f"case-{number}"
        (cases / f"{number}.json").write_text(json.dumps({**CASE, "case_id": name}))
        if number < CASES:
            slide = f"slide-{number}"
            write_result(tmp_path / "out", slide, case_id=name)
    return tmp_path


def compared(hospital: Path, *words: str) -> int:
    own = ["--cases", str(hospital / "case-data"), "--settings", str(hospital / "own")]
    return main(["report", "compare", str(hospital / "out"), *own, *words])


def priced(folder: Path, url: str) -> Path:
    """The endpoint ``house`` with a price."""
    own = site(folder, url)
    file = own / "llm.toml"
    price = 'price = { source = "tests", currency = "CNY", prompt = 2.0, answer = 8.0 }\n'
    text = file.read_text("utf-8").replace('licence = "MIT"\n', f'licence = "MIT"\n{price}')
    file.write_text(text, "utf-8")
    return own


def test_two_models_are_counted_over_the_same_cases(
    hospital: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    erring = Erring()
    with (
        chat_server("json_schema", says=example_answer) as good,
        chat_server("json_schema", says=erring.says) as bad,
    ):
        priced(hospital / "own", good.url)
        assert compared(hospital, "--model", "house", "--model", f"{bad.url}#x", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cases"] == CASES
    assert list(told["skipped"]) == ["case-4"]
    house, other = told["scores"]
    assert (house["name"], house["version"], house["drafts"]) == ("house", "release 3, MIT", CASES)
    assert (house["first"], house["reasons"], house["omissions"]) == (CASES, {}, 0)
    assert (house["prompt_tokens"], house["answer_tokens"]) == (11, 7)
    assert house["cost"] == pytest.approx((11 * 2.0 + 7 * 8.0) / 1e6)
    assert house["currency"] == "CNY"
    assert other["name"] == f"{bad.url}#x"
    assert (other["first"], other["retried"], other["fell_back"]) == (1, 1, 2)
    assert other["reasons"] == {"omission": 2, "answer-not-json": 2, "result-word": 1}
    assert (other["omissions"], other["unanswered"]) == (2, 2)
    assert other["cost"] is None
    assert other["slowest_s"] >= other["seconds"] > 0
    assert not list(hospital.rglob("report-v*")), "nothing is written"


@pytest.mark.parametrize(("language", "words"), [("en", "accepted at once"), ("zh", "首次通过")])
def test_a_person_sees_a_table_in_their_language(
    hospital: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    language: str,
    words: str,
) -> None:
    monkeypatch.setenv("PATHOLOGY_LANG", language)
    monkeypatch.setenv("COLUMNS", "200")
    with chat_server("json_schema", says=Erring().says) as stub:
        site(hospital / "own", stub.url)
        assert compared(hospital, "--model", "house") == 0
    told = capsys.readouterr().out
    assert words in told
    assert "omission 2" in told
    assert "case-4" in told


def test_results_alone_are_enough(hospital: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with chat_server("json_schema", says=example_answer) as stub:
        words = ["--model", f"{stub.url}#x", "--model", "template", "--json", "--most", "2"]
        assert main(["report", "compare", str(hospital / "out"), *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cases"] == 2
    assert [s["drafts"] for s in told["scores"]] == [2, 2]
    assert told["scores"][0]["first"] == 2


@pytest.mark.parametrize(
    ("words", "why"),
    [(["--model", "none-such"], "no model is called"), (["--model", "x", "--most", "0"], "--most")],
)
def test_wrong_usage_is_told(
    hospital: Path, capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    assert main(["report", "compare", str(hospital / "out"), *words]) == 2
    assert why in capsys.readouterr().err


def test_a_folder_without_results_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "compare", str(tmp_path), "--model", "template"]) == 2
    assert "no case here can be drafted" in capsys.readouterr().err


@pytest.mark.slow
def test_the_embedded_model_can_be_compared(
    hospital: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site(hospital / "own", "http://127.0.0.1:1/v1", answer_tokens="16", read_s="300", total_s="300")
    words = ["--settings", str(hospital / "own"), "--model", "embedded", "--most", "1", "--json"]
    assert main(["report", "compare", str(hospital / "out"), *words]) == 0
    [score] = json.loads(capsys.readouterr().out)["scores"]
    assert (score["name"], score["fell_back"]) == ("embedded", 1)
    assert score["reasons"] == {"answer-cut": 2}
    assert "sha256 b179c952" in score["version"]
