"""What a request's body says, looked at before anybody believes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


def object_of(body: bytes) -> dict[str, Any] | None:
    """The JSON object of a body; None where it is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def texts_of(body: bytes, names: Sequence[str], longest: int) -> list[str] | None:
    """The texts of these names and of no other; None where the body does not hold just them."""
    document = object_of(body)
    if document is None or document.keys() != set(names):
        return None
    found = [document[name] for name in names]
    if not all(isinstance(text, str) and len(text) <= longest for text in found):
        return None
    return found
