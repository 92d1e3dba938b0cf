"""From evidence to findings and their regions: what may be said, and what may not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pathology.exchange.outlines import rasterise
from pathology.exchange.overlay_layers import MarkedNuclei
from pathology.findings.infiltration import InfiltrationSeen, infiltration_findings
from pathology.findings.ki67 import Ki67Seen, ki67_findings, marker_findings
from pathology.findings.windows import Ground, ScoredNuclei
from pathology.pipeline.evidence import Evidence
from pathology.pipeline.regions import infiltration_regions, window_region
from pathology.records.eyes import SeenBy
from pathology.records.finding import Finding, NotMeasurable
from pathology.records.geometry import Mpp, px_to_um
from pathology.records.prediction import CellClass, Positivity
from pathology.records.region import CONFIRMED, SlideRegion
from pathology.records.settings.ki67 import Marker

BASELINE = "nuclei and tissue by classical image analysis: no network has seen this slide"
NUCLEI_CLASSICAL = "nuclei by classical image analysis: no network has seen them"
TISSUE_CLASSICAL = "tissue by classical image analysis: no network has seen it"
RESEARCH = "{model}: weights for research only ({licence}): not for clinical use"
NO_INVASION = "invasive and in-situ or normal epithelium are not told apart"
PROVISIONAL = "provisional: the tumour region is automatic and nobody has confirmed it"
CALLED = "nuclei called by a person and not by the program: {number}"
NUCLEAR_STAIN = (
    "only a nuclear stain can be counted: where cytoplasm or membranes are brown, outlines are no "
    "nuclei and the index means nothing"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conclusion:
    """The findings of an analysis, and the regions they were counted in."""

    findings: tuple[Finding, ...]
    regions: tuple[SlideRegion, ...]


def conclude(evidence: Evidence) -> Conclusion:
    """The findings of the analysis that was asked for."""
    if evidence.analysis == "ki67":
        return _ki67(evidence)
    return _infiltration(evidence)


def _ki67(evidence: Evidence) -> Conclusion:
    rules, person, mpp = evidence.settings.ki67, evidence.person, evidence.mpp
    confirmed = evidence.confirmed
    placed = {} if person is None else person.windows_px0
    asked = Ki67Seen(
        nuclei=scored_nuclei(evidence.nuclei, mpp),
        ground=Ground(analysed=evidence.analysed, mpp=evidence.grid.mpp),
        exclusions=dict(sorted(evidence.exclusions.items())),
        region=CONFIRMED if confirmed else "tissue",
        confirmed=confirmed,
        moved_um={n: (px_to_um(x, mpp), px_to_um(y, mpp)) for n, (x, y) in placed.items()},
        caveats=_caveats(evidence, evidence.nuclei_by),
        models=_models(evidence.nuclei_by),
        refused=evidence.damage or evidence.too_coarse,
    )
    if is_ki67(evidence.marker, rules.marker):
        answer = ki67_findings(asked, rules)
    else:
        reason = f"the marker is {evidence.marker}, not Ki-67"
        wrong = NotMeasurable(code="marker-not-ki67", reason=reason)
        other = (*asked.caveats, f"not Ki-67: {reason}", NUCLEAR_STAIN)
        answer = marker_findings(replace(asked, caveats=other), wrong, rules)
    windows = (*answer.fields, *answer.hot_spots)
    regions = (window_region(w, mpp, placed=w.region in placed) for w in windows)
    return Conclusion(findings=answer.findings, regions=tuple(regions))


def scored_nuclei(nuclei: MarkedNuclei, mpp: Mpp) -> ScoredNuclei:
    """The nuclei that a labelling index rests on, in µm."""
    counted = nuclei.counted & (nuclei.cell_class == CellClass.TUMOUR)
    clear = counted & (nuclei.positive != Positivity.UNKNOWN)
    centre_um = nuclei.centre_px0.astype(np.float64) * px_to_um(1.0, mpp)
    return ScoredNuclei(
        centre_um=centre_um[clear],
        positive=nuclei.positive[clear] == Positivity.POSITIVE,
        ambiguous_um=centre_um[counted & ~clear],
        lymphocyte_um=centre_um[nuclei.cell_class == CellClass.LYMPHOCYTE],
    )


def _models(*resting_on: SeenBy) -> tuple[str, ...]:
    """Networks by name and hash; classical analysis has none."""
    used = (by.model for by in resting_on if not by.classical)
    return tuple(dict.fromkeys(f"{m.name} {m.weights_sha256}" for m in used))


def _infiltration(evidence: Evidence) -> Conclusion:
    caveats = _caveats(evidence, evidence.nuclei_by, evidence.tissue_by)
    tumour = evidence.person.tumour if evidence.person is not None else ()
    grid = evidence.grid
    shape = (grid.rows, grid.columns)
    answer = infiltration_findings(
        InfiltrationSeen(
            classes=evidence.classes,
            analysed=evidence.analysed,
            tissue=evidence.tissue,
            mpp=grid.mpp,
            excluded=evidence.excluded,
            mononuclear_um=evidence.mononuclear_um(),
            person_bed=rasterise(tumour, shape, grid.downsample) if tumour else None,
            refused=evidence.damage,
            no_cells=evidence.too_coarse,
            tissue_caveats=_caveats(evidence, evidence.tissue_by),
            cell_caveats=caveats,
            tissue_models=_models(evidence.tissue_by),
            cell_models=_models(evidence.nuclei_by),
        ),
        evidence.settings.infiltration,
    )
    return Conclusion(
        findings=answer.findings, regions=infiltration_regions(answer, grid, evidence.mpp)
    )


def _caveats(evidence: Evidence, *resting_on: SeenBy) -> tuple[str, ...]:
    """What is to be said of a number that rests on these eyes, each once."""
    networks = tuple(by for by in resting_on if not by.classical)
    research = (
        RESEARCH.format(model=by.model.name, licence=by.model.licence)
        for by in networks
        if by.research_only
    )
    limits = (limit for by in networks for limit in by.limits)
    told = (
        *(() if evidence.confirmed else (PROVISIONAL,)),
        *_called(evidence),
        *research,
        *_classical(evidence, resting_on),
        *limits,
        NO_INVASION,
    )
    return tuple(dict.fromkeys(told))


def _called(evidence: Evidence) -> tuple[str, ...]:
    number = evidence.called_by_person
    return (CALLED.format(number=number),) if number else ()


def _classical(evidence: Evidence, resting_on: tuple[SeenBy, ...]) -> tuple[str, ...]:
    nuclei_by, tissue_by = evidence.nuclei_by, evidence.tissue_by
    if nuclei_by.classical and tissue_by.classical:
        return (BASELINE,)
    if nuclei_by.classical and nuclei_by in resting_on:
        return (NUCLEI_CLASSICAL,)
    if tissue_by.classical and tissue_by in resting_on:
        return (TISSUE_CLASSICAL,)
    return ()


def is_ki67(marker: str | None, names: Marker) -> bool:
    """Whether an order's marker means Ki-67, as this site writes it."""
    return names.means_ki67(marker)
