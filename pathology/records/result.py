"""The result of one analysis of one slide, as the contract's ``findings.json`` tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pathology.records.finding import Finding
from pathology.records.geometry import Mpp
from pathology.records.slide import ScaleSource, SlideInfo
from pathology.records.stain import StainKind

Analysis = Literal["ki67", "infiltration"]
MarkerSource = Literal["user", "manifest", "order", "none"]
TumourRegionSource = Literal["automatic", "confirmed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How much of the slide could be looked at, and what speaks against trusting it."""

    tissue_mm2: float
    analysed_mm2: float
    unreadable_tiles: int
    flags: tuple[str, ...] = ()
    excluded_mm2: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUsed:
    """A model that saw the slide; the classical baseline has no weights."""

    name: str
    weights_sha256: str | None
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkWork:
    """How networks worked on a slide.

    Reading, network and decoding go on side by side: seconds do not add up to the slide's time.
    """

    device: str  # "cpu", or the GPU's name
    precision: Mapping[str, str]  # by model: "bf16" or "fp32"
    threads: int  # of the processor, for one network
    batch_tiles: int  # seen at once, at the end
    memory_halvings: int  # times the batch was halved because the GPU's memory was full
    seconds: Mapping[str, float]  # read_wait, forward, decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What made a result, so that the same can be made again."""

    software: str
    commit: str | None
    settings_sha256: str
    settings: Mapping[str, object]  # every value in force, as plain TOML types
    models: tuple[ModelUsed, ...]
    device: str
    timings_s: Mapping[str, float]
    started_utc: str  # ISO 8601
    networks: NetworkWork | None = None  # None where none was asked


@dataclass(frozen=True, slots=True, kw_only=True)
class SlideResult:
    """Everything ``findings.json`` and ``run.json`` say."""

    result_id: str
    analysis: Analysis
    case_id: str | None
    info: SlideInfo
    digest: str
    stain: StainKind
    marker: str | None
    marker_source: MarkerSource
    file_name: str | None  # None with pseudonyms
    quality: Quality
    tumour_region_source: TumourRegionSource
    findings: tuple[Finding, ...]
    provenance: Provenance
    author: str = "software"
    supersedes: str | None = None

    @property
    def slide_id(self) -> str:
        """Id of the slide."""
        return self.info.slide_id

    @property
    def mpp(self) -> Mpp:
        """Micrometres per level-0 pixel."""
        return self.info.mpp

    @property
    def mpp_source(self) -> str:
        """Who states the scale."""
        return self.info.scale.source

    @property
    def software(self) -> str:
        """Program and version."""
        return self.provenance.software


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSlide:
    """The slide of a result, as ``findings.json`` tells it."""

    id: str
    digest: str
    file: str | None  # None with pseudonyms
    width_px0: int
    height_px0: int
    mpp_x: float
    mpp_y: float
    mpp_source: ScaleSource
    stain: StainKind
    marker: str | None
    marker_source: MarkerSource
    format: str

    @property
    def mpp(self) -> Mpp:
        """Micrometres per level-0 pixel."""
        return Mpp((self.mpp_x + self.mpp_y) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResult:
    """A result read back from its folder. Nobody has signed it: its type says so everywhere."""

    result_id: str
    supersedes: str | None
    author: str
    analysis: Analysis
    case_id: str | None
    slide: StoredSlide
    quality: Quality
    tumour_region_source: TumourRegionSource
    findings: tuple[Finding, ...]
    software: str
    models: tuple[ModelUsed, ...]
    settings_sha256: str
    started_utc: str  # ISO 8601

    @property
    def slide_id(self) -> str:
        """Id of the slide."""
        return self.slide.id

    @property
    def mpp(self) -> Mpp:
        """Micrometres per level-0 pixel."""
        return self.slide.mpp

    @property
    def mpp_source(self) -> str:
        """Who states the scale."""
        return self.slide.mpp_source

    @property
    def stain(self) -> StainKind:
        """Stain of the slide."""
        return self.slide.stain

    @property
    def marker(self) -> str | None:
        """Marker of an immunostain, where somebody stated it."""
        return self.slide.marker


ShownResult: TypeAlias = SlideResult | StoredResult
"""A result that a picture can be made of: as it was made, or read back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """How a stored result was made, as its ``run.json`` tells it."""

    settings: Mapping[str, object]  # every value in force, as plain TOML types
    device: str
    networks: NetworkWork | None
