"""Chat servers that know some dialects, and err on purpose."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.stub_servers import Stub, http_server, send, send_events, send_json


def schema_in(body: Mapping[str, Any]) -> tuple[str, Any]:
    """The dialect in which ``body`` asks, and the schema (or grammar) it asks for."""
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return "json_schema", form["json_schema"]["schema"]
    if form.get("type") == "json_object":
        return "json_object", form["schema"]
    for name in ("structured_outputs", "guided_json", "grammar"):
        if name in body:
            found = body[name]["json"] if name == "structured_outputs" else body[name]
            return name.replace("grammar", "gbnf"), found
    return "plain", None


def told_by(schema: Any) -> str:
    """The shortest answer by a trial's schema or grammar: its one word."""
    if isinstance(schema, str):
        word = schema.split('\\"')[3]
    else:
        (word,) = schema["properties"]["word"]["enum"]
    return json.dumps({"word": word})


def completion(text: str, finish: str = "stop") -> dict[str, object]:
    return {
        "model": "served-model",
        "choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7},
    }


def example_answer(body: Mapping[str, Any]) -> str:
    """What an honest model may answer: the example sentences of the prompt, section by section."""
    told: dict[str, dict[str, list[str]]] = {}
    for line in body["messages"][1]["content"].splitlines():
        if section := re.match(r"Section (\w+)\. Facts:", line):
            told[section[1]] = {"en": [], "zh": []}
            current = told[section[1]]
        elif example := re.match(r"  (en|zh): (.+)", line):
            current[example[1]].append(example[2])
    return json.dumps(told, ensure_ascii=False)


def is_trial(body: Mapping[str, Any]) -> bool:
    return "hello" in body["messages"][0]["content"]


@contextmanager
def chat_server(
    *knows: str,
    says: Callable[[Mapping[str, Any]], object] = lambda body: "{}",
    unknown: int | None = 400,
    models: Sequence[str] = (),
) -> Iterator[Stub]:
    """Bound by the dialects in ``knows``; others are refused, or ignored (``unknown`` None).

    It tells that it has ``models``. ``says`` makes the text of an answer that is no trial, or a
    whole completion (a dict).
    """

    def answering(handler: BaseHTTPRequestHandler, stub: Stub) -> None:
        body: Any = stub.asked[-1]
        if handler.path.endswith("/models"):
            send_json(handler, {"object": "list", "data": [{"id": name} for name in models]})
            return
        dialect, schema = schema_in(body)
        if dialect != "plain" and dialect not in knows and unknown:
            send(handler, unknown, b'{"error": "extra fields not permitted"}')
        elif is_trial(body):
            bound = dialect in knows
            send_json(handler, completion(told_by(schema) if bound else "Hello, laboratory!"))
        elif body.get("stream"):
            text = str(says(body))
            pieces = [text[i : i + 7] for i in range(0, len(text), 7)]
            deltas: list[dict[str, object]] = [
                {"choices": [{"delta": {"content": p}}]} for p in pieces
            ]
            deltas.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
            deltas.append({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7}})
            named = ({"model": "served-model", "system_fingerprint": "b42", **d} for d in deltas)
            send_events(handler, [json.dumps(delta, ensure_ascii=False) for delta in named])
        else:
            said = says(body)
            send_json(handler, said if isinstance(said, dict) else completion(str(said)))

    with http_server(answering) as stub:
        yield stub
