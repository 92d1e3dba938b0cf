"""Control tissue on an IHC slide, set apart from the specimen by where it lies.

Laboratories mount a positive control on the slide of the case, a small piece near one end of the
glass, well apart from the specimen. Its stain says nothing about the patient, so it is not scored.
From its pixels it cannot be told from specimen; its place is all there is to go by. The rule
therefore leaves alone whatever might be specimen: biopsies and fragments of like size, fragments
with like gaps, small specimens, and slides on which both ends would qualify.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pathology.records.geometry import px_area_to_mm2, px_to_um
from pathology.records.settings.tiles import ControlSettings, TilesSettings
from pathology.records.tile import ExcludedArea, Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Tissue between two empty gaps along the long axis; ``start`` and ``stop`` in mask px."""

    start: int
    stop: int
    area_px: int


def set_control_apart(survey: Survey, settings: TilesSettings) -> Survey:
    """``survey`` with suspected control tissue among the excluded areas, or as it was."""
    tissue = survey.tissue
    upright = tissue.shape[0] >= tissue.shape[1]
    along = tissue.sum(axis=1 if upright else 0)
    found = suspected(stretches(along), survey, settings.control)
    if found is None:
        return survey
    mask = np.zeros_like(tissue)
    lane = slice(found.start, found.stop)
    place = (lane, slice(None)) if upright else (slice(None), lane)
    mask[place] = tissue[place]
    control = ExcludedArea(name="control_tissue", mask=mask)
    return replace(survey, excluded=(*survey.excluded, control))


def stretches(along: NDArray[np.int64]) -> tuple[Stretch, ...]:
    """Runs of a profile (n,) of tissue pixels per row or column that are not empty."""
    steps = np.diff(np.concatenate([[0], along > 0, [0]]).astype(np.int8))
    return tuple(
        Stretch(start=int(a), stop=int(b), area_px=int(along[a:b].sum()))
        for a, b in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True)
    )


def suspected(
    found: tuple[Stretch, ...], survey: Survey, settings: ControlSettings
) -> Stretch | None:
    """The stretch at one end that is control rather than specimen; None in any doubt."""
    if len(found) < 2:
        return None
    length = max(survey.tissue.shape)
    gaps = [b.start - a.stop for a, b in itertools.pairwise(found)]
    ends = []
    if found[0].stop <= settings.end_share * length:
        ends.append((found[0], gaps[0], gaps[1:]))
    if found[-1].start >= (1 - settings.end_share) * length:
        ends.append((found[-1], gaps[-1], gaps[:-1]))
    whole = sum(s.area_px for s in found)
    fitting = [
        end
        for end, gap, others in ends
        if px_to_um(gap, survey.mpp) >= settings.least_gap_um
        and max(others, default=0) <= settings.largest_gap_ratio * gap
        and end.area_px <= settings.largest_share * whole
        and px_area_to_mm2(end.area_px, survey.mpp) >= settings.smallest_mm2
        and px_area_to_mm2(whole - end.area_px, survey.mpp) >= settings.least_specimen_mm2
    ]
    return fitting[0] if len(fitting) == 1 else None
