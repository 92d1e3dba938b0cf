"""A gate of two sessions, known by random tokens, for tests of the page."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from pathology.records.actor import Act, Actor
from pathology.records.result import StoredResult
from pathology.review.gate import CaseAsked

COOKIE = "session"
ACTS: dict[str, frozenset[Act]] = {
    "reader": frozenset({"read-worklist", "view-case", "count-region", "correct-result"}),
    "clerk": frozenset({"read-worklist"}),
}


def _token() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSessions:
    """A pathologist who may see some cases (all where none is named), and a technician who may see
    the list and no case."""

    reader: str = field(default_factory=_token)
    clerk: str = field(default_factory=_token)
    cases: frozenset[str | None] | None = None
    sign_in: str | None = None

    def who(self, request: HTTPConnection) -> Actor | None:
        token = request.cookies.get(COOKIE, "")
        if secrets.compare_digest(token.encode(), self.reader.encode()):
            return Actor(name="reader", kind="person", roles=frozenset({"pathologist"}))
        if secrets.compare_digest(token.encode(), self.clerk.encode()):
            return Actor(name="clerk", kind="person", roles=frozenset({"technician"}))
        return None

    def hides(self, actor: Actor, result: StoredResult) -> frozenset[str]:
        return frozenset()

    def viewed(self, actor: Actor, what: str, case: CaseAsked | None) -> None:
        """Nothing is kept."""

    def refused(self, actor: Actor, act: Act, case: CaseAsked | None) -> None:
        """Nothing is kept."""

    def allows(self, actor: Actor, act: Act, case: CaseAsked | None) -> bool:
        if act not in ACTS[actor.name]:
            return False
        return case is None or self.cases is None or case.case_id in self.cases
