"""Findings on H&E: tumour, its bed and front, and mononuclear cells by place.

    area     = map pixels of the class * area of a map pixel
    density  = mononuclear cells whose centre lies in an area / that area
    infiltrate = area under mononuclear cells / area of stroma, both inside the tumour bed

The last follows the International TILs Working Group (Salgado et al., Ann Oncol 2015) in being a
share of area, in stroma, inside the border; densities are counts per area and are not that share.
Nothing here has a validated cut-off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pathology.findings.cell_density import MappedCells, too_little
from pathology.findings.distance_bands import Margin, bands_of, margin_of, no_margin
from pathology.findings.infiltrate import infiltrate_areas, stromal_share
from pathology.findings.interval import COUNTING_ONLY
from pathology.findings.invasive_front import Front, Mask, Points, invasive_front
from pathology.findings.strips import within_reach
from pathology.findings.tumour_bed import nest_areas_mm2, tumour_bed
from pathology.records.finding import Answer, AreaShare, Finding, Measurement, NotMeasurable
from pathology.records.prediction import TissueClass
from pathology.records.settings.infiltration import HaloRule, InfiltrationSettings

BED, FRONT, NO_FRONT = "tumour-bed", "front", "front-not-assessable"
INNER, OUTER = "margin-inner", "margin-outer"
COUNT_NOT_SHARE: Final = "a count per area, not the stromal TIL percentage"
RESEARCH_DENSITY: Final = "density of cells on H&E: research information, no validated cut-off"
RESEARCH_SHARE: Final = "share of area on H&E: research information, no validated cut-off"
AREA_ONLY: Final = "the interval is by blocks of tissue; errors of seeing cells are not in it"
NONE_SEEN: Final = "no mononuclear cell in this stroma: blocks cannot say how sure nought is"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InfiltrationSeen:
    """What the findings rest on. Masks (rows, columns) have ``mpp`` µm per pixel."""

    classes: NDArray[np.uint8]  # TissueClass
    analysed: Mask
    tissue: Mask
    mpp: float
    mononuclear_um: NDArray[np.float64]  # (n, 2) counted mononuclear cells, x, y
    person_bed: Mask | None = None  # a person's tumour region
    excluded: Mapping[str, Mask] = field(default_factory=dict)  # tissue not scored, by reason
    refused: NotMeasurable | None = None  # no area can be told
    no_cells: NotMeasurable | None = None  # areas can, cells cannot
    tissue_caveats: tuple[str, ...] = ()
    cell_caveats: tuple[str, ...] = ()
    tissue_models: tuple[str, ...] = ()
    cell_models: tuple[str, ...] = ()

    def scored(self) -> Mask:
        """Analysed tissue without what is excluded."""
        return self._without_excluded(self.analysed)

    def evaluable(self) -> Mask:
        """Tissue that can be judged; where it ends, so does every assessable border."""
        return self._without_excluded(self.tissue & (self.classes != TissueClass.EXCLUDED))

    def _without_excluded(self, mask: Mask) -> Mask:
        left = mask.copy()
        for area in self.excluded.values():
            left &= ~area
        return left


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InfiltrationAnswer:
    """Findings, and where they were measured."""

    findings: tuple[Finding, ...]
    bed: Mask
    inner: Mask
    outer: Mask
    front: tuple[Points, ...] = ()  # µm
    not_assessable: tuple[Points, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Places:
    seen: InfiltrationSeen
    rules: InfiltrationSettings
    bed: Mask
    all_tumour: Mask  # in the bed and outside; a person's region limits it
    tumour: Mask  # of the bed
    stroma: Mask  # of the bed
    front: Front | None
    margin: Margin
    cells: MappedCells
    left_out: Mapping[str, int]  # cells in excluded tissue, by reason


def infiltration_findings(
    seen: InfiltrationSeen, rules: InfiltrationSettings
) -> InfiltrationAnswer:
    """All findings: each a number, or the reason why there is none."""
    places = _places(seen, rules)
    front = places.front
    return InfiltrationAnswer(
        findings=tuple(_findings(places)),
        bed=places.bed,
        inner=places.margin.inner,
        outer=places.margin.outer,
        front=() if front is None else front.assessable,
        not_assessable=() if front is None else front.not_assessable,
    )


def _places(seen: InfiltrationSeen, rules: InfiltrationSettings) -> _Places:
    scored = seen.scored()
    left_out = _with_halo(seen, rules.halo)
    counted = replace(seen, excluded=left_out).scored()
    tumour = (seen.classes == TissueClass.TUMOUR) & scored
    if seen.person_bed is None:
        bed = tumour_bed(tumour, seen.tissue, seen.mpp, rules.bed)
    else:
        bed = seen.person_bed & seen.tissue
    front = invasive_front(bed, seen.evaluable(), seen.mpp, rules.front)
    margin = no_margin(bed.shape)
    if front is not None:
        wide = margin_of(front, bed, seen.mpp, rules.margin.half_width_um)
        margin = replace(wide, inner=wide.inner & counted, outer=wide.outer & counted)
    cells = MappedCells.on_map(seen.mononuclear_um, bed.shape, seen.mpp)
    return _Places(
        seen=seen,
        rules=rules,
        bed=bed,
        all_tumour=tumour if seen.person_bed is None else tumour & bed,
        tumour=tumour & counted & bed,
        stroma=(seen.classes == TissueClass.STROMA) & counted & bed,
        front=front,
        margin=margin,
        cells=cells,
        left_out=_left_out(cells, left_out),
    )


def _with_halo(seen: InfiltrationSeen, rule: HaloRule) -> dict[str, Mask]:
    """Excluded tissue, and what lies as near to some of it that its cells may belong there."""
    reach_px = rule.width_um / seen.mpp
    return {
        name: within_reach(mask, reach_px) if name in rule.around else mask
        for name, mask in seen.excluded.items()
    }


def _left_out(cells: MappedCells, excluded: Mapping[str, Mask]) -> dict[str, int]:
    """Cells in excluded tissue. The first reason counts; reasons without cells do not appear."""
    free = np.ones(len(cells.row), bool)
    found = {}
    for name, mask in excluded.items():
        here = free & mask[cells.row, cells.column]
        free &= ~here
        found[name] = int(here.sum())
    return {name: count for name, count in found.items() if count}


def _findings(places: _Places) -> Iterator[Finding]:
    margin, rules = places.margin, places.rules
    tumour_mm2 = places.cells.area_mm2(int(places.all_tumour.sum()))
    yield _area("f1", "tumour.area", Measurement(value=tumour_mm2, unit="mm2"), "tumour", places)
    for finding_id, name, mask in (
        ("f2", "til.density_tumour", places.tumour),
        ("f3", "til.density_stroma", places.stroma),
    ):
        yield _in_regions(_density(finding_id, name, mask, places), (BED,))
    yield _in_regions(_stromal(places), (BED,))
    held = _no_margin(places.front, rules)
    protocol = f"MARGIN_{rules.margin.half_width_um:g}_UM"
    one_sided = held or _one_sided(margin)
    for finding_id, name, mask, regions, refusal in (
        ("f5", "til.density_margin", margin.both, (INNER, OUTER), one_sided),
        ("f6", "til.density_margin_inner", margin.inner, (INNER,), held),
        ("f7", "til.density_margin_outer", margin.outer, (OUTER,), held),
    ):
        told = replace(_density(finding_id, name, mask, places, refusal), protocol=protocol)
        yield _in_regions(told, regions)
    yield _in_regions(_profile(places, one_sided), (INNER, OUTER))
    yield _length(places, held)
    nests = len(nest_areas_mm2(places.tumour, places.bed, places.seen.mpp))
    yield _area("f10", "tumour.nests", Measurement(value=nests, unit="{nests}"), BED, places)


def _in_regions(finding: Finding, regions: tuple[str, ...]) -> Finding:
    """A finding and the regions it was measured in: none where it was not."""
    measured = not isinstance(finding.answer, NotMeasurable)
    return replace(finding, regions=regions if measured else ())


def _area(finding_id: str, name: str, answer: Answer, region: str, places: _Places) -> Finding:
    """A finding that rests on the tissue map alone."""
    seen = places.seen
    there = isinstance(answer, Measurement) and answer.value > 0
    told = Finding(
        id=finding_id,
        name=name,
        protocol="AREA_BY_MAP",
        formula=f"{name.replace('.', '-')}/1",
        answer=seen.refused or answer,
        caveats=seen.tissue_caveats,
        models=seen.tissue_models,
    )
    return _in_regions(told, (region,) if there else ())


def _cells(finding_id: str, name: str, answer: Answer, places: _Places) -> Finding:
    """A finding that rests on mononuclear cells, too."""
    seen = places.seen
    return Finding(
        id=finding_id,
        name=name,
        protocol="DENSITY_IN_BED",
        formula="cell-density/1",
        answer=seen.refused or answer,
        exclusions=places.left_out,
        caveats=(*seen.cell_caveats, COUNTING_ONLY, COUNT_NOT_SHARE, RESEARCH_DENSITY),
        models=tuple(dict.fromkeys((*seen.cell_models, *seen.tissue_models))),
    )


def _density(
    finding_id: str,
    name: str,
    mask: Mask,
    places: _Places,
    held: NotMeasurable | None = None,
) -> Finding:
    rules, cells = places.rules, places.cells
    answer = held or places.seen.no_cells or cells.density_in(mask, rules.density.minimum_mm2)
    told = _cells(finding_id, name, answer, places)
    if isinstance(told.answer, NotMeasurable):
        return told
    return replace(told, clustered=cells.clustered_in(mask, rules.infiltrate))


def _stromal(places: _Places) -> Finding:
    answer = places.seen.no_cells or _stromal_share(places)
    nothing = isinstance(answer, AreaShare) and not answer.part_um2
    caveats = (AREA_ONLY, RESEARCH_SHARE, *((NONE_SEEN,) if nothing else ()))
    return replace(
        _cells("f4", "til.stromal_area_fraction", answer, places),
        protocol="STROMAL_AREA_IN_BED",
        formula="til-stromal-area/1",
        caveats=(*places.seen.cell_caveats, *caveats),
    )


def _stromal_share(places: _Places) -> AreaShare | NotMeasurable:
    seen, rule = places.seen, places.rules.infiltrate
    area = places.cells.area_mm2(int(places.stroma.sum()))
    least = places.rules.density.minimum_mm2
    if area < least:
        return too_little(area, least)
    return stromal_share(infiltrate_areas(seen.mononuclear_um, places.stroma, seen.mpp, rule), rule)


def _no_margin(front: Front | None, rules: InfiltrationSettings) -> NotMeasurable | None:
    """Why nothing may be said of the margin."""
    if front is None:
        return NotMeasurable(code="no-front", reason="no border between tumour and other tissue")
    least = rules.front.least_assessable_share
    if front.share < least:
        return NotMeasurable(
            code="front-not-assessable",
            reason=(
                f"{front.share:.0%} of the tumour's border is assessable, less than "
                f"{least:.0%}: the rest lies within {rules.front.edge_um:g} µm of where tissue ends"
            ),
        )
    return None


def _one_sided(margin: Margin) -> NotMeasurable | None:
    """One half of the margin must not pass for all of it: a person's region may leave one out."""
    for side, mask in (("inside", margin.inner), ("outside", margin.outer)):
        if not mask.any():
            reason = f"no tissue {side} the border was analysed, and the margin lies on both sides"
            return NotMeasurable(code="too-little-area", reason=reason)
    return None


def _profile(places: _Places, held: NotMeasurable | None) -> Finding:
    """Density by distance; the value is that of all bands together."""
    told = _density("f8", "til.profile", places.margin.both, places, held)
    told = replace(told, protocol=f"BANDS_OF_{places.rules.margin.band_um:g}_UM")
    if isinstance(told.answer, NotMeasurable):
        return told
    return replace(told, bands=tuple(bands_of(places.margin, places.cells, places.rules.margin)))


def _length(places: _Places, held: NotMeasurable | None) -> Finding:
    front = places.front
    length = 0.0 if front is None else front.length_um / 1000
    told = _area("f9", "margin.length", held or Measurement(value=length, unit="mm"), FRONT, places)
    if front is None or held:
        return told
    assessable = f"{front.share:.0%} of the tumour's border is assessable"
    return replace(told, protocol="ASSESSABLE_FRONT", caveats=(*told.caveats, assessable))
