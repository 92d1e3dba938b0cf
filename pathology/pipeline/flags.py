"""Everything that speaks against trusting a result, for people and programs."""

from __future__ import annotations

import math

from pathology.pipeline.conclude import is_ki67
from pathology.pipeline.seen import Seen
from pathology.records.prediction import Calibration


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
