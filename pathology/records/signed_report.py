"""A report that a physician signed. Only a signature makes one; nothing changes it afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from pathology.records.decision import Decision, Difference
from pathology.records.plain import plain
from pathology.records.report import (
    Block,
    NotMeasured,
    Quotation,
    ReportField,
    Worded,
    WrittenSection,
)

Meaning = Literal["reviewed", "approved", "responsible"]
"""What a signature means (21 CFR 11.50: review, approval, responsibility)."""
SIGNED_SCHEMA: Final = "pathology.report-signed/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reauthenticated:
    """Proof that the person at the desk is the account, for one signature made at once.

    Whoever checks the password or token makes it; ``proof_id`` is random and used once.
    """

    account: str
    method: str  # "password", "oidc", ...
    at_utc: datetime
    proof_id: str

    def __post_init__(self) -> None:
        if len(self.proof_id) < 16:
            raise ValueError("a proof needs an id of 16 characters or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who signed, when and what it means; it stands on every page of every form."""

    account: str
    printed_name: str
    meaning: Meaning
    signed_utc: str  # ISO 8601, UTC
    method: str  # how the person proved who it is


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFinding:
    """A finding as the AI told it and as the physician decided; both stay side by side."""

    result_id: str
    finding_id: str
    name: str
    ai_value: float | None  # None: not measurable
    ai_unit: str
    decision: Decision
    decided_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedResult:
    """A result that the report rests on, bound by hashes."""

    result_id: str
    findings_sha256: str
    analysis: str
    author: str
    supersedes: str | None
    slide_id: str
    slide_sha256: str  # of the whole slide, taken before signing
    models: tuple[str, ...]  # "name sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedReport:
    """An immutable version of a case's report."""

    case: str  # the case as the ledger calls it
    case_id: str  # as results and the draft call it
    version: int  # of signed versions, from 1
    amends: int | None = None  # the version before it
    amendment_reason: str = ""
    title: Worded
    headings: Mapping[str, Worded]
    sections: tuple[WrittenSection, ...]
    fields: tuple[ReportField, ...]
    not_measured: tuple[NotMeasured, ...]
    limits: tuple[Worded, ...]
    citations: tuple[Quotation, ...]
    findings: tuple[SignedFinding, ...]
    results: tuple[SignedResult, ...]
    flagged: tuple[Block, ...]  # what the machine's check says of the text, shown to the signer
    differences: tuple[Difference, ...]
    second_reader: str | None
    second_agreed_utc: str | None
    authorship: str  # who wrote the draft
    software: str
    signature: Signature
    state: Literal["SIGNED", "AMENDED"] = field(init=False)

    def __post_init__(self) -> None:
        if self.version < 1 or (self.amends is None) != (self.version == 1):
            raise ValueError("the first version amends nothing, and every later one the one before")
        if self.amends is not None and not self.amendment_reason.strip():
            raise ValueError("an amendment has a reason")
        if not self.signature.printed_name.strip():
            raise ValueError("a signature has a printed name")
        object.__setattr__(self, "state", "SIGNED" if self.amends is None else "AMENDED")


def signed_content(report: SignedReport) -> dict[str, Any]:
    """Everything that a signed version says, as plain values; its hash is over these."""
    return {"schema": SIGNED_SCHEMA, "physician_verified": True, **plain(report)}


def canonical_content(content: Mapping[str, Any]) -> bytes:
    """One text for one content: sorted, no blanks, ASCII."""
    told = {name: value for name, value in content.items() if name != "content_sha256"}
    return json.dumps(
        told, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode("ascii")


def content_sha256(content: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical content, hexadecimal."""
    return hashlib.sha256(canonical_content(content)).hexdigest()
