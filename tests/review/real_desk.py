"""A desk over a real ledger, with an account of every role and a clock that tests turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import get_args

from starlette.testclient import TestClient

from pathology.ledger.open import OpenLedger
from pathology.records.actor import Actor, Role
from pathology.records.entrance import Entered, Visit
from pathology.records.settings.access import AccessSettings, CasesSeen
from pathology.records.settings.deciding import DecidingSettings
from pathology.records.settings.run import RunSettings
from pathology.review.app import review_app
from pathology.review.desk import Desk
from pathology.review.lodge import Lodge
from tests.access import PASSWORD, RULES
from tests.cases_on_desk import rules as decided_openly
from tests.ledgers import NOON, LedgerSite
from tests.review.painted_desk import SITE, PaintedDesk

ORIGIN = "http://testserver"
PERSONS: tuple[Role, ...] = tuple(r for r in get_args(Role) if r != "service")
PACE = replace(RULES.pace, entries_a_minute=1000, requests_a_second=10_000, burst=10_000)


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(kw_only=True)
class RealDesk:
    painted: PaintedDesk
    ledger: OpenLedger
    admin: Actor
    rules: AccessSettings = field(default_factory=lambda: replace(RULES, pace=PACE))
    clock: Clock = field(default_factory=Clock)
    deciding: DecidingSettings = field(default_factory=decided_openly)

    @property
    def settings(self) -> RunSettings:
        return replace(SITE, access=self.rules, deciding=self.deciding)

    def desk(self) -> Desk:
        lodge = Lodge(self.ledger, self.rules, self.deciding, self.clock)
        plain = self.painted.desk(lodge)
        return replace(plain, lodge=lodge, settings=self.settings, kept=lodge.corrected)

    def visit(self) -> Visit:
        return Visit(now_utc=self.clock.now, address="127.0.0.1")

    def person(self, name: str, *roles: Role) -> None:
        """An account whose password is ``PASSWORD``."""
        account = Actor(name=name, kind="person", roles=frozenset(roles))
        self.ledger.accounts.add(account, self.admin, self.clock.now)
        entrance = self.ledger.entrance(self.rules)
        first = entrance.one_time(name, self.admin, self.clock.now)
        entered = entrance.change_password(name, first, PASSWORD, self.visit())
        assert isinstance(entered, Entered)

    def token(self, name: str) -> str:
        entered = self.ledger.entrance(self.rules).sign_in(name, PASSWORD, self.visit())
        assert isinstance(entered, Entered), entered
        return entered.token

    def acts(self) -> list[str]:
        return [line.act for line in self.ledger.audit.lines()]

    def only_assigned(self, seen: CasesSeen = "assigned") -> None:
        self.rules = replace(self.rules, cases=replace(self.rules.cases, seen=seen))

    @contextmanager
    def browser(self, token: str | None = None) -> Iterator[TestClient]:
        cookies = {} if token is None else {"session": token}
        with TestClient(review_app(self.desk()), cookies=cookies, headers={"Origin": ORIGIN}) as it:
            yield it


@contextmanager
def real_desk(painted: PaintedDesk, folder: Path) -> Iterator[RealDesk]:
    with LedgerSite(folder=folder).open() as ledger:
        admin = ledger.accounts.found("chief", NOON)
        assert admin is not None
        yield RealDesk(painted=painted, ledger=ledger, admin=admin)
