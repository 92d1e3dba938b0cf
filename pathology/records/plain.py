"""Records as plain values that JSON knows, and back; nothing is guessed on the way back."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


def plain(value: Any) -> Any:
    """A record, or a collection of them, as dicts, lists and scalars; times as ISO 8601."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {k: plain(v) for k, v in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def rebuilt(raw: Any, kind: type[T]) -> T:
    """The record of ``kind`` that ``plain`` made ``raw`` from.

    Raises
    ------
    TypeError, ValueError, KeyError
        ``raw`` is none of it.
    """
    record: T = _value(raw, kind)
    return record


def _value(raw: Any, hint: Any) -> Any:
    origin: Any = get_origin(hint)
    inner = get_args(hint)
    if origin is types.UnionType:
        return None if raw is None else _value(raw, next(i for i in inner if i is not type(None)))
    if origin is Literal:
        return _one_of(raw, inner)
    if origin is tuple:
        return tuple(_value(v, inner[0]) for v in raw)
    if origin is not None and issubclass(origin, Mapping):
        return {k: _value(v, inner[1]) for k, v in raw.items()}
    if is_dataclass(hint):
        return _record(raw, hint, {f.name for f in fields(hint) if f.init})
    if hasattr(hint, "_fields"):
        return _record(raw, hint, set(hint._fields))
    return _scalar(raw, hint)


def _record(raw: Any, kind: Any, known: set[str]) -> Any:
    hints = _hints(kind)
    return kind(**{k: _value(v, hints[k]) for k, v in raw.items() if k in known})


def _scalar(raw: Any, hint: Any) -> Any:
    if hint is datetime:
        return datetime.fromisoformat(raw)
    if hint is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    if not isinstance(raw, hint):
        raise TypeError(f"{raw!r} is no {hint.__name__}")
    return raw


def _one_of(raw: Any, choices: tuple[Any, ...]) -> Any:
    if raw not in choices:
        raise ValueError(f"{raw!r} is none of {choices}")
    return raw


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    """Read once: a case holds thousands of records of a dozen kinds."""
    return get_type_hints(kind, vars(sys.modules[kind.__module__]))
