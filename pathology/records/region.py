"""Regions of a slide with a name and an id, as polygons in level-0 pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

RegionKind = Literal[
    "tissue",
    "tumour",
    "stroma",
    "tumour_bed",
    "front",
    "margin",
    "field",
    "hotspot",
    "out_of_focus",
    "pen",
    "bubble",
    "fold",
    "control_tissue",
    "unreadable",
    "necrosis",
    "in_situ",
    "normal",
    "artefact",
]
CONFIRMED: Final = "confirmed-tumour"
"""Id of the tumour region that a person drew."""
PERSON_EXCLUDES: Final[tuple[RegionKind, ...]] = ("necrosis", "in_situ", "normal", "artefact")
"""What only a person tells: nothing in it is counted."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ring:
    """A closed line, (n, 2) float64 x, y in level-0 px; the last point is not repeated."""

    points_px0: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Polygon:
    """An outer ring and its holes."""

    outer: Ring
    holes: tuple[Ring, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """An open line, (n, 2) float64 x, y in level-0 px; a closed one repeats its first point."""

    points_px0: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SlideRegion:
    """One region: polygons that belong together, or lines that do (the invasive front)."""

    region_id: str
    kind: RegionKind
    polygons: tuple[Polygon, ...] = ()
    area_mm2: float = 0.0
    source: Literal["automatic", "person"] = "automatic"
    lines: tuple[Line, ...] = ()
    length_mm: float = 0.0

    def __post_init__(self) -> None:
        if bool(self.polygons) == bool(self.lines):
            raise ValueError(f"region {self.region_id} is made of polygons or of lines")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PersonRegions:
    """What a person drew on a slide: where tumour is, what is left out, where to count."""

    tumour: tuple[Polygon, ...]  # disjoint
    excluded: Mapping[RegionKind, tuple[Polygon, ...]] = field(default_factory=dict)
    windows_px0: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Centres of fields and hot spots, by region id."""
