"""A correction as the page sends it, checked field by field."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final

from pathology.errors import UsageError
from pathology.exchange.regions_read import drawn_regions
from pathology.records.correction import WHY_CORRECTED, CallOrder, WhyCorrected
from pathology.records.prediction import CellClass, Positivity
from pathology.records.region import PERSON_EXCLUDES, RegionKind, SlideRegion
from pathology.records.result import StoredSlide
from pathology.records.settings.review import AskSettings

CALLED: Final = "the correction"
DRAWN_BY_PERSONS: Final[frozenset[RegionKind]] = frozenset(
    {"tumour", "field", "hotspot", *PERSON_EXCLUDES}
)
POSITIVITY: Final = {
    True: Positivity.POSITIVE,
    False: Positivity.NEGATIVE,
    None: Positivity.UNKNOWN,
}
CLASSES: Final = {c.name.lower(): c for c in CellClass}


def correction_of(
    document: dict[str, Any], slide: StoredSlide, most: AskSettings
) -> tuple[tuple[SlideRegion, ...], tuple[CallOrder, ...]]:
    """The regions and the calls of nuclei of a body.

    ``{"regions": [GeoJSON features], "nuclei": [{"cells": [ids], "class": NAME, "positive":
    true|false|null}]}``; a region has the properties region_id and kind. What is left out of an
    order of nuclei stays as it is.

    Raises
    ------
    UsageError
        The body is none, or larger than the settings allow; a region is not fit for the slide.
    """
    regions, nuclei = document.get("regions", []), document.get("nuclei", [])
    if not (isinstance(regions, list) and isinstance(nuclei, list)):
        raise UsageError(f"{CALLED}: holds no lists. Load the page again")
    return _regions(regions, slide, most.most_points), _orders(nuclei, most.most_nuclei)


def why_of(document: dict[str, Any]) -> WhyCorrected | None:
    """Why something is corrected; None where no reason that is known is given."""
    why = document.get("why")
    return next((w for w in WHY_CORRECTED if w == why), None)


def _regions(features: list[Any], slide: StoredSlide, most: int) -> tuple[SlideRegion, ...]:
    if not features:
        return ()
    if sum(itertools.islice(_numbers(features), 2 * most + 1)) > 2 * most:
        raise UsageError(f"{CALLED}: its regions have more than {most} corners. Draw them coarser")
    drawn = drawn_regions(
        {"type": "FeatureCollection", "features": [_of_person(f) for f in features]},
        mpp=slide.mpp,
        extent_px0=(slide.width_px0, slide.height_px0),
        called=CALLED,
    )
    if strangers := {r.kind for r in drawn} - DRAWN_BY_PERSONS:
        raise UsageError(
            f"{CALLED}: {min(strangers)} is measured, not drawn. Draw {', '.join(DRAWN_BY_PERSONS)}"
        )
    return drawn


def _of_person(feature: Any) -> Any:
    """Whatever it says, a person sends it."""
    if not isinstance(feature, dict):
        return feature
    properties = feature.get("properties")
    return {
        **feature,
        "properties": {**(properties if isinstance(properties, dict) else {}), "source": "person"},
    }


def _numbers(value: Any) -> Iterator[int]:
    """A one for each number in nested lists and tables."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, int | float):
        yield 1


def _orders(nuclei: list[Any], most: int) -> tuple[CallOrder, ...]:
    orders = tuple(map(_order, nuclei))
    if sum(len(o.cell_ids) for o in orders) > most:
        raise UsageError(f"{CALLED}: more than {most} nuclei. Correct the region, or in two steps")
    return orders


def _order(told: Any) -> CallOrder:
    wrong = UsageError(f"{CALLED}: a nucleus is not called as can be. Load the page again")
    if not isinstance(told, dict) or not set(told) <= {"cells", "class", "positive"}:
        raise wrong
    cells, named = told.get("cells"), told.get("class")
    if not isinstance(cells, list) or not cells or not all(type(c) is int for c in cells):
        raise wrong
    if max(cells) >= 2**31 or min(cells) < 0:
        raise wrong
    if ("class" in told and named not in CLASSES) or told.get("positive", None) not in POSITIVITY:
        raise wrong
    return CallOrder(
        cell_ids=tuple(cells),
        cell_class=CLASSES[str(named)] if "class" in told else None,
        positive=POSITIVITY[told["positive"]] if "positive" in told else None,
    )
