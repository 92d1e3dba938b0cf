"""What a person drew on a slide, read from a file and checked against it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from pathology.errors import SlideUnsuitable, UsageError
from pathology.exchange.outlines import rasterise
from pathology.exchange.regions_read import read_regions
from pathology.exchange.shapes import united
from pathology.findings.ki67 import HOT_REGION, NET_REGION
from pathology.findings.ki67_fields import field_ids
from pathology.records.region import PERSON_EXCLUDES, PersonRegions, SlideRegion
from pathology.records.settings.ki67 import Ki67Settings
from pathology.records.slide import SlideInfo
from pathology.records.tile import Survey

CALLED = "the region file"
"""In messages: QuPath names the file after the slide, and a slide's name may be a patient's."""
WINDOW_IDS = {"field": "field-{}", "hotspot": HOT_REGION}


def person_of(
    within: Path | None, info: SlideInfo, seen: Survey, rules: Ki67Settings
) -> PersonRegions | None:
    """The person's regions, if any were given; their tumour must hold tissue of this slide.

    Raises
    ------
    UsageError
        The file is no region, lies beside the slide, holds no tumour that a person drew, or more
        fields than the protocol has.
    SlideUnsuitable
        No tissue lies in it.
    """
    if within is None:
        return None
    extent = info.facts.width_px0, info.facts.height_px0
    drawn = read_regions(within, mpp=info.mpp, extent_px0=extent, called=CALLED)
    return person_on(drawn, seen, rules)


def person_on(drawn: Iterable[SlideRegion], seen: Survey, rules: Ki67Settings) -> PersonRegions:
    """What a person drew on a slide; raises as ``person_of``."""
    person = person_regions(drawn)
    known = {*field_ids(rules.fields), HOT_REGION, NET_REGION}
    if strangers := sorted(person.windows_px0.keys() - known):
        raise UsageError(
            f"it holds {', '.join(strangers)}; places to count are {', '.join(sorted(known))}"
        )
    shape = seen.tissue.shape[0], seen.tissue.shape[1]
    if not (rasterise(person.tumour, shape, seen.downsample) & seen.tissue).any():
        raise SlideUnsuitable(seen.slide_id, "outside-region")
    return person


def person_regions(drawn: Iterable[SlideRegion]) -> PersonRegions:
    """Regions by what they mean; raises UsageError where no person drew any tumour."""
    regions = tuple(drawn)
    mine = [r for r in regions if r.source == "person"]
    tumour = [p for r in mine if r.kind == "tumour" for p in r.polygons]
    if not tumour:
        raise UsageError(
            "it holds no tumour region that a person drew (an automatic one is no confirmation)"
        )
    excluded = {
        kind: united(polygons)
        for kind in PERSON_EXCLUDES
        if (polygons := [p for r in mine if r.kind == kind for p in r.polygons])
    }
    return PersonRegions(tumour=united(tumour), excluded=excluded, windows_px0=_windows(regions))


def _windows(regions: Iterable[SlideRegion]) -> dict[str, tuple[float, float]]:
    """Centres of fields and hot spots; one without an id of ours takes the next that is free."""
    found: dict[str, tuple[float, float]] = {}
    nameless: list[SlideRegion] = []
    for region in regions:
        if region.kind not in WINDOW_IDS:
            continue
        known = region.region_id in (HOT_REGION, NET_REGION)
        if known or region.region_id.startswith("field-"):
            found[region.region_id] = _centre(region)
        else:
            nameless.append(region)
    for region in nameless:
        names = (WINDOW_IDS[region.kind].format(n) for n in range(1, 100))
        name = next((n for n in names if n not in found), None)
        if name is None or (region.kind == "hotspot" and HOT_REGION in found):
            raise UsageError("it holds more than one hot spot. Leave one")
        found[name] = _centre(region)
    return found


def _centre(region: SlideRegion) -> tuple[float, float]:
    points = np.concatenate([p.outer.points_px0 for p in region.polygons])
    x, y = ((points.min(axis=0) + points.max(axis=0)) / 2).tolist()
    return x, y
