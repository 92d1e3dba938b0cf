"""Who is at the door, and what they may see. Accounts and sessions are behind this protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import HTTPConnection

from pathology.records.actor import Act, Actor
from pathology.records.result import StoredResult


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAsked:
    """What a request is about."""

    slide_id: str
    case_id: str | None  # None: the order named no case


class Gate(Protocol):
    """Asked before every answer but those that anyone may have (the page's own files).

    It may take its time: it is never asked on the thread that serves the others.
    """

    @property
    def sign_in(self) -> str | None:
        """Path that a browser without a session is sent to; None where there is no such page."""
        ...

    def who(self, request: HTTPConnection) -> Actor | None:
        """The account behind a request's session; None for none, or one that ran out."""
        ...

    def allows(self, actor: Actor, act: Act, case: CaseAsked | None) -> bool:
        """Whether an account may do this, to this case where the request is about one."""
        ...

    def hides(self, actor: Actor, result: StoredResult) -> frozenset[str]:
        """Ids of findings that this account must read by itself before it is told them."""
        ...

    def viewed(self, actor: Actor, what: str, case: CaseAsked | None) -> None:
        """Keep that an account looks at a result, before it is shown; LedgerError: show nothing."""
        ...

    def refused(self, actor: Actor, act: Act, case: CaseAsked | None) -> None:
        """Keep that an account was turned away."""
        ...
