"""A language model behind the door of the house: chat, with answers by a schema.

Which dialect the server speaks (see ``dialects``) is found by trying, once. A server may take a
field that it does not know and ignore it; so the trial asks for a word that the question cannot
lead to, and only a server that was really bound answers with it.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import jsonschema

from pathology.errors import AnswerRefused, IntranetError
from pathology.intranet.door import Door, Question, never
from pathology.records.answer import DIALECTS, Dialect, Message, ModelAnswer
from pathology.records.settings.llm import Destination, WriterSettings
from pathology.reports.dialects import JsonSchema, conversation, demand

CHAT: Final = "/chat/completions"
TRIAL: Final = (Message(role="user", text="Say hello to the laboratory."),)
TRIAL_TOKENS: Final = 48
THINKING: Final = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
FENCE: Final = re.compile(r"\A```(?:json)?\s*\n(.*?)\n?```\Z", re.DOTALL)
UNTOLD: Final = frozenset({400, 404, 422, 500, 501})
"""Statuses by which servers say that they do not know a field."""


@dataclass(slots=True)
class _Heard:
    """What came of one request, piece by piece or at once."""

    text: list[str] = field(default_factory=list)
    finish: str = ""
    model: str = ""
    build: str = ""
    usage: Mapping[str, Any] = field(default_factory=dict)


class LanguageModel:
    """One model of one server; see ``records.answer.AnswersBySchema``. May be shared by threads."""

    def __init__(self, door: Door, writer: WriterSettings) -> None:
        self._door, self._writer = door, writer
        self._dialect: Dialect | None = None
        self._trying = threading.Lock()

    def answer(
        self,
        messages: Sequence[Message],
        schema: JsonSchema,
        *,
        on_text: Callable[[str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> ModelAnswer:
        """Ask for one JSON object by ``schema``; see ``AnswersBySchema``."""
        asked = cancelled or never
        began = time.monotonic()
        dialect = self._dialect_for(schema, asked)
        body = self._body(messages, schema, dialect)
        try:
            heard = (
                self._asked(body, asked)
                if on_text is None
                else self._listened(body, on_text, asked)
            )
        except IntranetError as problem:
            if problem.facts.get("status") in UNTOLD:
                self._dialect = None  # another server than the one that was tried
            raise
        text = "".join(heard.text)
        return ModelAnswer(
            content=self._content(text, heard.finish, schema),
            text=bare(text),
            model=heard.model or self._door.model,
            build=heard.build,
            dialect=dialect,
            finish=heard.finish,
            prompt_tokens=_count(heard.usage, "prompt_tokens"),
            answer_tokens=_count(heard.usage, "completion_tokens"),
            seconds=time.monotonic() - began,
        )

    def dialect(self, *, cancelled: Callable[[], bool] = never) -> Dialect:
        """The strictest dialect that binds this server; found at the first call, then remembered.

        Raises
        ------
        IntranetError
            The server cannot be asked at all.
        """
        with self._trying:
            if self._dialect is not None:
                return self._dialect
            bound: Iterator[Dialect] = (
                dialect
                for dialect in DIALECTS
                if dialect == "plain" or self._binds(dialect, cancelled)
            )
            self._dialect = found = next(bound)
            return found

    def _dialect_for(self, schema: JsonSchema, cancelled: Callable[[], bool]) -> Dialect:
        dialect = self.dialect(cancelled=cancelled)
        try:
            demand(dialect, schema)
        except ValueError:  # no grammar can say this schema; the answer is checked all the same
            return "plain"
        return dialect

    def _binds(self, dialect: Dialect, cancelled: Callable[[], bool]) -> bool:
        word = f"k{secrets.randbelow(10**6):06}"
        schema = {
            "type": "object",
            "properties": {"word": {"type": "string", "enum": [word]}},
            "required": ["word"],
            "additionalProperties": False,
        }
        body = {**self._body(TRIAL, schema, dialect), "max_tokens": TRIAL_TOKENS}
        try:
            heard = self._asked(body, cancelled)
        except IntranetError as problem:
            if problem.facts.get("status") in UNTOLD:
                return False
            raise
        with suppress(ValueError):
            return bool(json.loads("".join(heard.text)) == {"word": word})
        return False

    def _body(
        self, messages: Sequence[Message], schema: JsonSchema, dialect: Dialect
    ) -> dict[str, object]:
        return {
            "model": self._door.model,
            "messages": conversation(messages, dialect, schema),
            "temperature": 0,
            "seed": self._writer.seed,
            "max_tokens": self._writer.answer_tokens,
            **demand(dialect, schema),
        }

    def _asked(self, body: Mapping[str, object], cancelled: Callable[[], bool]) -> _Heard:
        answer = self._door.ask(Question(path=CHAT, body=body, cancelled=cancelled))
        choice = self._choice(answer)
        said = choice.get("message")
        text = said.get("content") if isinstance(said, Mapping) else None
        if not isinstance(text, str):
            raise IntranetError(self._door.name, "wrong-answer", {"detail": "no content"})
        return _Heard(
            text=[text],
            finish=_word(choice.get("finish_reason")),
            model=_word(answer.get("model")),
            build=_word(answer.get("system_fingerprint")),
            usage=_table(answer.get("usage")),
        )

    def _listened(
        self,
        body: Mapping[str, object],
        on_text: Callable[[str], None],
        cancelled: Callable[[], bool],
    ) -> _Heard:
        streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
        heard = _Heard()
        question = Question(path=CHAT, body=streamed, cancelled=cancelled)
        for event in self._door.stream(question):
            heard.model = _word(event.get("model")) or heard.model
            heard.build = _word(event.get("system_fingerprint")) or heard.build
            heard.usage = _table(event.get("usage")) or heard.usage
            if not event.get("choices"):
                continue  # the last event counts tokens and says nothing
            choice = self._choice(event)
            heard.finish = _word(choice.get("finish_reason")) or heard.finish
            piece = _table(choice.get("delta")).get("content")
            if isinstance(piece, str) and piece:
                heard.text.append(piece)
                on_text(piece)
        if not heard.finish:
            raise IntranetError(self._door.name, "cut-off")
        return heard

    def _choice(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        choices = answer.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
            raise IntranetError(self._door.name, "wrong-answer", {"detail": "no choices"})
        return choices[0]

    def _content(self, text: str, finish: str, schema: JsonSchema) -> Mapping[str, object]:
        name = self._door.name
        if finish == "length":
            raise AnswerRefused(name, "answer-cut", {"tokens": self._writer.answer_tokens})
        try:
            content = json.loads(bare(text))
        except (ValueError, RecursionError) as cause:
            raise AnswerRefused(name, "answer-not-json") from cause
        try:
            jsonschema.validate(content, schema)
        except jsonschema.ValidationError as cause:
            # Where and by which rule, never the text: it may be about a patient.
            place = "/".join(str(part) for part in cause.absolute_schema_path)[-80:]
            raise AnswerRefused(name, "answer-off-schema", {"detail": place}) from cause
        if not isinstance(content, dict):
            raise AnswerRefused(name, "answer-off-schema", {"detail": "no object"})
        return content


def model_at(destination: Destination, writer: WriterSettings) -> LanguageModel:
    """The language model of one endpoint; for who may not open doors."""
    return LanguageModel(Door(destination), writer)


def bare(text: str) -> str:
    """``text`` without a model's thinking before it and without a code fence around it."""
    rest = THINKING.sub("", text, count=1).strip()
    fenced = FENCE.match(rest)
    return fenced[1].strip() if fenced else rest


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    number = usage.get(name)
    return number if isinstance(number, int) and not isinstance(number, bool) else None
