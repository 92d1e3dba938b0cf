"""A card as TOML that ``config.load_record`` reads back equal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from pathology.records.model import ModelCard


def card_text(card: ModelCard) -> str:
    """The card's file: scalars first, then a table a part, then a table a measured result."""
    return "\n".join(_table("", card)).strip() + "\n"


def _table(path: str, record: Any) -> Iterator[str]:
    """Lines of a record and of the records in it; what is as by default is left out."""
    inner: list[tuple[str, Any]] = []
    for field in fields(record):
        value = getattr(record, field.name)
        if is_dataclass(value) or (isinstance(value, tuple) and value and is_dataclass(value[0])):
            inner.append((field.name, value))
        elif value is not None and value != field.default:
            yield f"{field.name} = {_value(value)}"
    for name, value in inner:
        below = f"{path}.{name}" if path else name
        many = isinstance(value, tuple)
        for one in value if many else (value,):
            yield ""
            yield f"[[{below}]]" if many else f"[{below}]"
            yield from _table(below, one)


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        if len(value) > 1 and all(isinstance(item, str) for item in value):
            return "[\n" + "".join(f"    {_value(item)},\n" for item in value) + "]"
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # TOML's basic strings escape like JSON's, but want DEL escaped as well.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
