"""Where signed reports go, and how long and how often they are tried. No secret stands here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from pathology.records.settings.llm import IntranetSettings, LimitSettings
from pathology.records.settings.ranges import check_names, check_positive

FORMATS: Final = ("hl7", "fhir", "pdf")
SCHEMES: Final = {"mllp": False, "mllps": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingSettings:
    """How often a delivery is tried. Pauses double from the first to the longest."""

    source: str
    tries: int  # then it is dead until a person sends it again
    first_pause_s: float
    longest_pause_s: float
    hold_s: float  # no other sender takes a delivery within

    def __post_init__(self) -> None:
        check_names(self)
        check_positive(self, "tries", "first_pause_s", "longest_pause_s", "hold_s")
        if self.longest_pause_s < self.first_pause_s:
            raise ValueError("longest_pause_s must not be below first_pause_s")

    def pause_s(self, tries: int) -> float:
        """Before the next try, after ``tries`` of them (1 or more)."""
        return float(min(self.first_pause_s * 2.0 ** min(tries - 1, 60), self.longest_pause_s))


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationSettings:
    """A folder, or a receiver of HL7 by MLLP."""

    source: str
    formats: tuple[str, ...]  # of "hl7", "fhir", "pdf"
    folder: str = ""  # an absolute path
    url: str = ""  # mllps://host:port; mllp:// on this machine only
    ca_file: str = ""  # PEM of the house's authority; empty: the authorities of the system

    def __post_init__(self) -> None:
        check_names(self)
        if not self.formats or not set(self.formats) <= set(FORMATS):
            raise ValueError(f"formats are of {FORMATS}")
        if bool(self.folder) == bool(self.url):
            raise ValueError("a destination is a folder or a url: name one")
        for name in ("folder", "ca_file"):
            if getattr(self, name) and not Path(getattr(self, name)).is_absolute():
                raise ValueError(f"{name} must be an absolute path")
        if self.url:
            self._check_url()

    def _check_url(self) -> None:
        parts = self.parts
        if parts.scheme not in SCHEMES or not parts.hostname or not parts.port:
            raise ValueError("url must be mllp://host:port or mllps://host:port")
        if parts.username or parts.path or parts.query or parts.fragment:
            raise ValueError("url must be mllp://host:port or mllps://host:port")
        if self.formats != ("hl7",):
            raise ValueError('MLLP carries HL7 only: formats = ["hl7"]')

    @property
    def parts(self) -> SplitResult:
        """The url in parts."""
        return urlsplit(self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxSettings:
    """``outbox.toml``."""

    sending: SendingSettings
    limits: LimitSettings
    intranet: IntranetSettings
    destinations: Mapping[str, DestinationSettings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.sending.hold_s <= self.limits.total_s:
            raise ValueError("hold_s must be longer than total_s: a second sender would double it")
