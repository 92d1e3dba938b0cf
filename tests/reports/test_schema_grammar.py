"""A schema as a grammar: held against a reader of grammars written for this test alone."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathology.reports.schema_grammar import grammar_of

ATOM = re.compile(
    r'\s*(?:(?P<text>"(?:\\.|[^"\\])*")|(?P<chars>\[(?:\\.|[^\]\\])*\])|(?P<mark>[()|?])'
    r"|(?P<times>\{\d*,?\d*\}))"
)


def as_pattern(grammar: str) -> re.Pattern[str]:
    """The one rule of ``grammar_of`` as a regular expression: it nests, and never recurs."""
    rule = grammar.removeprefix("root ::= ").rstrip("\n")
    pattern, at = "", 0
    while at < len(rule):
        atom = ATOM.match(rule, at)
        assert atom, rule[at : at + 40]
        at = atom.end()
        if atom["text"]:
            text = atom["text"][1:-1].replace('\\"', '"').replace("\\\\", "\\")
            pattern += f"(?:{re.escape(text)})"
        else:
            pattern += atom["chars"] or atom["mark"] or atom["times"]
    return re.compile(pattern)


def allows(schema: dict[str, object], value: object) -> bool:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return as_pattern(grammar_of(schema)).fullmatch(text) is not None


DRAFT = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["a", 'quoted "b"', "c\\d"]},
        "lines": {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 2},
        "many": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
        "sure": {"type": "boolean"},
        "none": {"type": "null"},
    },
    "required": ["kind", "lines", "many", "sure", "none"],
    "additionalProperties": False,
}
RIGHT = {"kind": "a", "lines": ["癌巢", 'x"y'], "many": [0, -12], "sure": True, "none": None}


def test_it_allows_what_the_schema_allows() -> None:
    assert allows(DRAFT, RIGHT)
    assert allows(DRAFT, {**RIGHT, "kind": 'quoted "b"', "lines": []})
    assert allows(DRAFT, {**RIGHT, "kind": "c\\d"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "z"},
        {"lines": ["abcdef"]},
        {"lines": ["a", "b", "c"]},
        {"many": [1]},
        {"many": [1, "x"]},
        {"sure": 1},
        {"none": 0},
        {"more": 1},
    ],
)
def test_it_allows_nothing_else(wrong: dict[str, object]) -> None:
    assert not allows(DRAFT, {**RIGHT, **wrong})


@given(st.text(max_size=12))
def test_a_string_is_allowed_up_to_its_length(text: str) -> None:
    plain = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    schema = {"type": "string", "maxLength": 8}
    printable = "\x7f" not in plain
    assert allows(schema, plain) == (len(plain) <= 8) or not printable


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "number"},
        {"type": "string", "pattern": "a+"},
        {"type": "object", "properties": {"a": {"type": "null"}}},
        {"anyOf": []},
        {"$ref": "#/x"},
    ],
)
def test_what_it_cannot_say_it_refuses(schema: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no grammar"):
        grammar_of(schema)
