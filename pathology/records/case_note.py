"""A remark on a place of a slide, from one reader of a case to another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Final

LONGEST_NOTE: Final = 2000
FURTHEST_UM: Final = 1e7


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseNote:
    """Words on a rectangle of a result's slide, µm from its upper left corner."""

    result_id: str
    x_um: float
    y_um: float
    width_um: float
    height_um: float
    text: str

    def __post_init__(self) -> None:
        sides = (self.x_um, self.y_um, self.width_um, self.height_um)
        if not all(isfinite(side) and abs(side) < FURTHEST_UM for side in sides):
            raise ValueError("a place on a slide, in µm")
        if self.width_um <= 0 or self.height_um <= 0:
            raise ValueError("a rectangle has two sides")
        if not self.text.strip() or len(self.text) > LONGEST_NOTE:
            raise ValueError(f"a note has 1 to {LONGEST_NOTE} letters")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteOnCase:
    """A note, whose, and since when."""

    note: CaseNote
    by: str  # account
    at_utc: datetime
