"""The regions of a result: what was seen, what was left out, where findings were counted."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pathology.exchange.outlines import inside, polygons_of
from pathology.exchange.shapes import area_px0
from pathology.findings.infiltration import (
    BED,
    FRONT,
    INNER,
    NO_FRONT,
    OUTER,
    InfiltrationAnswer,
)
from pathology.findings.invasive_front import line_length
from pathology.findings.windows import Window
from pathology.pipeline.damage import lost_mask
from pathology.pipeline.score import Scored, sampled
from pathology.pipeline.seen import Seen
from pathology.pipeline.tally import MapGrid
from pathology.records.geometry import Mpp, px_area_to_mm2, um_to_px
from pathology.records.prediction import TissueClass
from pathology.records.region import (
    CONFIRMED,
    Line,
    PersonRegions,
    Polygon,
    RegionKind,
    Ring,
    SlideRegion,
)

CORNERS = 64
"""Of the polygon that stands for a disc: its area is 0.2 % short."""


def seen_regions(seen: Seen, scored: Scored) -> tuple[SlideRegion, ...]:
    """Tissue and its classes, excluded areas, and what a person drew; empty ones are left out."""
    mpp = seen.info.mpp
    masks = seen_masks(seen, scored)
    regions = (mask_region(m.kind, m.kind, m.mask, m.downsample, mpp) for m in masks)
    return (*regions, *person_drawn(seen.person, mpp))


class SeenMask(NamedTuple):
    """Where on the slide something was seen: (rows, columns) of a grid."""

    kind: RegionKind
    mask: NDArray[np.bool_]
    downsample: float  # level-0 px per mask px


def seen_masks(seen: Seen, scored: Scored) -> tuple[SeenMask, ...]:
    """Tissue and its classes, and excluded areas; empty ones are left out."""
    survey, tally = seen.survey, seen.tally
    far, near = survey.downsample, tally.grid.downsample
    lost = lost_mask(tally.lost, (tally.grid.rows, tally.grid.columns), near)
    areas = (area for area in survey.excluded if area.name != "unreadable")
    masks = (
        SeenMask("tissue", survey.tissue, far),
        *(SeenMask(area.name, area.mask, far) for area in areas),
        SeenMask("unreadable", lost, near),
        SeenMask("tumour", (tally.classes == TissueClass.TUMOUR) & scored.analysed, near),
        SeenMask("stroma", (tally.classes == TissueClass.STROMA) & scored.analysed, near),
        SeenMask("out_of_focus", tally.out_of_focus, near),
    )
    return tuple(one for one in masks if one.mask.any())


def region_ids(
    points_px0: NDArray[np.float64], masks: Sequence[SeenMask], areas: Sequence[SlideRegion]
) -> list[list[str]]:
    """For each of the points (n, 2) the ids of the masks and areas that it lies in."""
    member = np.zeros((len(points_px0), len(masks) + len(areas)), bool)
    for place, one in enumerate(masks):
        member[:, place] = sampled(one.mask, one.downsample, points_px0)
    for place, area in enumerate(areas, start=len(masks)):
        member[:, place] = inside(area.polygons, points_px0)
    ids = [*(one.kind for one in masks), *(area.region_id for area in areas)]
    # Few combinations occur, so each list is made once.
    kinds, which = np.unique(member, axis=0, return_inverse=True)
    lists = [[n for n, held in zip(ids, kind, strict=True) if held] for kind in kinds.tolist()]
    return [lists[i] for i in which.ravel().tolist()]


def mask_region(
    region_id: str, kind: RegionKind, mask: NDArray[np.bool_], downsample: float, mpp: Mpp
) -> SlideRegion:
    """True pixels of a grid as a region."""
    return SlideRegion(
        region_id=region_id,
        kind=kind,
        polygons=polygons_of(mask, downsample),
        area_mm2=int(mask.sum()) * px_area_to_mm2(downsample**2, mpp),
    )


def person_drawn(person: PersonRegions | None, mpp: Mpp) -> tuple[SlideRegion, ...]:
    """The tumour that a person confirmed, and what a person left out."""
    if person is None:
        return ()
    kinds: list[tuple[str, RegionKind, tuple[Polygon, ...]]] = [
        (CONFIRMED, "tumour", person.tumour),
        *((person_id(kind), kind, polygons) for kind, polygons in person.excluded.items()),
    ]
    return tuple(
        SlideRegion(
            region_id=region_id,
            kind=kind,
            polygons=polygons,
            area_mm2=px_area_to_mm2(area_px0(polygons), mpp),
            source="person",
        )
        for region_id, kind, polygons in kinds
    )


def person_id(kind: RegionKind) -> str:
    """Id of what a person left out."""
    return f"person-{kind}"


def window_region(window: Window, mpp: Mpp, *, placed: bool) -> SlideRegion:
    """A field or a hot spot as a disc."""
    angle = np.linspace(0, 2 * pi, CORNERS, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * window.radius_um
    points = (ring + window.centre_um) * um_to_px(1.0, mpp)
    return SlideRegion(
        region_id=window.region,
        kind="field" if window.region.startswith("field") else "hotspot",
        polygons=(Polygon(outer=Ring(points_px0=points)),),
        area_mm2=window.area_mm2,
        source="person" if placed else "automatic",
    )


def infiltration_regions(
    answer: InfiltrationAnswer, grid: MapGrid, mpp: Mpp
) -> tuple[SlideRegion, ...]:
    """Bed, front and margin; what is not there is left out."""
    masks: list[tuple[str, RegionKind, NDArray[np.bool_]]] = [
        (BED, "tumour_bed", answer.bed),
        (INNER, "margin", answer.inner),
        (OUTER, "margin", answer.outer),
    ]
    areas = (
        mask_region(region_id, kind, mask, grid.downsample, mpp)
        for region_id, kind, mask in masks
        if mask.any()
    )
    lines = (
        _front(region_id, found, mpp)
        for region_id, found in ((FRONT, answer.front), (NO_FRONT, answer.not_assessable))
        if found
    )
    return (*areas, *lines)


def _front(region_id: str, lines_um: tuple[NDArray[np.float64], ...], mpp: Mpp) -> SlideRegion:
    return SlideRegion(
        region_id=region_id,
        kind="front",
        lines=tuple(Line(points_px0=line * um_to_px(1.0, mpp)) for line in lines_um),
        length_mm=sum(map(line_length, lines_um)) / 1000,
    )
