"""Passwords: Argon2id (RFC 9106) over a code that only this site's key makes.

A stolen database alone cannot be guessed at: the password goes through HMAC-SHA-256 with a key of
the ring before Argon2id sees it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from functools import lru_cache
from threading import BoundedSemaphore
from typing import Final, Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from pathology.records.settings.access import PasswordSettings

ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters that look like another: a one-time password is typed from paper."""
GROUPS: Final = 5
GROUP: Final = 4
"""20 characters of 31: 99 bits."""
DIFFERENT: Final = 6
KNOWN: Final = ("pathology", "password", "123456", "qwerty", "abcdef", "hospital", "111111")


Weakness = Literal["too-short", "too-long", "too-plain", "has-name"]


def one_time_password() -> str:
    """A password that nobody can guess, in groups that a person can type."""
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(GROUPS))
    return "-".join(groups)


def weakness(password: str, account: str, rules: PasswordSettings) -> Weakness | None:
    """Why a password is refused; None: it is not.

    NIST SP 800-63B-4, section 3.1.1.2: length and known-bad ones, no rules of composition.
    """
    text = unicodedata.normalize("NFKC", password)
    plain = text.casefold()
    if len(text) < rules.least_characters:
        return "too-short"
    if len(text) > rules.most_characters:
        return "too-long"
    if account.casefold() in plain:
        return "has-name"
    for word in KNOWN:
        plain = plain.replace(word, "")
    return "too-plain" if len(set(plain)) < DIFFERENT else None


class Passwords:
    """Makes and checks what is stored of passwords. Safe to share between threads."""

    def __init__(self, rules: PasswordSettings, key: bytes) -> None:
        self._rules, self._key = rules, key
        self._places = BoundedSemaphore(rules.at_once)
        self._hasher = PasswordHasher(
            time_cost=rules.passes, memory_cost=rules.memory_kib, parallelism=rules.lanes
        )
        self._nobody: Final = self.hashed(secrets.token_urlsafe(32))

    def hashed(self, password: str) -> str:
        """What may be stored."""
        with self._places:
            return self._hasher.hash(self._keyed(password))

    def fits(self, password: str, stored: str | None) -> bool:
        """Whether it is the password; where there is none stored, False after the same time."""
        with self._places:
            try:
                self._hasher.verify(stored or self._nobody, self._keyed(password))
            except (VerificationError, InvalidHashError):
                return False
        return stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether it was made at another cost than the settings ask for now."""
        return self._hasher.check_needs_rehash(stored)

    def _keyed(self, password: str) -> bytes:
        text = unicodedata.normalize("NFKC", password[: self._rules.most_characters])
        return hmac.new(
            self._key, b"password\0" + text.encode("utf-8", "replace"), hashlib.sha256
        ).digest()


@lru_cache(maxsize=8)
def passwords(rules: PasswordSettings, key: bytes) -> Passwords:
    """The one for these settings: how many are checked at one time counts over all who ask."""
    return Passwords(rules, key)


def fresh_token() -> str:
    """A session's secret: 256 bits."""
    return secrets.token_urlsafe(32)


def token_sha256(token: str) -> str:
    """What is stored of it; a token is random, so that a plain hash cannot be undone."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
