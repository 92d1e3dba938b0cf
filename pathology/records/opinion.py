"""What another hospital says of a case it was asked about: an opinion, and never a signature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

LONGEST_TEXT = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """A second opinion as it came back. It changes no report and no state of one."""

    bundle_id: str  # of the question
    text: str
    by: str  # the printed name of who answers
    given_utc: datetime
    site: str  # fingerprint of the answering site's keys, which proved it

    def __post_init__(self) -> None:
        if not self.text.strip() or not self.by.strip():
            raise ValueError("an opinion has a text and a name")
        if len(self.text) > LONGEST_TEXT:
            raise ValueError(f"an opinion has at most {LONGEST_TEXT} letters")
        if self.given_utc.tzinfo is None:
            raise ValueError("a time names its zone")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpinionAsked:
    """A bundle of a case that left, and whose answer may come back."""

    bundle_id: str
    sha256: str  # of the sealed file
    site: str  # fingerprint of the hospital that is asked
    site_name: str  # as this site calls it
    lock: str  # its public keys, base64: only they prove its answer
    sign: str
    question: str
    slides: int  # whole
    regions: int  # cut out of slides


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedBy:
    """Who asked, and when."""

    asked: OpinionAsked
    by: str  # account
    at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpinionOnCase:
    """An opinion on a case, and who put it there."""

    opinion: Opinion
    site_name: str
    by: str  # account
    at_utc: datetime
