"""Slides that technicians send: asked for as JSON, then received, a few MiB at a time."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from pathology.errors import SlideError, UploadRefused
from pathology.review.answers import refused, told
from pathology.review.asked import object_of
from pathology.review.night_board import IncomingSlide, NightBoard
from pathology.review.room import Room, actor_of, room_of

PIECE: Final = 4 * 2**20
"""What one upload holds in memory before it is written: a disk is asked seldom, a server stays
small."""
ORDER: Final = ("analysis", "marker", "priority", "case_id", "specimen", "block")
LONGEST: Final = 500
LONGEST_HEAD: Final = 16 * 1024
STATUS: Final = {"busy": 429, "often": 429, "unknown": 404, "there": 409, "room": 507}


async def upload_limits(request: Request) -> Response:
    """How large slides may be, and whether they have a place here."""
    room, board = _board(request)
    if board is None:
        return refused(404, "no-night")
    return told(await room.ask(partial(board.upload_limits, actor_of(request))))


async def begin_upload(request: Request) -> Response:
    """A place for a slide: its name, size, first bytes, and what is asked of it."""
    room, board = _board(request)
    asked = object_of(await request.body())
    if board is None:
        return refused(404, "no-night")
    wish = None if asked is None else _wish(asked)
    if wish is None:
        return refused(400, "wrong-request")
    try:
        return told(await room.look(lambda: board.begin_upload(actor_of(request), *wish)))
    except UploadRefused as problem:
        return _refusal(problem)


async def receive_upload(request: Request) -> Response:
    """The slide itself. Whatever happens on the way, nothing of it stays but a whole one."""
    room, board = _board(request)
    if board is None:
        return refused(404, "no-night")
    token = request.path_params["upload"]
    try:
        incoming = await room.ask(partial(board.receive, actor_of(request), token))
    except UploadRefused as problem:
        return _refusal(problem)
    try:
        await _take(request, room, incoming)
        return told(await room.receive(incoming.keep))
    except (UploadRefused, SlideError) as problem:
        return _refusal(problem)
    except (ClientDisconnect, TimeoutError):
        return _refusal(UploadRefused("upload", "cut"))
    finally:
        with anyio.CancelScope(shield=True):
            await room.receive(incoming.drop)


async def _take(request: Request, room: Room, incoming: IncomingSlide) -> None:
    """All of the body, piece by piece; TimeoutError where it stops coming."""
    held = bytearray()
    patience = room.desk.settings.review.uploads.stall_s
    stream = request.stream()
    while True:
        with anyio.fail_after(patience):
            piece = await anext(stream, None)
        held += piece or b""
        if len(held) >= PIECE or piece is None:
            await room.receive(partial(incoming.write, bytes(held)))
            held.clear()
        if piece is None:
            return


def _board(request: Request) -> tuple[Room, NightBoard | None]:
    room = room_of(request)
    return room, room.desk.night


def _wish(asked: Mapping[str, Any]) -> tuple[str, int, bytes, dict[str, str]] | None:
    """Name, size, head and order; None where the body does not hold them."""
    name, size, head = asked.get("name"), asked.get("size"), asked.get("head")
    if asked.keys() - {"name", "size", "head", *ORDER}:
        return None
    if not isinstance(name, str) or not isinstance(head, str) or len(head) > LONGEST_HEAD:
        return None
    if type(size) is not int or len(name) > LONGEST:
        return None
    order = {n: asked[n] for n in ORDER if asked.get(n) not in (None, "")}
    if not all(isinstance(text, str) and len(text) <= LONGEST for text in order.values()):
        return None
    try:
        return name, size, base64.b64decode(head, validate=True), order
    except (binascii.Error, ValueError):
        return None


def _refusal(problem: UploadRefused | SlideError) -> Response:
    """Why, in both languages."""
    status = STATUS.get(problem.code, 422) if isinstance(problem, UploadRefused) else 422
    reason = {"en": problem.text("en"), "zh": problem.text("zh")}
    return JSONResponse({"code": "upload", "detail": problem.code, "reason": reason}, status)
