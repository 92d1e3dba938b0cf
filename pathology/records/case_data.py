"""What request form and laboratory system state of a case; every field may be silent.

Only coded fields become facts. Free text (the clinical note) is kept to be shown as a quotation and
never reaches a prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """The specimen as requested; codes are those of ``configs/reports/wording.toml``."""

    procedure: str | None = None
    side: str | None = None
    organ: str | None = None
    tumour_type: str | None = None
    block: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receptor:
    """ER or PR as the laboratory states it."""

    percent: float | None = None  # of nuclei stained
    status: str | None = None
    intensity: str | None = None

    def __post_init__(self) -> None:
        if self.percent is not None and not 0 <= self.percent <= 100:
            raise ValueError(f"{self.percent} is no percentage")
        if self.percent == 0 and self.status == "positive":
            raise ValueError("0 % of nuclei are stained, and the status is positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Her2:
    """HER2 as the laboratory states it."""

    score: str | None = None  # "0", "1+", "2+", "3+"
    ish: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Staining:
    """How the immunostain was made, as the laboratory states it."""

    clone: str | None = None
    control: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousSpecimen:
    """An earlier specimen of the same patient."""

    date: str  # ISO 8601
    ki67_percent: float | None = None

    def __post_init__(self) -> None:
        if self.ki67_percent is not None and not 0 <= self.ki67_percent <= 100:
            raise ValueError(f"{self.ki67_percent} is no percentage")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseData:
    """All that is stated of a case."""

    case_id: str
    specimen: Specimen = field(default_factory=Specimen)
    er: Receptor = field(default_factory=Receptor)
    pr: Receptor = field(default_factory=Receptor)
    her2: Her2 = field(default_factory=Her2)
    staining: Staining = field(default_factory=Staining)
    mitoses_per_2mm2: float | None = None
    mitotic_grade: str | None = None
    presence: Mapping[str, str] = field(default_factory=dict)  # lvi, in_situ, necrosis
    previous: tuple[PreviousSpecimen, ...] = ()
    slides: Mapping[str, str] = field(default_factory=dict)  # analysis -> slide id, where chosen
    template: str | None = None
    clinical_note: str | None = field(default=None, repr=False)
