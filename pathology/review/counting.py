"""Real-time assistance: what a region holds that a person draws on the slide."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pathology.exchange.regions_read import drawn_regions
from pathology.pipeline.recount import CountedRegion, count_region
from pathology.review.answers import refused, told
from pathology.review.asked import object_of
from pathology.review.room import result_of, room_of
from pathology.review.shelf import OpenResult
from pathology.review.told import counted_told

CALLED = "the drawn region"


async def count(request: Request) -> Response:
    """Index or infiltrate of a region, which is kept nowhere.

    The body is ``{"outline": [[x, y], ...]}`` in level-0 px.
    """
    room, found = room_of(request), result_of(request)
    outline = _outline(await request.body(), room.desk.settings.review.asking.most_points)
    if outline is None:
        return refused(400, "wrong-request")
    counted = await room.count(partial(counted_in, found, outline))
    return told(counted_told(counted, room.desk.settings))


def counted_in(found: OpenResult, outline: list[Any]) -> CountedRegion:
    """Count a result in one outline.

    Raises
    ------
    UsageError
        The outline crosses itself, lies beside the slide or has no area; or the result keeps too
        little to be counted again.
    """
    slide = found.result.slide
    drawn = drawn_regions(
        {"type": "Polygon", "coordinates": [outline]},
        mpp=slide.mpp,
        extent_px0=(slide.width_px0, slide.height_px0),
        called=CALLED,
    )
    return count_region(found.memory, drawn)


def _outline(body: bytes, most_points: int) -> list[Any] | None:
    """The outline of a request's body; None where it is none, or longer than a hand draws."""
    document = object_of(body)
    outline = None if document is None else document.get("outline")
    if not isinstance(outline, list) or not 3 <= len(outline) <= most_points:
        return None
    pairs = all(isinstance(p, list) and len(p) == 2 for p in outline)
    return outline if pairs else None
