"""What is asked of a language model, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Dialect = Literal[
    "json_schema", "structured_outputs", "guided_json", "json_object", "gbnf", "plain"
]
"""How a server is told the form of the answer, strictest first; ``plain`` is asking for it."""

DIALECTS: tuple[Dialect, ...] = (
    "json_schema",
    "structured_outputs",
    "guided_json",
    "json_object",
    "gbnf",
    "plain",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn of the conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """An answer that is whole and has the form asked for. What it says is nobody's promise."""

    content: Mapping[str, object]  # parsed, and valid by the schema
    text: str  # as received, without what a model calls its thinking
    model: str  # as the server names it
    dialect: Dialect
    finish: str  # the server's reason for the end; never "length"
    prompt_tokens: int | None  # None where the server does not count
    answer_tokens: int | None
    build: str = ""  # what the server calls its fingerprint; empty where it names none
    seconds: float  # from the request to the last byte, retries included


class AnswersBySchema(Protocol):
    """A language model as ``reports`` sees it."""

    def answer(
        self,
        messages: Sequence[Message],
        schema: Mapping[str, object],
        *,
        on_text: Callable[[str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> ModelAnswer:
        """Ask for one JSON object by ``schema`` (JSON Schema, an object at the top).

        Parameters
        ----------
        messages
            The conversation, oldest first.
        schema
            Give every string a ``maxLength``: without one a small model can fill its answer with
            one word for ever.
        on_text
            Gets each piece of the answer as it comes (the answer is then streamed). The pieces may
            belong to an answer that is refused at its end.
        cancelled
            Asked several times a second; once it says True the connection is closed.

        Raises
        ------
        IntranetError
            The server: away, slow, not what it should be; ``code`` says which.
        AnswerRefused
            The server answered, and not by the schema: cut at the limit of tokens, no JSON, JSON
            of another form.
        """
        ...
