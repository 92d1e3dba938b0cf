"""What a copy of a slide without identity came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelProof:
    """The compressed bytes of one level: the same in the copy as in the scan."""

    width: int
    height: int
    tiles: int
    sha256: str  # over length and bytes of each tile, in their order


@dataclass(frozen=True, slots=True, kw_only=True)
class NamelessCopy:
    """A copy without identity, after it was read back."""

    slide_id: str
    format: str
    levels: tuple[LevelProof, ...]
    left_out: tuple[str, ...]  # what was not copied: pictures by their size, tags by their numbers
