"""How servers are told by which schema to answer: six dialects of one protocol.

``json_schema`` is OpenAI's, and understood by llama.cpp, SGLang, Ollama and newer vLLM;
``structured_outputs`` is vLLM's since 0.12, ``guided_json`` its name before; ``json_object`` with a
schema beside it is what llama-cpp-python's server takes; ``gbnf`` is llama.cpp's grammar. ``plain``
asks in words, which every server understands and no server keeps to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from pathology.records.answer import Dialect, Message
from pathology.reports.schema_grammar import grammar_of

JsonSchema = Mapping[str, object]


def demand(dialect: Dialect, schema: JsonSchema) -> dict[str, object]:
    """The fields of a chat request that ask for ``schema`` in this dialect.

    Raises
    ------
    ValueError
        ``gbnf``, and the schema has what ``schema_grammar`` cannot say.
    """
    if dialect == "json_schema":
        named = {"name": "answer", "schema": schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    if dialect == "structured_outputs":
        return {"structured_outputs": {"json": schema}}
    if dialect == "guided_json":
        return {"guided_json": schema}
    if dialect == "json_object":
        return {"response_format": {"type": "json_object", "schema": schema}}
    if dialect == "gbnf":
        return {"grammar": grammar_of(schema)}
    return {}


def conversation(
    messages: Sequence[Message], dialect: Dialect, schema: JsonSchema
) -> list[dict[str, str]]:
    """``messages`` as the protocol has them; ``plain`` puts the schema into words at the end."""
    told = [{"role": message.role, "content": message.text} for message in messages]
    if dialect == "plain" and told:
        form = json.dumps(schema, ensure_ascii=False)
        told[-1]["content"] += f"\n\nAnswer with one JSON object and nothing else, by:\n{form}"
    return told
