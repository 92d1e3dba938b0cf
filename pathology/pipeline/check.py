"""One thing that the doctor looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was seen, and what to do about it; "bad" stands in the way of work."""

    name: str
    state: Literal["good", "note", "bad"]
    detail: str
    remedy: str = ""
    remedy_zh: str = ""
