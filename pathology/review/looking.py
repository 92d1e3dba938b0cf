"""Answers about a result: words and numbers, tiles of its scan, and what lies over them."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from pathology.pipeline.correct import later_than
from pathology.records.geometry import Box
from pathology.records.result import StoredResult
from pathology.review.answers import BYTES, keepable, refused, told
from pathology.review.map_picture import SHOWN
from pathology.review.room import Room, actor_of, case_of, result_of, room_of
from pathology.review.told import (
    levels_told,
    listed_told,
    named_told,
    region_told,
    result_told,
)

FURTHEST_PX0: Final = 2.0**31
LARGEST_REACH_PX0: Final = 200.0
GONE: Final = 499  # the browser moved on; nobody reads the answer


async def results(request: Request) -> Response:
    """The results that this account may see, newest first."""
    room, actor = room_of(request), actor_of(request)

    def seen() -> list[dict[str, Any]]:
        room.new_cases.look(actor)  # first: what must be read first is known for cases on the desk
        found = []
        for key in room.shelf.listed():
            one = room.shelf.told(key)
            if one is not None and room.desk.gate.allows(actor, "view-case", case_of(one)):
                hidden = room.blinding.hidden(actor, one)
                found.append(listed_told(key, one, room.desk.settings, hidden))
        return sorted(found, key=lambda line: str(line["started_utc"]), reverse=True)

    more = {} if room.desk.question is None else {"question": True}
    return told({"results": await room.look(seen), **more})


async def result(request: Request) -> Response:
    """All that is said of a result."""
    room, actor, found = room_of(request), actor_of(request), result_of(request)

    def seen() -> dict[str, Any]:
        hidden = room.blinding.hidden(actor, found.result)
        document = result_told(found.result, room.desk.settings, hidden)
        later = later_than(found.results, found.result)
        return {
            **document,
            "desk": _on_desk(room, found.result),
            "later": [named_told(r.result_id, r.author) for r in later],
        }

    return told(await room.look(seen))


def _on_desk(room: Room, result: StoredResult) -> dict[str, Any] | None:
    """Where a result is decided, and what must be opened before it is signed."""
    case = room.blinding.case_of(result)
    if case is None:
        return None
    mine = case.result(result.result_id)
    return {"case": case.line.case, "overlays": [] if mine is None else list(mine.overlays)}


async def layers(request: Request) -> Response:
    """Regions and maps that may lie over the slide."""
    found = result_of(request)

    def seen() -> dict[str, Any]:
        pictures = [p for name in SHOWN if (p := found.picture(name)) is not None]
        return {
            "regions": [region_told(r) for r in found.regions.regions],
            "maps": [p.told() for p in pictures],
        }

    return told(await room_of(request).look(seen))


async def view(request: Request) -> Response:
    """Levels and tiles of the scan."""
    room, found = room_of(request), result_of(request)
    levels = await room.look(partial(room.rack.levels, found.result))
    return told({"levels": levels_told(levels)})


async def tile(request: Request) -> Response:
    """A tile of the scan."""
    room, found, at = room_of(request), result_of(request), request.path_params
    settings = room.desk.settings.review.view
    if await request.is_disconnected():
        return Response(status_code=GONE)
    make = partial(room.rack.tile, found.result, at["level"], at["column"], at["row"])
    try:
        jpeg = await room.look(make)
    except ValueError:
        return refused(404, "not-found")
    return keepable(request, jpeg, "image/jpeg", seconds=settings.private_seconds)


async def map_of(request: Request) -> Response:
    """A map as a picture."""
    room, found = room_of(request), result_of(request)
    picture = await room.look(partial(found.picture, request.path_params["map"]))
    if picture is None:
        return refused(404, "not-found")
    seconds = room.desk.settings.review.view.private_seconds
    return keepable(request, picture.png, "image/png", seconds=seconds)


async def regions(request: Request) -> Response:
    """Outlines of regions in a box, as coarse as a screen pixel allows."""
    room, found = room_of(request), result_of(request)
    box, pixel = _box(request), _number(request, "pixel")
    if box is None or pixel is None or pixel <= 0:
        return refused(400, "wrong-request")
    most = room.desk.settings.review.overlays.most_corners
    content = await room.look(lambda: found.regions.seen(box, pixel, most))
    return Response(content, media_type=BYTES)


async def points(request: Request) -> Response:
    """All nuclei as points."""
    room, found = room_of(request), result_of(request)
    content = await room.look(lambda: found.points)
    seconds = room.desk.settings.review.view.private_seconds
    return keepable(request, content, BYTES, seconds=seconds)


async def outlines(request: Request) -> Response:
    """Outlines of the nuclei in a box."""
    room, found, box = room_of(request), result_of(request), _box(request)
    if box is None:
        return refused(400, "wrong-request")
    most = room.desk.settings.review.overlays.most_outlines
    content = await room.look(lambda: found.nuclei.outlines(box, most))
    return Response(content, media_type=BYTES)


async def nucleus(request: Request) -> Response:
    """What is known of the nucleus at a place."""
    room, found = room_of(request), result_of(request)
    x, y, reach = (_number(request, name) for name in ("x", "y", "reach"))
    if x is None or y is None or reach is None or not 0 <= reach <= LARGEST_REACH_PX0:
        return refused(400, "wrong-request")
    return told({"nucleus": await room.look(lambda: found.nuclei.at(x, y, reach))})


def _number(request: Request, name: str) -> float | None:
    """A finite number of the query that may be a place on a slide."""
    try:
        value = float(request.query_params[name])
    except (KeyError, ValueError):
        return None
    return value if math.isfinite(value) and abs(value) < FURTHEST_PX0 else None


def _box(request: Request) -> Box | None:
    """The box of a query in whole level-0 px."""
    told_box = [_number(request, name) for name in ("left", "top", "width", "height")]
    left, top, width, height = (None if v is None else round(v) for v in told_box)
    if left is None or top is None or width is None or height is None:
        return None
    return Box(left, top, width, height) if width > 0 and height > 0 else None
