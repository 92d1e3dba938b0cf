"""A correction that a person kept, as the record of the case is told of it."""

from __future__ import annotations

from dataclasses import dataclass

from pathology.records.actor import Actor
from pathology.records.correction import WhyCorrected
from pathology.review.gate import CaseAsked


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCorrection:
    """A correction that was kept, for the record of the case."""

    actor: Actor
    case: CaseAsked
    supersedes: str  # result ids
    result_id: str
    why: WhyCorrected
    note: str  # the person's own words: they may name somebody, so they belong under seal
