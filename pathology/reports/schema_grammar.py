"""A JSON Schema as a GBNF grammar, for servers that know grammars and no schemas.

GBNF is the notation of llama.cpp's ``grammars/README.md``. What is covered is what drafts ask for:
objects whose properties are all required and come in order, arrays, strings, integers, booleans,
null, ``enum`` and ``const``. Anything else is refused rather than said loosely.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

KNOWN: Final = frozenset(
    {
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "minItems",
        "maxItems",
        "minLength",
        "maxLength",
        "enum",
        "const",
        "title",
        "description",
        "$schema",
    }
)
LETTER: Final = r'( [^"\\\x00-\x1f\x7f] | "\\" ( ["\\/bfnrt] | "u" [0-9a-fA-F]{4} ) )'
MOST: Final = 1000
"""Repetitions that llama.cpp's grammars bear; longer strings are bounded by the tokens instead."""


def grammar_of(schema: Mapping[str, Any]) -> str:
    """Rules whose texts are the JSON values that ``schema`` allows, without needless spaces.

    Raises
    ------
    ValueError
        The schema uses a keyword beyond those of this module, or an optional property.
    """
    return f"root ::= {_rule(schema)}\n"


def _rule(schema: Mapping[str, Any]) -> str:
    if strangers := sorted(schema.keys() - KNOWN):
        raise ValueError(f"no grammar for {strangers}")
    if "const" in schema:
        return _literal(json.dumps(schema["const"], ensure_ascii=False))
    if "enum" in schema:
        texts = (_literal(json.dumps(value, ensure_ascii=False)) for value in schema["enum"])
        return f"( {' | '.join(texts)} )"
    kind = schema.get("type")
    if kind == "object":
        return _object(schema)
    if kind == "array":
        return _array(schema)
    if kind == "string":
        return _string(schema)
    if kind == "integer":
        return '( "-"? ( "0" | [1-9] [0-9]{0,15} ) )'
    if kind == "boolean":
        return '( "true" | "false" )'
    if kind == "null":
        return '"null"'
    raise ValueError(f"no grammar for type {kind!r}")


def _object(schema: Mapping[str, Any]) -> str:
    properties = schema.get("properties", {})
    if set(schema.get("required", ())) != set(properties):
        raise ValueError("no grammar for optional properties")
    parts = [
        f"{_literal(json.dumps(name, ensure_ascii=False) + ':')} {_rule(inner)}"
        for name, inner in properties.items()
    ]
    return f"""( "{{" {' "," '.join(parts)} "}}" )"""


def _array(schema: Mapping[str, Any]) -> str:
    item = _rule(schema["items"])
    least, most = int(schema.get("minItems", 0)), schema.get("maxItems")
    if most == 0:
        return '"[]"'
    upper = "" if most is None else str(int(most) - 1)
    more = f'( "," {item} ){{{max(least - 1, 0)},{upper}}}'
    filled = f'"[" {item} {more} "]"'
    return f"( {filled} )" if least else f'( "[]" | {filled} )'


def _string(schema: Mapping[str, Any]) -> str:
    least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", MOST))
    return f'( "\\"" {LETTER}{{{min(least, MOST)},{min(most, MOST)}}} "\\"" )'


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
