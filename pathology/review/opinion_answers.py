"""Second opinions on a case: asked of another hospital, and taken when its answer comes."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from pathology.errors import CaseRefused, SlideError, VaultError
from pathology.pipeline.bundle_cuts import Rectangle, kinds_of
from pathology.pipeline.opinions import OpinionPlace, OpinionWish, ask_opinion, take_opinion
from pathology.records.case_review import ReviewCase
from pathology.records.plain import plain
from pathology.review.answers import refused, told
from pathology.review.case_answers import body_of, change_of
from pathology.review.case_steps import Asked, StrangeBody, text
from pathology.review.desk import CaseDesk
from pathology.review.room import Room, actor_of, room_of

KINDS: Final = ("hotspot", "field", "tumour")
"""Regions that may be sent instead of the slide: what was counted, and where."""
SHOWN: Final = ("whole", "regions", "results")
MOST_RECTANGLES: Final = 20
LENGTHS: Final = ("x_um", "y_um", "width_um", "height_um")


async def opinions(request: Request) -> Response:
    """Whom this site may ask, and which regions the case's results have."""
    room, desk, place = _places(request)
    if desk is None or place is None:
        return refused(404, "no-cases")

    def seen() -> dict[str, Any]:
        case = desk.ledger.case(request.path_params["case"])
        names = {name: keys.fingerprint for name, keys in place.partners().items()}
        return {
            "partners": [{"name": name, "fingerprint": of} for name, of in names.items()],
            "kinds": _kinds(room, case),
            "slides": sorted({r.slide_id for r in case.results}),
            "slides_here": all(place.slide_of(r.slide_id) is not None for r in case.results),
        }

    return told(await room.look(seen))


async def ask(request: Request) -> Response:
    """A bundle of the case for another hospital; it is fetched under its id."""
    room, desk, place = _places(request)
    if desk is None or place is None:
        return refused(404, "no-cases")
    try:
        asked = body_of(await request.body())
        change, wish = change_of(asked, actor_of(request)), _wish(asked)
    except StrangeBody:
        return refused(400, "wrong-request")
    case = request.path_params["case"]
    try:
        made = await room.count(lambda: ask_opinion(desk.ledger, case, wish, place, change))
    except SlideError as problem:
        reason = {"en": problem.text("en"), "zh": problem.text("zh")}
        return JSONResponse({"code": "cannot", "detail": problem.code, "reason": reason}, 422)
    except VaultError:
        return refused(422, "no-bundle-keys")
    return told(plain(made))


async def take(request: Request) -> Response:
    """Another hospital's answer onto the case; it signs nothing."""
    room, desk, place = _places(request)
    if desk is None or place is None:
        return refused(404, "no-cases")
    try:
        asked = body_of(await request.body())
        change, sealed = change_of(asked, actor_of(request)), _sealed(asked)
    except StrangeBody:
        return refused(400, "wrong-request")
    case = request.path_params["case"]

    def taken() -> dict[str, Any]:
        with TemporaryDirectory(prefix="pathology-answer-") as folder:
            source = Path(folder) / "answer"
            source.write_bytes(sealed)
            opinion = take_opinion(desk.ledger, case, source, place.keys(), change)
        return {"bundle_id": opinion.bundle_id}

    try:
        return told(await room.look(taken))
    except VaultError:
        return refused(422, "opinion-refused")


async def bundle(request: Request) -> Response:
    """A sealed bundle of the case, for the way to the hospital that alone can open it."""
    room, desk, place = _places(request)
    at = request.path_params
    if desk is None or place is None:
        return refused(404, "not-found")

    def found() -> Path | None:
        try:
            asked = desk.ledger.case(at["case"]).asked
        except CaseRefused:
            return None
        known = {a.asked.bundle_id for a in asked}
        path = place.bundle(at["bundle"]) if at["bundle"] in known else None
        return path if path is not None and path.is_file() else None

    path = await room.look(found)
    if path is None:
        return refused(404, "not-found")
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)


def _places(request: Request) -> tuple[Room, CaseDesk | None, OpinionPlace | None]:
    room = room_of(request)
    desk = room.desk.cases
    return room, desk, None if desk is None else desk.opinions


def _kinds(room: Room, case: ReviewCase) -> list[str]:
    """Kinds of regions that the results of a case have."""
    found: set[str] = set()
    for result in case.results:
        slide_id, _, name = result.result_id.partition("/")
        opened = room.shelf.find(slide_id, name)
        if opened is not None:
            found |= kinds_of(opened.folder, opened.result.mpp)
    return [kind for kind in KINDS if kind in found]


def _wish(asked: Asked) -> OpinionWish:
    shown, around = text(asked, "shown"), asked.get("around", [])
    rectangles = asked.get("rectangles", [])
    if shown not in SHOWN or not isinstance(around, list) or not isinstance(rectangles, list):
        raise StrangeBody("shown")
    if not all(kind in KINDS for kind in around) or len(rectangles) > MOST_RECTANGLES:
        raise StrangeBody("around")
    if (shown == "regions") != bool(around or rectangles):
        raise StrangeBody("regions")
    return OpinionWish(
        partner=text(asked, "partner"),
        question=text(asked, "question"),
        whole=shown == "whole",
        around=tuple(around),
        rectangles=tuple(_rectangle(one) for one in rectangles),
    )


def _rectangle(told_one: Any) -> Rectangle:
    """A rectangle of the body: a slide's id or null, and four lengths in µm."""
    if not isinstance(told_one, Mapping):
        raise StrangeBody("rectangle")
    slide_id = told_one.get("slide_id")
    if not isinstance(slide_id, str | None):
        raise StrangeBody("rectangle")
    try:
        return Rectangle(slide_id=slide_id, **{n: _length(told_one.get(n)) for n in LENGTHS})
    except ValueError as cause:
        raise StrangeBody("rectangle") from cause


def _length(number: Any) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise StrangeBody("rectangle")
    return float(number)


def _sealed(asked: Asked) -> bytes:
    told_one = asked.get("answer")
    if not isinstance(told_one, str):
        raise StrangeBody("answer")
    try:
        return base64.b64decode(told_one, validate=True)
    except (binascii.Error, ValueError) as cause:
        raise StrangeBody("answer") from cause
