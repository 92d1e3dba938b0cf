"""The numbers of a signed report: the physician's of each finding, none that was rejected."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass

from pathology.errors import OutputError
from pathology.exchange.wire_numbers import as_percent
from pathology.records.settings.exchange import ExchangeSettings, FindingCode
from pathology.records.signed_report import SignedFinding, SignedReport, signed_content
from pathology.records.signed_report import content_sha256 as sha256_of

CONTROL_ID_SIGNS = 20  # MSH-10


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedNumber:
    """One finding as it leaves; ``value`` is None where it was agreed that there is none."""

    finding: SignedFinding
    known: FindingCode
    value: float | None  # in ``known.unit``
    note: str


def signed_numbers(report: SignedReport, codes: ExchangeSettings) -> tuple[SignedNumber, ...]:
    """Accepted and overridden findings; a rejected one does not leave as a number.

    Raises
    ------
    OutputError
        A finding has no code, another unit than the settings say, or a number that is not finite.
    """
    return tuple(
        _number(finding, codes) for finding in report.findings if finding.decision.kind != "reject"
    )


def content_sha256(report: SignedReport) -> str:
    """The hash of the signed content, as the ledger keeps it."""
    return sha256_of(signed_content(report))


def message_id(report: SignedReport, destination: str) -> str:
    """The same 20 signs whenever this version goes to this destination: a repeat is known by it."""
    text = f"{destination}\0{content_sha256(report)}".encode()
    return hashlib.sha256(text).hexdigest()[:CONTROL_ID_SIGNS].upper()


def _number(finding: SignedFinding, codes: ExchangeSettings) -> SignedNumber:
    known = codes.findings.get(finding.name)
    if known is None:
        raise OutputError(
            f"{finding.name}: exchange.toml has no code for it. Add one under [findings]"
        )
    own, value, unit = finding.decision.own, finding.ai_value, finding.ai_unit
    if own is not None:
        value, unit = own.value, own.unit
    elif unit == "fraction" and value is not None:
        value, unit = as_percent(value), "%"
    if value is None:
        return SignedNumber(finding=finding, known=known, value=None, note="not measurable")
    if not math.isfinite(value) or _plain(unit) != _plain(known.unit):
        raise OutputError(f"{finding.name}: {unit} where exchange.toml says {known.unit}")
    by = "measured by software, accepted" if own is None else "physician's own value"
    return SignedNumber(finding=finding, known=known, value=value, note=by)


def _plain(unit: str) -> str:
    """UCUM: what stands in braces is a remark, and "/mm2" is "1/mm2"."""
    bare = re.sub(r"\{[^}]*\}", "1", unit)
    return f"1{bare}" if bare.startswith("/") else bare
