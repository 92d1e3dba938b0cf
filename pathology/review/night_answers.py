"""The night on the page: progress, plan, failures with their remedy, and slides to be picked."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from pathology.review.answers import refused, told
from pathology.review.night_board import NightBoard
from pathology.review.room import actor_of, room_of

MOST_NAMES: Final = 200
LONGEST: Final = 500
WISHES: Final = ("slide", "analysis", "marker", "priority", "case_id", "specimen", "block")


async def night_status(request: Request) -> Response:
    """How far the night is, and what failed, with its remedy."""
    return await _answered(request, lambda board: partial(board.status, actor_of(request)))


async def night_plan(request: Request) -> Response:
    """What tonight will do."""
    return await _answered(request, lambda board: partial(board.plan, actor_of(request)))


async def night_slides(request: Request) -> Response:
    """Slides that wait for somebody to say what is asked of them."""
    return await _answered(request, lambda board: partial(board.slides, actor_of(request)))


async def pick_slide(request: Request) -> Response:
    """Put a slide on the worklist; the body names it and what is asked (``WISHES``)."""
    wish = _wish(await request.body())
    if wish is None:
        return refused(400, "wrong-request")
    return await _answered(request, lambda board: partial(board.pick, actor_of(request), wish))


async def run_again(request: Request) -> Response:
    """Slides that failed wait again: ``{"names": [...], "why": "..."}``."""
    asked = _object(await request.body())
    names, why = asked.get("names"), asked.get("why")
    if not isinstance(names, list) or not 1 <= len(names) <= MOST_NAMES:
        return refused(400, "wrong-request")
    if not all(isinstance(text, str) and len(text) <= LONGEST for text in (*names, why)):
        return refused(400, "wrong-request")
    return await _answered(
        request, lambda board: partial(board.again, actor_of(request), names, str(why))
    )


async def _answered(
    request: Request, asked: Callable[[NightBoard], Callable[[], dict[str, Any]]]
) -> Response:
    room = room_of(request)
    board = room.desk.night
    if board is None:
        return refused(404, "no-night")
    return told(await room.ask(asked(board)))


def _wish(body: bytes) -> dict[str, str] | None:
    asked = _object(body)
    if not asked or asked.keys() - set(WISHES):
        return None
    texts = {name: text for name, text in asked.items() if text not in (None, "")}
    if not all(isinstance(text, str) and len(text) <= LONGEST for text in texts.values()):
        return None
    return texts if {"slide", "analysis"} <= texts.keys() else None


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
