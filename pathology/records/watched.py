"""What a look into a watched folder saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

Stamp: TypeAlias = tuple[tuple[str, int, int], ...]
"""Name, size in bytes and time of change in ns of every file of a slide, sorted."""

FolderState = Literal["there", "share-gone", "share-empty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderLook:
    """One look. Paths are PHI; ``detail`` is the system's word for what failed."""

    state: FolderState
    detail: str = ""
    stamps: Mapping[Path, Stamp] = field(default_factory=dict, repr=False)
    leads_out: tuple[Path, ...] = field(default=(), repr=False)  # links out of the folder
    unreadable: tuple[Path, ...] = field(default=(), repr=False)  # this time; looked at again
