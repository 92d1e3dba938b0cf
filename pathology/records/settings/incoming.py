"""Orders that come in as files: what codes mean, where messages name things, how much is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from pathology.records.manifest import Priority
from pathology.records.result import Analysis
from pathology.records.settings.identity import NAMES, IdentityName, check_pattern
from pathology.records.settings.ranges import check_names, check_positive
from pathology.records.stain import StainKind

Hl7Field = Literal["barcode", "accession", "specimen", "block", "order_id", "deadline", "priority"]
HL7_PLACE: Final = re.compile(r"[A-Z][A-Z0-9]{2}-\d{1,2}(\.\d{1,2}(\.\d{1,2})?)?")
HL7_NEEDED: Final = NAMES | {"deadline", "priority"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderRule:
    """What is asked of slides in a watched folder; the first rule that fits a slide counts."""

    analysis: Analysis
    name: str = ""  # pattern over the file's name; empty: any
    folder: str = ""  # pattern over the path of its folder within the watched one; empty: any
    stain: StainKind | Literal[""] = ""  # empty: not looked at
    marker: str = ""  # needed for ki67: the picture cannot tell
    priority: Priority = "routine"

    def __post_init__(self) -> None:
        for where in ("name", "folder"):
            check_pattern(getattr(self, where), where, groups=False)
        check_marker(self.analysis, self.marker)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCode:
    """What an order's code asks for. Systems are named as the messages name them."""

    code: str
    analysis: Analysis
    system: str = ""  # empty: any
    marker: str = ""

    def __post_init__(self) -> None:
        if not self.code:
            raise ValueError("a code must not be empty")
        check_marker(self.analysis, self.marker)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hl7Settings:
    """Where HL7 v2 messages name things: the first place that is not empty counts."""

    source: str
    places: Mapping[Hl7Field, tuple[str, ...]]  # such as "SPM-2.1.1"
    encoding_unsaid: str  # of messages without MSH-18, by its name in table 0211
    test_messages: Literal["refuse", "take"]  # those with T or D in MSH-11

    def __post_init__(self) -> None:
        if strangers := sorted(self.places.keys() ^ HL7_NEEDED):
            raise ValueError(f"places must name {sorted(HL7_NEEDED)}; see {strangers}")
        for place in (p for places in self.places.values() for p in places):
            if not HL7_PLACE.fullmatch(place):
                raise ValueError(f"places: {place!r} is no place such as OBR-18 or SPM-2.1.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirSettings:
    """How FHIR tells a slide from its block and its specimen, by codes of type or container."""

    source: str
    slide: tuple[str, ...]
    block: tuple[str, ...]
    specimen: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingSettings:
    """All of it."""

    source: str
    largest_mib: float  # of one message file
    most_orders: int  # in one file
    priorities: Mapping[str, Priority]  # what LIS write, in capitals -> ours
    priority_unknown: Priority
    codes: tuple[OrderCode, ...]
    folders: tuple[FolderRule, ...]
    hl7: Hl7Settings
    fhir: FhirSettings

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "largest_mib", "most_orders")
        if small := sorted(k for k in self.priorities if k != k.upper()):
            raise ValueError(f"priorities: write {small} in capitals")
        keys = [(c.code, c.system, c.analysis) for c in self.codes]
        if len(set(keys)) != len(keys):
            raise ValueError("codes: the same code, system and analysis twice")


def check_marker(analysis: Analysis, marker: str) -> None:
    """Refuse Ki-67 without a marker: a brown slide of another antibody looks the same."""
    if analysis == "ki67" and not marker:
        raise ValueError('ki67 needs a marker, such as marker = "ki67"')
    if analysis == "infiltration" and marker:
        raise ValueError("infiltration has no marker: an H&E stain has none")


__all__ = [
    "FhirSettings",
    "FolderRule",
    "Hl7Settings",
    "IdentityName",
    "IncomingSettings",
    "OrderCode",
]
