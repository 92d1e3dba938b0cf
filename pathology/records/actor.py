"""Who acts: a person or a service account, and what their roles let them do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal[
    "technician", "pathologist", "operator", "curator", "administrator", "auditor", "service"
]
"""``service`` is the account that unattended work runs under."""

Act = Literal[
    "plan-night",
    "run-night",
    "run-analysis",
    "read-worklist",
    "read-identity",
    "correct-identity",
    "draft-report",
    "sign-report",
    "export-final",
    "curate-knowledge",
    "manage-users",
    "manage-keys",
    "verify-audit",
    "view-case",
    "count-region",
    "open-case",
    "review-case",
    "assign-case",
    "withdraw-model",
    "restore-model",
    "hold-case",
    "purge-case",
    "export-audit",
    "correct-result",
    "send-final",
    "send-bundle",
    "answer-bundle",
    "upload-slide",
    "back-up",
]
"""What the ledger is asked about before it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who answers for an act. The name is an account's, never a patient's."""

    name: str
    kind: Literal["person", "service"]
    roles: frozenset[Role]
