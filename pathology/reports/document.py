"""A draft as plain values, for its JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from pathology.records.report import Draft

DRAFT_SCHEMA: Final = "pathology.report-draft/1"


def draft_document(draft: Draft) -> dict[str, Any]:
    """Everything that a draft says and rests on; the banner first."""
    plain: dict[str, Any] = _plain(draft)
    head = {
        "schema": DRAFT_SCHEMA,
        "state": plain.pop("state"),
        "banner": plain.pop("banner"),
        "machine_checked": True,
        "physician_verified": False,
    }
    return head | plain


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value
