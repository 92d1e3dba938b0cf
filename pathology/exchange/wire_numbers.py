"""The numbers and notes of a finding, as FHIR and HL7 v2 say them alike.

A number leaves under a code of its own: a receiver files by code, and the 500 nuclei counted for an
index must never be filed as the index.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from pathology.errors import OutputError
from pathology.records.finding import AreaShare, Finding, Measurement, NotMeasurable
from pathology.records.settings.exchange import Code, FindingCode

BROKEN: Final = frozenset({"Cc", "Cs"})
"""Unicode's categories of control characters and of surrogates."""

PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "interval-low": "Lower bound of the interval",
        "interval-high": "Upper bound of the interval",
        "nuclei-positive": "Positive nuclei",
        "nuclei-counted": "Counted nuclei",
        "area-part": "Area that has the feature",
        "area-whole": "Area looked at",
        "clustered-low": "Lower bound of the interval that minds clustering",
        "clustered-high": "Upper bound of the interval that minds clustering",
        "ambiguous-low": "Value were every ambiguous nucleus negative",
        "ambiguous-high": "Value were every ambiguous nucleus positive",
        "search-windows": "Windows searched for the hot spot",
        "search-expected": "Highest window expected by chance alone",
        "search-limit": "Highest window in 95 of 100 searches by chance alone",
    }
)
"""What may stand beside a value, under this program's own codes (99PATH)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireNumber:
    """A number as it leaves; ``part`` is "value" or a key of ``PARTS``, ``code`` is its own."""

    part: str
    code: Code
    value: float  # shares in per cent
    unit: str  # UCUM


def numbers_of(finding: Finding, known: FindingCode) -> tuple[WireNumber, ...]:
    """The value first, then what stands beside it; none where nothing could be measured.

    Raises
    ------
    OutputError
        A number is not finite, or is measured in another unit than the settings say.
    """
    numbers = []
    for part, value, unit in _numbers(finding, known):
        if not math.isfinite(value):
            raise OutputError(f"{finding.name}: {part} is not finite. Nothing was written")
        code = known.code if part == "value" else _own(part)
        numbers.append(WireNumber(part=part, code=code, value=value, unit=unit))
    return tuple(numbers)


def _own(part: str) -> Code:
    return Code(value=part, scheme="99PATH", meaning=PARTS[part])


def _numbers(finding: Finding, known: FindingCode) -> Iterator[tuple[str, float, str]]:
    answer, unit = finding.answer, known.unit
    if isinstance(answer, NotMeasurable):
        return
    measured = isinstance(answer, Measurement)
    _same_unit(finding, answer.unit if isinstance(answer, Measurement) else "%", unit)
    told = float if measured else as_percent
    yield "value", told(answer.value), unit
    if answer.low is not None and answer.high is not None:
        yield "interval-low", told(answer.low), unit
        yield "interval-high", told(answer.high), unit
    if isinstance(answer, AreaShare):
        yield "area-part", answer.part_um2, "um2"
        yield "area-whole", answer.whole_um2, "um2"
    elif not isinstance(answer, Measurement):
        yield "nuclei-positive", answer.part, "{nuclei}"
        yield "nuclei-counted", answer.whole, "{nuclei}"
    if (other := finding.clustered) is not None:
        yield "clustered-low", told(other.low), unit
        yield "clustered-high", told(other.high), unit
    if finding.ambiguous_range is not None:
        yield "ambiguous-low", told(finding.ambiguous_range[0]), unit
        yield "ambiguous-high", told(finding.ambiguous_range[1]), unit
    if (search := finding.search) is not None:
        yield "search-windows", search.windows, "{windows}"
        yield "search-expected", told(search.expected_by_chance), unit
        yield "search-limit", told(search.chance_limit), unit


def as_percent(share: float) -> float:
    """``share`` in per cent: the same digits, the point moved. 0.29 * 100 is not 29 to a float."""
    return float(Decimal(repr(float(share))).scaleb(2))


def _same_unit(finding: Finding, measured: str, settings: str) -> None:
    """UCUM: what stands in braces is a remark, and "/mm2" is "1/mm2"."""
    plain = [re.sub(r"\{[^}]*\}", "1", u) for u in (measured, settings)]
    first, second = (f"1{u}" if u.startswith("/") else u for u in plain)
    if first != second:
        raise OutputError(
            f"{finding.name}: measured in {measured}, but exchange.toml says {settings}. "
            "Correct the unit there. Nothing was written"
        )


def notes_of(finding: Finding) -> tuple[str, ...]:
    """What people must read beside the number, the reason first where there is none."""
    notes = []
    if isinstance(finding.answer, NotMeasurable):
        notes.append(f"not measurable: {finding.answer.reason}")
    elif finding.answer.interval:
        notes.append(f"interval: {finding.answer.interval}")
    if finding.clustered is not None:
        notes.append(f"interval that minds clustering: {finding.clustered.interval}")
    if (category := finding.category) is not None:
        near = " (borderline): the interval reaches over a cut-off" if category.borderline else ""
        notes.append(f"category by {category.rule}: {category.name}{near}")
    if finding.search is not None and not finding.search.beyond_chance:
        notes.append("no hot spot beyond chance")
    notes += finding.caveats
    counted = ", ".join(f"{what} {number}" for what, number in finding.exclusions.items())
    if counted:
        notes.append(f"left out: {counted}")
    notes += [
        f"{f.region}: {f.part} of {f.whole} nuclei, weight {f.weight:g}" for f in finding.fields
    ]
    notes += [
        f"{b.from_um:g} to {b.to_um:g} µm from the front: {b.count} in {b.area_mm2:g} mm²"
        for b in finding.bands
    ]
    return tuple(told for note in notes if (told := clean(note)))


def clean(text: str) -> str:
    """``text`` without what breaks a message; stripped.

    Every kind of line end is a newline. Control characters (MLLP frames messages by two of them)
    and halves of characters become U+FFFD.
    """
    lines = re.sub("\r\n|[\r\x85\u2028\u2029]", "\n", text)
    signs = (c if c in "\n\t" or unicodedata.category(c) not in BROKEN else "\ufffd" for c in lines)
    return "".join(signs).strip()
