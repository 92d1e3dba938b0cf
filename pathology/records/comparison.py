"""How a language model did as a writer of drafts, to choose one by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScore:
    """One model over a set of cases. Means are over all cases; None where it was not told.

    ``reasons`` counts rejected tries by the kind of each fault (a try may have several), and tries
    without an answer by why there was none.
    """

    name: str  # as in the settings
    version: str
    drafts: int
    first: int  # accepted at the first try
    retried: int  # accepted after a rejected one
    fell_back: int  # the template stood in
    unanswered: int  # tries without a usable answer
    omissions: int  # tries that left out a required fact
    reasons: Mapping[str, int] = field(default_factory=dict)
    prompt_tokens: float | None = None  # a draft, all tries together
    answer_tokens: float | None = None
    seconds: float = 0.0  # median of a draft, all tries together
    slowest_s: float = 0.0
    cost: float | None = None  # a draft, where the settings name a price
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Models over the same cases; ``skipped`` are cases that cannot be drafted, by why."""

    cases: int
    scores: tuple[ModelScore, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)
