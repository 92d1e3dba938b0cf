"""How findings are called in other programs: codes, units, and where each comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LONGEST_MEANING: Final = 64  # DICOM's limit (VR LO); longer ones are refused there
SCHEMES: Final = ("LN", "SCT", "DCM", "99PATH")
"""LOINC, SNOMED CT, DICOM, and this program's own where no standard code was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A coded concept, by DICOM's name of its scheme."""

    value: str
    scheme: str
    meaning: str

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise ValueError(f"scheme {self.scheme!r} is none of {SCHEMES}")
        if not 0 < len(self.meaning) <= LONGEST_MEANING:
            raise ValueError(f"the meaning of {self.value} has 1 to {LONGEST_MEANING} letters")
        if self.scheme == "LN" and not loinc_is_valid(self.value):
            raise ValueError(f"{self.value} is no LOINC code: its check digit is wrong")


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCode:
    """What one finding is called elsewhere."""

    source: str
    code: Code
    unit: str  # UCUM; shares leave as "%"
    zh: str  # the finding's name in Chinese, a draft for a Chinese pathologist to check
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionCode:
    """What one kind of region is called in DICOM: the kind of thing, and the thing."""

    source: str
    category: Code
    code: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings:
    """Names of findings by the names of the contract; of regions by their id or their kind."""

    source: str
    findings: Mapping[str, FindingCode]
    regions: Mapping[str, RegionCode]


def loinc_is_valid(code: str) -> bool:
    """Whether the digit after the hyphen is the Luhn (mod 10) digit of those before it."""
    match = re.fullmatch(r"([1-9]\d{0,6})-(\d)", code)
    if match is None:
        return False
    doubled = (int(d) * (2 if i % 2 == 0 else 1) for i, d in enumerate(reversed(match[1])))
    total = sum(d // 10 + d % 10 for d in doubled)
    return (10 - total % 10) % 10 == int(match[2])
