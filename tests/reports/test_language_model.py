"""Answers by a schema, from servers of many dialects, and from servers that err."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler

import pytest

from pathology.errors import AnswerRefused, IntranetError
from pathology.intranet.door import Door
from pathology.records.answer import DIALECTS, Dialect, Message
from pathology.records.settings.llm import WriterSettings
from pathology.reports.language_model import LanguageModel, bare
from tests.reports.chat_stubs import chat_server, completion, is_trial, schema_in
from tests.stub_servers import Stub, destination, http_server, send_events, send_json

WRITER = WriterSettings(source="tests", chosen="template", answer_tokens=300, seed=7)
SCHEMA: Mapping[str, object] = {
    "type": "object",
    "properties": {"sentence": {"type": "string", "maxLength": 60}},
    "required": ["sentence"],
    "additionalProperties": False,
}
ASKED = (
    Message(role="system", text="You write one sentence."),
    Message(role="user", text="About {{ki67.global}}."),
)
RIGHT = json.dumps({"sentence": "Ki-67 指数为 {{ki67.global}}。"}, ensure_ascii=False)


def model(stub: Stub, **limits: object) -> LanguageModel:
    return LanguageModel(Door(destination(stub.url, **limits)), WRITER)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_dialect_of_a_server_is_found_and_remembered(dialect: Dialect) -> None:
    with chat_server(dialect, says=lambda body: RIGHT) as stub:
        asked = model(stub)
        answer = asked.answer(ASKED, SCHEMA)
        trials = len(stub.asked) - 1
        asked.answer(ASKED, SCHEMA)
    assert answer.dialect == dialect
    assert answer.content == {"sentence": "Ki-67 指数为 {{ki67.global}}。"}
    assert (answer.model, answer.finish) == ("served-model", "stop")
    assert (answer.prompt_tokens, answer.answer_tokens) == (11, 7)
    assert answer.seconds > 0
    assert trials == min(DIALECTS.index(dialect) + 1, len(DIALECTS) - 1)
    assert len(stub.asked) == trials + 2, "the second answer costs no trial"
    assert schema_in(stub.asked[-1])[0] == dialect


def test_a_server_that_ignores_what_it_does_not_know_is_not_believed() -> None:
    """It takes every field and is bound by one: status 200 proves nothing."""
    with chat_server("guided_json", says=lambda body: RIGHT, unknown=None) as stub:
        assert model(stub).dialect() == "guided_json"


def test_plain_asks_in_words() -> None:
    with chat_server(says=lambda body: RIGHT) as stub:
        assert model(stub).answer(ASKED, SCHEMA).dialect == "plain"
        assert '"maxLength": 60' in stub.asked[-1]["messages"][-1]["content"]


def test_what_a_grammar_cannot_say_is_asked_plainly() -> None:
    loose = {"type": "object", "properties": {"n": {"type": "number"}}}
    with chat_server("gbnf", says=lambda body: '{"n": 0.5}') as stub:
        assert model(stub).answer(ASKED, loose).dialect == "plain"


def test_the_request_is_the_same_each_time() -> None:
    with chat_server("json_schema", says=lambda body: RIGHT) as stub:
        asked = model(stub)
        for _ in range(2):
            asked.answer(ASKED, SCHEMA)
        assert stub.asked[-1] == stub.asked[-2]
        body = stub.asked[-1]
    assert (body["temperature"], body["seed"], body["max_tokens"]) == (0, 7, 300)
    assert body["model"] == "stub-model"
    assert "tools" not in body


def test_pieces_of_an_answer_are_shown_as_they_come() -> None:
    pieces: list[str] = []
    with chat_server("json_schema", says=lambda body: RIGHT) as stub:
        answer = model(stub).answer(ASKED, SCHEMA, on_text=pieces.append)
    assert "".join(pieces) == RIGHT
    assert len(pieces) > 3
    assert answer.answer_tokens == 7
    assert answer.content == json.loads(RIGHT)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("<html>busy</html>", "answer-not-json"),
        ("", "answer-not-json"),
        ("La réponse est prête.", "answer-not-json"),
        ('{"sentence": "half', "answer-not-json"),
        ("[" * 100_000, "answer-not-json"),
        ('{"satz": "anders"}', "answer-off-schema"),
        ('{"sentence": 30}', "answer-off-schema"),
        ('["sentence"]', "answer-off-schema"),
        (json.dumps({"sentence": "x" * 61}), "answer-off-schema"),
        (completion('{"sentence": "cut"}', finish="length"), "answer-cut"),
    ],
)
def test_an_answer_in_another_form_is_refused(said: object, code: str) -> None:
    with (
        chat_server("json_schema", says=lambda body: said) as stub,
        pytest.raises(AnswerRefused) as caught,
    ):
        model(stub).answer(ASKED, SCHEMA)
    assert caught.value.code == code
    assert "anders" not in str(caught.value), "no text of an answer in an error"
    assert caught.value.text("zh")


@pytest.mark.parametrize("said", [{"choices": []}, {"choices": "x"}, {"choices": [{}]}, {}])
def test_a_server_that_breaks_the_protocol_is_named_so(said: object) -> None:
    with (
        chat_server("json_schema", says=lambda body: said) as stub,
        pytest.raises(IntranetError) as caught,
    ):
        model(stub).answer(ASKED, SCHEMA)
    assert caught.value.code == "wrong-answer"


def test_a_stream_that_never_says_why_it_ended_is_half_a_stream() -> None:
    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        if is_trial(stub.asked[-1]):
            schema = schema_in(stub.asked[-1])[1]
            word = schema["properties"]["word"]["enum"][0]
            send_json(handler, completion(json.dumps({"word": word})))
        else:
            send_events(handler, [json.dumps({"choices": [{"delta": {"content": RIGHT}}]})])

    with http_server(answering) as stub, pytest.raises(IntranetError) as caught:
        model(stub).answer(ASKED, SCHEMA, on_text=lambda piece: None)
    assert caught.value.code == "cut-off"


def test_another_language_is_no_fault_of_the_form() -> None:
    """Which language an answer is in is judged by who reads it (the verifier), not here."""
    said = json.dumps({"sentence": "Der Index beträgt {{ki67.global}}."}, ensure_ascii=False)
    with chat_server("json_schema", says=lambda body: said) as stub:
        assert model(stub).answer(ASKED, SCHEMA).content == json.loads(said)


def test_a_server_that_changed_is_tried_anew() -> None:
    with chat_server("json_schema", says=lambda body: RIGHT) as stub:
        asked = model(stub)
        asked.answer(ASKED, SCHEMA)
    asked_before = asked.dialect()
    with chat_server("gbnf", says=lambda body: RIGHT) as other:
        asked._door = Door(destination(other.url))
        with pytest.raises(IntranetError):
            asked.answer(ASKED, SCHEMA)
        assert asked.answer(ASKED, SCHEMA).dialect == "gbnf"
    assert asked_before == "json_schema"


def test_a_server_that_is_away_is_no_plain_server() -> None:
    with http_server(lambda handler, stub: None) as stub:
        pass
    with pytest.raises(IntranetError) as caught:
        model(stub).dialect()
    assert caught.value.code == "away"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('<think>\nThe index is 20 %.\n</think>\n{"a": 1}', '{"a": 1}'),
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('<think></think>\n```\n{"a": 1}\n```\n', '{"a": 1}'),
        ('{"a": "<think>x</think>"}', '{"a": "<think>x</think>"}'),
    ],
)
def test_thinking_and_fences_are_taken_off(text: str, rest: str) -> None:
    assert bare(text) == rest
