"""From sums to findings, flags and regions: what may be said, and what may not."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from pathology.findings.infiltration import cell_density, tumour_area
from pathology.findings.ki67 import TumourCounts, ki67_global, marker_global
from pathology.pipeline.damage import refusal, unreadable_share
from pathology.pipeline.tally import Tally, mononuclear_in
from pathology.records.eyes import Eyes, SeenBy
from pathology.records.finding import Finding, NotMeasurable
from pathology.records.order import SlideOrder
from pathology.records.prediction import Calibration, Positivity, TissueClass
from pathology.records.region import Polygon
from pathology.records.settings.findings import Marker
from pathology.records.settings.run import RunSettings
from pathology.records.slide import SlideInfo
from pathology.records.tile import Survey

BASELINE = "nuclei and tissue by classical image analysis: no network has seen this slide"
NUCLEI_CLASSICAL = "nuclei by classical image analysis: no network has seen them"
TISSUE_CLASSICAL = "tissue by classical image analysis: no network has seen it"
RESEARCH = "{model}: weights for research only ({licence}): not for clinical use"
NO_INVASION = "invasive and in-situ or normal epithelium are not told apart"
PROVISIONAL = "provisional: the tumour region is automatic and nobody has confirmed it"
NUCLEAR_STAIN = (
    "only a nuclear stain can be counted: where cytoplasm or membranes are brown, outlines are no "
    "nuclei and the index means nothing"
)
CONFIRMED = "confirmed-tumour"
COUNTING_ONLY = "the interval is counting uncertainty only"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """All that was seen of one slide."""

    order: SlideOrder
    info: SlideInfo
    survey: Survey
    region: tuple[Polygon, ...] | None  # a person's
    calibration: Calibration | None
    coarsest_mpp: float  # at which nuclei can be told
    eyes: Eyes
    tally: Tally
    settings: RunSettings


def findings_of(seen: Seen) -> tuple[Finding, ...]:
    """The findings of the analysis that was asked for."""
    return _ki67(seen) if seen.order.analysis == "ki67" else _infiltration(seen)


def _ki67(seen: Seen) -> tuple[Finding, ...]:
    rule, scored = seen.settings.ki67.wsi_global, seen.tally.scored
    counts = TumourCounts(
        positive=scored[Positivity.POSITIVE],
        negative=scored[Positivity.NEGATIVE],
        ambiguous=scored[Positivity.UNKNOWN],
        exclusions=dict(sorted(seen.tally.exclusions.items())),
    )
    refused = damage(seen) or too_coarse(seen)
    caveats = (*_caveats(seen, seen.eyes.nuclei_by), COUNTING_ONLY)
    if is_ki67(seen.order.marker, seen.settings.ki67.marker):
        return (_placed(ki67_global(counts, rule, refused=refused, caveats=caveats), seen),)
    wrong = NotMeasurable(
        code="marker-not-ki67", reason=f"the marker is {seen.order.marker}, not Ki-67"
    )
    other = (*caveats, f"not Ki-67: {wrong.reason}", NUCLEAR_STAIN)
    own = marker_global(counts, rule, refused=refused, caveats=other)
    return ki67_global(counts, rule, refused=wrong, caveats=caveats), _placed(own, seen)


def _placed(finding: Finding, seen: Seen) -> Finding:
    """The finding with the region its nuclei were counted in."""
    return replace(finding, regions=("tissue",) if seen.region is None else (CONFIRMED,))


def _infiltration(seen: Seen) -> tuple[Finding, ...]:
    rule, tally, spoilt = seen.settings.infiltration.density, seen.tally, damage(seen)
    nuclei, eyes = tally.nuclei_seen(), seen.eyes
    area = tumour_area(
        tally.class_mm2(TissueClass.TUMOUR),
        refused=spoilt,
        caveats=_caveats(seen, eyes.tissue_by),
    )
    caveats = _caveats(seen, eyes.nuclei_by, eyes.tissue_by)
    densities = (
        cell_density(
            finding_id,
            name,
            mononuclear_in(nuclei, tally, inside),
            tally.class_mm2(inside),
            rule,
            refused=spoilt or too_coarse(seen),
            caveats=(*caveats, COUNTING_ONLY, "a count per area, not the stromal TIL percentage"),
        )
        for finding_id, name, inside in (
            ("f2", "til.density_tumour", TissueClass.TUMOUR),
            ("f3", "til.density_stroma", TissueClass.STROMA),
        )
    )
    return area, *densities


def _caveats(seen: Seen, *resting_on: SeenBy) -> tuple[str, ...]:
    """What is to be said of a number that rests on these eyes, each once."""
    region = () if seen.order.within else (PROVISIONAL,)
    networks = tuple(by for by in resting_on if not by.classical)
    research = (
        RESEARCH.format(model=by.model.name, licence=by.model.licence)
        for by in networks
        if by.research_only
    )
    limits = (limit for by in networks for limit in by.limits)
    told = (*region, *research, *_classical(seen.eyes, resting_on), *limits, NO_INVASION)
    return tuple(dict.fromkeys(told))


def _classical(eyes: Eyes, resting_on: tuple[SeenBy, ...]) -> tuple[str, ...]:
    if eyes.nuclei_by.classical and eyes.tissue_by.classical:
        return (BASELINE,)
    if eyes.nuclei_by.classical and eyes.nuclei_by in resting_on:
        return (NUCLEI_CLASSICAL,)
    if eyes.tissue_by.classical and eyes.tissue_by in resting_on:
        return (TISSUE_CLASSICAL,)
    return ()


def is_ki67(marker: str | None, names: Marker) -> bool:
    """Whether an order's marker means Ki-67, as this site writes it."""
    return names.means_ki67(marker)


def damage(seen: Seen) -> NotMeasurable | None:
    """The refusal when too much of the tissue could not be read."""
    share = unreadable_share(seen.tally.lost, seen.survey, seen.region)
    return refusal(share, seen.settings.site.damage.refuse_above_share)


def too_coarse(seen: Seen) -> NotMeasurable | None:
    """The refusal when the scan is too coarse to show nuclei."""
    if seen.calibration is not None:
        return None
    mpp, limit = seen.info.mpp, seen.coarsest_mpp
    return NotMeasurable(
        code="scale-too-coarse",
        reason=f"the scan has {mpp:.3g} µm/px; nuclei need {limit:g} or finer",
    )


def flags_of(seen: Seen) -> tuple[str, ...]:
    """Everything that speaks against trusting the result, for people and programs."""
    flags = list(seen.info.scale.flags)
    order, info = seen.order, seen.info
    if info.scale.source == "assumed":
        flags.append("scale-assumed")
    if order.analysis == "ki67" and not is_ki67(order.marker, seen.settings.ki67.marker):
        flags.append("not-ki67")
    if seen.calibration is not None and _size_disagrees(seen.calibration, seen):
        flags.append("scale-disagrees-with-nucleus-size")
    if any(by.research_only for by in (seen.eyes.nuclei_by, seen.eyes.tissue_by)):
        flags.append("research-weights")
    if seen.order.analysis == "infiltration" and seen.eyes.tissue_by.organs:
        flags.append("organ-not-stated")  # orders name none, and the network knows only some
    if seen.eyes.work is not None and seen.eyes.work.memory_halvings:
        flags.append("gpu-memory-was-full")
    if seen.tally.lost:
        flags.append("unreadable-tiles")
    flags += [f"excluded-{a.name}" for a in seen.survey.excluded if a.mask.any()]
    if seen.tally.out_of_focus.any():
        flags.append("excluded-out_of_focus")
    return tuple(dict.fromkeys(flags))


def _size_disagrees(calibration: Calibration, seen: Seen) -> bool:
    """Whether nuclei look larger or smaller than nuclei do by more than the tolerated share."""
    he = seen.order.analysis != "ki67"
    least_um, most_um = seen.settings.site.nucleus_size.usual_um(he=he)
    tolerance = 1 + seen.settings.site.scale.disagreement
    diameter = calibration.median_diameter_um
    if math.isnan(diameter):
        return False
    return not least_um / tolerance <= diameter <= most_um * tolerance
