"""How decisions are made on the desk: blind readings, differences, signatures, retention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pathology.records.settings.ranges import check_between, check_names, check_positive

BlindFirst = Literal["off", "by-rule", "always"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingSettings:
    """When a reader tells an own reading before the AI's is shown, and what difference matters."""

    source: str
    blind_first: BlindFirst
    findings: tuple[str, ...]  # names of findings that are read so
    first_cases: int  # of each reader: always blind (by-rule)
    random_share: float  # of further cases (by-rule)
    difference_points: float  # percentage points between reader and AI of a share
    difference_share: float  # of the AI's value, of anything else

    def __post_init__(self) -> None:
        check_names(self)
        check_between(self, 0, 100, "difference_points")
        if self.blind_first != "off" and not self.findings:
            raise ValueError("blind_first needs findings to be read")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningSettings:
    """What a signature needs."""

    source: str
    proof_s: float  # seconds from proving who one is to signing
    second_reader_always: bool

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "proof_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """For how long, in years of 365.25 days. Nothing is purged by itself: two persons do it."""

    source: str
    signed_years: float  # since the last signature
    unsigned_years: float  # since the last change of what was never signed

    def __post_init__(self) -> None:
        check_names(self)
        check_between(self, 15, 1000, "signed_years")
        check_between(self, 3, 1000, "unsigned_years")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidingSettings:
    """``deciding.toml``."""

    reading: ReadingSettings
    signing: SigningSettings
    retention: RetentionSettings
