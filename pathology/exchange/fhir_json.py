"""FHIR's JSON read strictly: a shape that the standard does not know is a problem."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pathology.records.incoming import NotUnderstood

Json = Mapping[str, Any]


def document(data: bytes) -> Json:
    """The file as JSON without doubled keys, NaN or depth that no order has.

    Raises
    ------
    EOFError
        It ends before it is whole.
    """
    try:
        told = data.decode("utf-8-sig")
        whole = json.loads(told, object_pairs_hook=_once, parse_constant=_no_number)
    except UnicodeDecodeError as cause:
        raise NotUnderstood("not-text") from cause
    except json.JSONDecodeError as cause:
        if cause.pos >= len(told.rstrip()) or cause.msg.startswith("Unterminated string"):
            raise EOFError from cause
        raise NotUnderstood("not-a-message", detail="no JSON") from cause
    except (ValueError, RecursionError) as cause:
        raise NotUnderstood("not-a-message", detail="no sound JSON") from cause
    return table(whole, "the document")


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _no_number(name: str) -> None:
    raise ValueError(name)


def table(value: Any, where: str) -> Json:
    """``value`` as a JSON object; ``where`` names it when it is none."""
    if not isinstance(value, Mapping):
        raise NotUnderstood("order-shape", detail=where)
    return value


def listed(place: Json, key: str) -> list[Any]:
    """The array under a key, empty where it is absent."""
    value = place.get(key, [])
    if not isinstance(value, list):
        raise NotUnderstood("order-shape", detail=key)
    return value


def text_of(place: Json, key: str) -> str | None:
    """The string under a key, None where it is absent."""
    value = place.get(key)
    if value is not None and not isinstance(value, str):
        raise NotUnderstood("order-shape", detail=key)
    return value
