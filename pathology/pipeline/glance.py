"""A first glance: tissue, samples and stain of a slide, shared by ``run`` and ``inspect``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pathology.errors import SlideUnsuitable
from pathology.predictions.stain import estimate_stains
from pathology.records.geometry import Mpp
from pathology.records.settings.predictions import ScaleNeeds
from pathology.records.settings.run import RunSettings
from pathology.records.slide import Region, Slide
from pathology.records.stain import Stains
from pathology.records.tile import Survey
from pathology.tiles.control import set_control_apart
from pathology.tiles.overview import read_overview
from pathology.tiles.plan import work_downsample
from pathology.tiles.samples import choose_samples
from pathology.tiles.survey import survey


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkScale:
    """The scale at which tiles are looked at, and how far the scan's own may lie from it."""

    wanted_mpp: float
    finest_mpp: float  # what comes out finer is resampled to the wanted scale
    coarsest_mpp: float  # what is coarser shows no nuclei

    def downsample(self, mpp: Mpp) -> float:
        """Level-0 px per work px of a scan at ``mpp``.

        A power of two where that comes near enough: scanners store their levels so. Whoever looks
        may need a scale between two powers; then any real number will do, and reading costs more.
        """
        cheap = work_downsample(mpp, self.wanted_mpp)
        if self.finest_mpp <= mpp * cheap <= self.coarsest_mpp:
            return cheap
        return max(1.0, self.wanted_mpp / mpp)


def classical_scale(needs: ScaleNeeds) -> WorkScale:
    """The scale of the classical analysis, which knows no finest one."""
    return WorkScale(wanted_mpp=needs.work_mpp, finest_mpp=0.0, coarsest_mpp=needs.coarsest_mpp)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Glance:
    """What a slide is, before its tiles are looked at."""

    overview: Region
    survey: Survey
    stains: Stains
    samples: tuple[NDArray[np.uint8], ...]  # (h, w, 3) at the work scale
    downsample: float  # level-0 px per work px
    mpp: Mpp  # scale of a work px
    nuclei_visible: bool  # the work scale is fine enough for nuclei


def glance(slide: Slide, settings: RunSettings, wanted: WorkScale | None = None) -> Glance:
    """Survey the slide from afar and tell its stain from samples at the work scale.

    Where no scale is wanted it is that of the classical analysis.

    Raises
    ------
    SlideUnsuitable
        There is no tissue.
    """
    info, scale = slide.info, wanted or classical_scale(settings.predictions.scale)
    overview = read_overview(slide, settings.tiles)
    seen = survey(overview, info.slide_id, info.mpp, settings.tiles)
    if not seen.scored.any():
        raise SlideUnsuitable(info.slide_id, "no-tissue")
    downsample = scale.downsample(info.mpp)
    mpp = Mpp(info.mpp * downsample)
    boxes = choose_samples(seen, downsample, mpp, settings.tiles)
    samples = _intact(slide.sweep(boxes, downsample=downsample))
    stains = estimate_stains(samples, settings.predictions.stain)
    if stains.kind == "ihc-dab":
        seen = set_control_apart(seen, settings.tiles)
    return Glance(
        overview=overview,
        survey=seen,
        stains=stains,
        samples=samples,
        downsample=downsample,
        mpp=mpp,
        nuclei_visible=mpp <= scale.coarsest_mpp,
    )


def _intact(regions: Iterable[Region]) -> tuple[NDArray[np.uint8], ...]:
    """Pixels of the regions without a lost tile, whose white would pass for glass.

    Where every sample has lost a tile, all are taken: such a slide is refused for its damage.
    """
    read = list(regions)
    return tuple(r.pixels for r in [r for r in read if not r.lost] or read)
