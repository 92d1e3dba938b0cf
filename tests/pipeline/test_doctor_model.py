"""What doctor says of language models: each red line says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from pathology.cli.main import main
from pathology.pipeline.authors import load_llm
from pathology.pipeline.check import Check
from pathology.pipeline.doctor_model import examine_models
from tests.pipeline.test_draft_by_model import site
from tests.reports.chat_stubs import chat_server


def checks(folder: Path, url: str) -> list[Check]:
    return list(examine_models(load_llm(site(folder, url))))


def test_without_a_choice_the_template_is_named() -> None:
    (told,) = examine_models(load_llm())
    assert (told.state, told.name) == ("good", "language model")
    assert "template" in told.detail


def test_a_server_that_answers_is_good_and_its_licence_is_told(tmp_path: Path) -> None:
    with chat_server("json_schema", models=["stub-model"]) as stub:
        (told,) = checks(tmp_path, stub.url)
    assert told.state == "good"
    assert "bound by json_schema" in told.detail
    assert "release 3, MIT" in told.detail


def test_a_server_without_that_model_is_bad(tmp_path: Path) -> None:
    with chat_server("json_schema", models=["another"]) as stub:
        (told,) = checks(tmp_path, stub.url)
    assert (told.state, "another" in told.detail, bool(told.remedy_zh)) == ("bad", True, True)


def test_a_server_that_nothing_binds_is_a_note(tmp_path: Path) -> None:
    with chat_server(models=["stub-model"]) as stub:
        (told,) = checks(tmp_path, stub.url)
    assert (told.state, bool(told.remedy)) == ("note", True)


def test_a_chosen_server_that_is_away_is_bad_and_one_beside_it_a_note(tmp_path: Path) -> None:
    with chat_server() as stub:
        pass
    (told,) = checks(tmp_path, stub.url)
    assert told.state == "bad"
    assert "Is it running" in told.remedy
    assert "模板" in told.remedy_zh
    file = tmp_path / "llm.toml"
    file.write_text(file.read_text("utf-8").replace('chosen = "house"', 'chosen = "template"'))
    assert [c.state for c in examine_models(load_llm(tmp_path))] == ["good", "note"]


def test_the_command_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with chat_server("gbnf", models=["stub-model"]) as stub:
        main(["doctor", "--settings", str(site(tmp_path / "own", stub.url))])
    assert "language model: house: stub-model answers" in capsys.readouterr().out
