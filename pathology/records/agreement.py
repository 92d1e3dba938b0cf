"""Whether the sources that speak of a slide agree on whose it is. No verdict shows a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pathology.records.work import ClaimSource, SlideIdentity

IdentityField = Literal["barcode", "accession", "specimen", "block", "order_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two sources that name different values of one field."""

    field: IdentityField
    first: ClaimSource
    second: ClaimSource

    def __str__(self) -> str:
        return f"{self.field}: {self.first} ≠ {self.second}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """The slide belongs to this case."""

    identity: SlideIdentity = field(repr=False)
    by: str  # what proved it


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A person must look at the glass; the values stay with the order's claims."""

    conflicts: tuple[Conflict, ...]

    def __str__(self) -> str:
        return "; ".join(map(str, self.conflicts))


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEnough:
    """Nothing speaks against, and too little for: the slide has no case."""

    lacks: Literal["accession", "sources", "one-match"]


Verdict: TypeAlias = Agreed | Disagreement | NotEnough
