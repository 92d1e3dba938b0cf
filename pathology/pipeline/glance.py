"""A first glance: tissue, samples and stain of a slide, shared by ``run`` and ``inspect``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pathology.errors import SlideUnsuitable
from pathology.predictions.stain import estimate_stains
from pathology.records.geometry import Mpp
from pathology.records.settings.run import RunSettings
from pathology.records.slide import Region, Slide
from pathology.records.stain import Stains
from pathology.records.tile import Survey
from pathology.tiles.control import set_control_apart
from pathology.tiles.overview import read_overview
from pathology.tiles.plan import work_downsample
from pathology.tiles.samples import choose_samples
from pathology.tiles.survey import survey


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


def glance(slide: Slide, settings: RunSettings) -> Glance:
    """Survey the slide from afar and tell its stain from samples at the work scale.

    Raises
    ------
    SlideUnsuitable
        There is no tissue.
    """
    info, scale = slide.info, settings.predictions.scale
    overview = read_overview(slide, settings.tiles)
    seen = survey(overview, info.slide_id, info.mpp, settings.tiles)
    if not seen.scored.any():
        raise SlideUnsuitable(info.slide_id, "no-tissue")
    downsample = work_downsample(info.mpp, scale.work_mpp)
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
