"""Minimum counts and areas of the findings; each set has its source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalCount:
    """How many nuclei a global labelling index needs."""

    source: str
    minimum: int  # below: not measurable
    limited_below: int  # below: a number, flagged as resting on few nuclei

    def __post_init__(self) -> None:
        if not 0 < self.minimum <= self.limited_below:
            raise ValueError("minimum must be positive and not above limited_below")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """Which names of a marker mean Ki-67; compared without case, spaces and hyphens."""

    source: str
    ki67_names: tuple[str, ...]


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
        if self.minimum_mm2 <= 0:
            raise ValueError("minimum_mm2 must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class InfiltrationSettings:
    """Everything ``findings.infiltration`` does not decide itself."""

    density: DensityArea
