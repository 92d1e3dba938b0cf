"""Browsers that left for the single sign-on: what each must bring back, once and in time."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from pathology.vault.passwords import fresh_token, token_sha256

KEPT: Final = 10_000
"""Attempts kept at one time; the oldest gives way, and its person presses the button again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Why a browser leaves, and where it goes on afterwards."""

    back: str  # path of this page
    session: str | None = None  # hash of the session that is proved; None: one is to begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the way there and back is tied to."""

    errand: Errand
    begun_s: float  # Unix time, by the page's clock
    left_at: float  # on time.monotonic's clock
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


class Attempts:
    """In this process's memory: a page that was started anew lets people press the button again.

    ``now_s`` is Unix time, ``longest_s`` how long an attempt may take.
    """

    def __init__(self, longest_s: float, now_s: Callable[[], float]) -> None:
        self._longest_s, self._now_s = longest_s, now_s
        self._open: OrderedDict[str, Attempt] = OrderedDict()
        self._lock = Lock()

    def begin(self, errand: Errand) -> tuple[str, Attempt]:
        """A new attempt, and the token by which its browser is known."""
        token = fresh_token()
        attempt = Attempt(
            errand=errand,
            begun_s=self._now_s(),
            left_at=time.monotonic(),
            state=fresh_token(),
            nonce=fresh_token(),
            verifier=fresh_token(),  # 43 characters: RFC 7636, section 4.1
        )
        with self._lock:
            self._open[token_sha256(token)] = attempt
            while len(self._open) > KEPT:
                self._open.popitem(last=False)
        return token, attempt

    def take(self, token: str, state: str) -> Attempt | None:
        """The attempt of a browser, if it brings the state; it is gone then, whatever it brings."""
        with self._lock:
            attempt = self._open.pop(token_sha256(token), None)
        if attempt is None or time.monotonic() - attempt.left_at > self._longest_s:
            return None
        same = secrets.compare_digest(attempt.state.encode(), state.encode(errors="replace"))
        return attempt if same else None
