"""What a run tells while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step of one slide: ``done`` of ``total`` tiles at ``stage``."""

    task: str
    stage: Literal["open", "survey", "tiles", "write", "training", "evaluation"]
    done: int = 0
    total: int = 0


Tell: TypeAlias = Callable[[Progress], None]
