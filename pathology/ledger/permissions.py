"""Who may do what: one literal table, and what no account may be at once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pathology.records.actor import Act, Role

MAY: Final[Mapping[Role, frozenset[Act]]] = MappingProxyType(
    {
        "technician": frozenset(
            {"run-analysis", "upload-slide", "read-worklist", "view-case", "correct-identity"}
        ),
        "pathologist": frozenset(
            {
                "run-analysis",
                "read-worklist",
                "read-identity",
                "view-case",
                "count-region",
                "correct-result",
                "draft-report",
                "open-case",
                "review-case",
                "assign-case",
                "withdraw-model",
                "sign-report",
                "export-final",
                "send-final",
                "send-bundle",
                "answer-bundle",
            }
        ),
        "operator": frozenset(
            {
                "plan-night",
                "run-night",
                "run-analysis",
                "upload-slide",
                "read-worklist",
                "read-identity",
                "open-case",
                "assign-case",
                "withdraw-model",
                "send-final",
                "send-bundle",
                "answer-bundle",
            }
        ),
        "curator": frozenset({"curate-knowledge"}),
        "administrator": frozenset(
            {
                "manage-users",
                "manage-keys",
                "verify-audit",
                "export-audit",
                "withdraw-model",
                "restore-model",
                "hold-case",
                "purge-case",
                "back-up",
            }
        ),
        "auditor": frozenset({"read-worklist", "verify-audit", "export-audit", "hold-case"}),
        "service": frozenset(
            {
                "plan-night",
                "run-night",
                "run-analysis",
                "read-worklist",
                "open-case",
                "send-final",
            }
        ),
    }
)
"""Least privilege; a role has nothing that is not written here."""

NEVER_TOGETHER: Final = (
    frozenset({"administrator", "pathologist"}),  # who makes accounts must not sign
    frozenset({"administrator", "auditor"}),  # who is audited must not audit
    frozenset({"service", "pathologist"}),  # a program signs nothing
)
PERSONS_ONLY: Final[frozenset[Role]] = frozenset(
    {"pathologist", "curator", "administrator", "auditor", "technician"}
)
FOUNDER: Final[frozenset[Role]] = frozenset({"operator", "technician", "administrator"})
"""Roles of the person who makes a fresh ledger: enough for one computer, and not to sign."""


def allowed(roles: frozenset[Role], act: Act) -> bool:
    """Whether these roles allow the act; an administrator signs under no role."""
    if act == "sign-report" and roles & {"administrator", "service"}:
        return False
    return any(act in MAY[role] for role in roles)


def who_may(act: Act) -> list[Role]:
    """The roles that allow an act."""
    return [role for role, acts in MAY.items() if act in acts]
