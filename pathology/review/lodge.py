"""The porter's lodge: the gate over the ledger's accounts, sessions and cases."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import Final, Literal

from starlette.requests import HTTPConnection
from starlette.responses import Response

from pathology.ledger.case_access import CaseAccess
from pathology.ledger.entrance import Entrance
from pathology.ledger.open import OpenLedger, utc_now
from pathology.ledger.permissions import allowed
from pathology.records.actor import Act, Actor
from pathology.records.entrance import Session, Visit
from pathology.records.settings.access import AccessSettings
from pathology.records.signed_report import Reauthenticated
from pathology.review.gate import CaseAsked
from pathology.review.kept_correction import KeptCorrection
from pathology.review.outside import Outside, outside_of

SIGN_IN: Final = "/sign-in"
VIEWS_KEPT: Final = 50_000
Kind = Literal["session", "attempt"]
"""What a cookie is for: a session, or a browser that left for the single sign-on."""


class Lodge:
    """``Gate`` over a ledger. Every question is asked of the database: a closed account is out."""

    def __init__(
        self,
        ledger: OpenLedger,
        rules: AccessSettings,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.ledger, self.rules, self.clock = ledger, rules, clock
        self.entrance: Entrance = ledger.entrance(rules)
        self.cases: CaseAccess = ledger.case_access(rules)
        self.sessions = ledger.sessions(rules)
        self.outside: Outside | None = None
        if rules.single_sign_on is not None:
            self.outside = outside_of(rules.single_sign_on, lambda: clock().timestamp())
        self._viewed: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._lock = Lock()

    @property
    def sign_in(self) -> str | None:
        """Where a browser without a session is sent to."""
        return SIGN_IN

    def who(self, request: HTTPConnection) -> Actor | None:
        """The account of a request's session."""
        session = self.session(request)
        return None if session is None else session.actor

    def session(self, request: HTTPConnection) -> Session | None:
        """The session of a request; None for none, or one that is over."""
        token = token_of(request)
        return None if token is None else self.sessions.who(token, self.clock())

    def prove(self, request: HTTPConnection, secret: str) -> Reauthenticated | None:
        """By the password; a session of the single sign-on was proved there, just before."""
        session, token = self.session(request), token_of(request)
        if session is None or token is None:
            return None
        if session.method == "oidc":
            return self.entrance.proof_of(token)
        return self.entrance.prove(session, secret, self.visit(request))

    def allows(self, actor: Actor, act: Act, case: CaseAsked | None) -> bool:
        """By the account's roles, and by the site's rule for cases."""
        if not allowed(actor.roles, act):
            return False
        if case is None:
            return True
        if act == "assign-case" and not allowed(actor.roles, "view-case"):
            return True  # who gives out work sees no case; who sees some gives out those
        return self.cases.sees(actor, (case.case_id, case.slide_id), self.clock())

    def viewed(self, actor: Actor, what: str, case: CaseAsked | None) -> None:
        """A line that this account looked at something; one in ``view_again_s``.

        It is written before anything is shown: LedgerError where it cannot be.
        """
        subject = what if case is None else f"{self._key_of(case)}/{what}"
        key, now = (actor.name, subject), time.monotonic()
        with self._lock:
            last = self._viewed.get(key)
            if last is not None and now - last < self.rules.cases.view_again_s:
                return
        self.ledger.audit.append(
            actor=actor.name, act="view", subject=subject, now_utc=self.clock()
        )
        with self._lock:
            self._viewed[key] = now
            self._viewed.move_to_end(key)
            while len(self._viewed) > VIEWS_KEPT:
                self._viewed.popitem(last=False)

    def corrected(self, kept: KeptCorrection) -> None:
        """A line that this account corrected a result; its own words are in no line."""
        before, after = (i.rpartition("/")[2] for i in (kept.supersedes, kept.result_id))
        self.ledger.audit.append(
            actor=kept.actor.name,
            act="correct-result",
            subject=f"{self._key_of(kept.case)}/{before}",
            now_utc=self.clock(),
            after={"result": after, "why": kept.why},
        )

    def refused(self, actor: Actor, act: Act, case: CaseAsked | None) -> None:
        """A line that this account was turned away."""
        after: dict[str, object] = {"roles": sorted(actor.roles)}
        if case is not None:
            after["case"] = self._key_of(case)
        self.ledger.audit.append(
            actor=actor.name, act="refused", subject=act, now_utc=self.clock(), after=after
        )

    def _key_of(self, case: CaseAsked) -> str:
        """A case as the chain calls it: ids of slides and results may hold names of files."""
        return self.cases.key_of(case.case_id, case.slide_id)

    def visit(self, request: HTTPConnection) -> Visit:
        """Now, and the address that a request came from."""
        return Visit(now_utc=self.clock(), address=address_of(request))


def address_of(request: HTTPConnection) -> str:
    """The machine at the other end; no header is believed."""
    return "unknown" if request.client is None else request.client.host


def _cookie(request: HTTPConnection, kind: Kind) -> str:
    """``__Host-``: only this host can have set it, under TLS, for all its paths."""
    return f"__Host-{kind}" if request.url.scheme == "https" else kind


def token_of(request: HTTPConnection, kind: Kind = "session") -> str | None:
    """The token that a browser brought."""
    return request.cookies.get(_cookie(request, kind))


def give_cookie(
    request: HTTPConnection, answer: Response, token: str, kind: Kind = "session"
) -> None:
    """A session's cookie: gone with the browser, out of reach of scripts and of other sites."""
    answer.set_cookie(
        _cookie(request, kind),
        token,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def take_cookie(request: HTTPConnection, answer: Response, kind: Kind = "session") -> None:
    """Take it back."""
    answer.delete_cookie(
        _cookie(request, kind),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
