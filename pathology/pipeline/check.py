"""One thing that the doctor looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was seen; "bad" stands in the way of work, and says in both languages what to do."""

    name: str
    state: Literal["good", "note", "bad"]
    detail: str
    remedy: str = ""
    remedy_zh: str = ""

    def __post_init__(self) -> None:
        if self.state == "bad" and not (self.remedy and self.remedy_zh):
            raise ValueError(f"{self.name}: what is bad must say what to do")
