"""Minimum counts and areas of the findings; each set has its source."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from pathology.records.settings.ranges import check_names


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalCount:
    """How many nuclei a global labelling index needs."""

    source: str
    minimum: int  # below: not measurable
    limited_below: int  # below: a number, flagged as resting on few nuclei

    def __post_init__(self) -> None:
        check_names(self)
        if not 0 < self.minimum <= self.limited_below:
            raise ValueError("minimum must be positive and not above limited_below")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """Which names of a marker mean Ki-67, as people write them."""

    source: str
    ki67_names: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.ki67_names or not all(map(_folded, self.ki67_names)):
            raise ValueError("ki67_names needs a name, and letters or digits in each")

    def means_ki67(self, name: str | None) -> bool:
        """Whether ``name`` is one of the names; case, width, spaces and hyphens do not count."""
        return _folded(name or "") in map(_folded, self.ki67_names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ki67Settings:
    """Everything ``findings.ki67`` does not decide itself."""

    marker: Marker
    wsi_global: GlobalCount


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityArea:
    """The area below which a density per mm² is no number."""

    source: str
    minimum_mm2: float

    def __post_init__(self) -> None:
        check_names(self)
        if self.minimum_mm2 <= 0:
            raise ValueError("minimum_mm2 must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class InfiltrationSettings:
    """Everything ``findings.infiltration`` does not decide itself."""

    density: DensityArea


def _folded(name: str) -> str:
    """Letters and digits only, small and of normal width (Chinese keyboards type wide ones)."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())
