"""Who gets in: passwords, failed tries, sessions, cases, and how often may be asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pathology.records.settings.ranges import check_between, check_names, check_positive
from pathology.records.settings.sign_on import SignOnSettings

CasesSeen = Literal["by-role", "assigned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordSettings:
    """Argon2id's cost, and what a password must be. Less than OWASP's least cost is refused."""

    source: str
    memory_kib: int
    passes: int
    lanes: int
    at_once: int  # passwords checked at one time: each takes ``memory_kib``
    least_characters: int
    most_characters: int
    one_time_hours: float  # a one-time password that was not used by then opens nothing

    def __post_init__(self) -> None:
        check_names(self)
        check_between(self, 19456, 4194304, "memory_kib")
        check_between(self, 2, 100, "passes")
        check_between(self, 1, 64, "lanes")
        check_between(self, 8, 64, "least_characters")
        check_between(self, 64, 1024, "most_characters")
        check_between(self, 0.1, 720, "one_time_hours")
        check_positive(self, "at_once")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockoutSettings:
    """The delay after failed tries: ``first_delay_s`` first, then twice as long each time."""

    source: str
    free_tries: int
    first_delay_s: float
    longest_delay_s: float

    def __post_init__(self) -> None:
        check_names(self)
        check_between(self, 1, 100, "free_tries")
        check_positive(self, "first_delay_s")
        if self.longest_delay_s < self.first_delay_s:
            raise ValueError("longest_delay_s must not be below first_delay_s")

    def delay_s(self, failures: int) -> float:
        """How long an account is shut after so many failures in a row, s."""
        over = failures - self.free_tries
        if over < 0:
            return 0.0
        return float(min(self.first_delay_s * 2.0 ** min(over, 60), self.longest_delay_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """When a session ends by itself."""

    source: str
    idle_s: float
    longest_s: float
    touch_s: float  # the ledger is told that somebody is still there that often at most

    def __post_init__(self) -> None:
        check_names(self)
        check_between(self, 60, 3600, "idle_s")
        check_between(self, 300, 86400, "longest_s")
        check_between(self, 0, self.idle_s / 2, "touch_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAccessSettings:
    """Which cases an account sees, and how it sees others in need."""

    source: str
    seen: CasesSeen
    break_glass_hours: float
    told_hours: float  # the auditor is shown broken glass that long
    view_again_s: float  # one line of the audit chain a view of a result in that time

    def __post_init__(self) -> None:
        check_names(self)
        check_between(self, 0.1, 24, "break_glass_hours")
        check_positive(self, "told_hours", "view_again_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceSettings:
    """How often may be asked."""

    source: str
    entries_a_minute: int  # tries to sign in from one address
    requests_a_second: int  # of one account, in the long run
    burst: int  # of one account, at once

    def __post_init__(self) -> None:
        check_positive(self, "entries_a_minute", "requests_a_second", "burst")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """``access.toml``."""

    passwords: PasswordSettings
    lockout: LockoutSettings
    sessions: SessionSettings
    cases: CaseAccessSettings
    pace: PaceSettings
    single_sign_on: SignOnSettings | None = None
