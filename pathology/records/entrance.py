"""Who came in, how, and what came of trying."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pathology.records.actor import Actor

Refusal = Literal[
    "refused", "must-change", "too-short", "too-long", "too-plain", "has-name", "same"
]
"""``refused``: no such account, a wrong password, a closed account or one that is shut for a while:
which of them is told to nobody. ``must-change``: the password was right, and is a one-time one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """When somebody asks, and from where."""

    now_utc: datetime
    address: str  # of the browser's machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A person at the desk."""

    actor: Actor
    name: str  # of the session, as lines of the chain call it
    method: str  # "password", "oidc"
    begun_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A session that has begun: its token is told once, to the browser."""

    session: Session
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenGlass:
    """A case that an account looks into in need."""

    account: str
    case_key: str
    since_utc: datetime
    until_utc: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTold:
    """An account as an administrator sees it."""

    name: str
    kind: str
    roles: tuple[str, ...]
    closed: bool
    password: Literal["none", "one-time", "set"]
    sessions: int  # kept, those that ran out unseen among them
    tied: bool = False  # to a person of a single sign-on
