"""States of a report and what leads from one to another: one literal table, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

ReportState = Literal["AI_DRAFT", "IN_REVIEW", "CORRECTED", "SIGNED", "AMENDED", "REJECTED"]
"""AI_DRAFT: machine-checked at most; IN_REVIEW: a pathologist took it; CORRECTED: text, result or
a finding was changed by a person; SIGNED, AMENDED: a version is in force; REJECTED: nothing is
reported from this analysis."""

ReportEvent = Literal[
    "take",
    "renew",
    "correct",
    "sign",
    "amend",
    "reject",
    "reopen",
    "drop-to-signed",
    "drop-to-amended",
]
"""take: a pathologist claims it; renew: the software made it anew; correct: a person changed it;
sign: the first signature; amend: a later one; reopen: an amendment is begun, or a rejection taken
back; drop: an amendment that was begun is given up, and the version in force stays."""

NEXT: Final[Mapping[tuple[ReportState, ReportEvent], ReportState]] = MappingProxyType(
    {
        ("AI_DRAFT", "renew"): "AI_DRAFT",
        ("AI_DRAFT", "take"): "IN_REVIEW",
        ("AI_DRAFT", "reject"): "REJECTED",
        ("IN_REVIEW", "take"): "IN_REVIEW",
        ("IN_REVIEW", "renew"): "IN_REVIEW",
        ("IN_REVIEW", "correct"): "CORRECTED",
        ("IN_REVIEW", "sign"): "SIGNED",
        ("IN_REVIEW", "amend"): "AMENDED",
        ("IN_REVIEW", "reject"): "REJECTED",
        ("IN_REVIEW", "drop-to-signed"): "SIGNED",
        ("IN_REVIEW", "drop-to-amended"): "AMENDED",
        ("CORRECTED", "take"): "CORRECTED",
        ("CORRECTED", "renew"): "IN_REVIEW",
        ("CORRECTED", "correct"): "CORRECTED",
        ("CORRECTED", "sign"): "SIGNED",
        ("CORRECTED", "amend"): "AMENDED",
        ("CORRECTED", "reject"): "REJECTED",
        ("CORRECTED", "drop-to-signed"): "SIGNED",
        ("CORRECTED", "drop-to-amended"): "AMENDED",
        ("SIGNED", "reopen"): "IN_REVIEW",
        ("AMENDED", "reopen"): "IN_REVIEW",
        ("REJECTED", "reopen"): "IN_REVIEW",
    }
)
"""What is not written here cannot happen."""

IN_FORCE: Final[frozenset[ReportState]] = frozenset({"SIGNED", "AMENDED"})
"""States in which a signature answers for the report; only these leave the house as final."""
OPEN: Final[frozenset[ReportState]] = frozenset({"IN_REVIEW", "CORRECTED"})
"""States in which persons work on it."""


def next_state(state: ReportState, event: ReportEvent) -> ReportState | None:
    """Where ``event`` leads from ``state``; None where it cannot happen."""
    return NEXT.get((state, event))
