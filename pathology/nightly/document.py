"""The summary for programs: ``pathology.night/1``, every slide named, nothing cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any

from pathology.records.night_summary import NightSummary

SCHEMA = "pathology.night/1"


def night_document(summary: NightSummary) -> dict[str, Any]:
    """The summary as plain values; times as ISO 8601 in UTC."""
    return {"schema": SCHEMA, "exit_code": summary.exit_code, **_plain(summary)}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return value
