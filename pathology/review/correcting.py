"""Corrections: what they would come to, and the new result that keeps them. Both versions stay."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import Any, Final

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from pathology.errors import CorrectedMeanwhile, UsageError
from pathology.pipeline.correct import CorrectedResult, correct
from pathology.pipeline.correct import foresee as foreseen
from pathology.records.correction import Correction, WhyCorrected
from pathology.review.answers import BYTES, refused, told
from pathology.review.asked import object_of
from pathology.review.correction_read import correction_of, why_of
from pathology.review.editable import adopted, editable_told
from pathology.review.kept_correction import KeptCorrection
from pathology.review.room import Room, actor_of, case_of, result_of, room_of
from pathology.review.shelf import OpenResult
from pathology.review.told import foreseen_told, named_told

LONGEST_NOTE: Final = 2000


async def editing(request: Request) -> Response:
    """What a person may change of a result."""
    room, found, account = room_of(request), result_of(request), actor_of(request).name

    def seen() -> dict[str, Any]:
        return {
            "account": account,
            "noted": room.desk.notes,
            "regions": editable_told(found.regions.regions),
        }

    return told(await room.look(seen))


async def adopt(request: Request) -> Response:
    """Outlines of a region that the program found, for a person to confirm or to change."""
    room, found = room_of(request), result_of(request)
    region_id = request.query_params.get("region", "")
    most = room.desk.settings.review.asking.most_points
    outlines = await room.look(lambda: adopted(found.regions.regions, region_id, most))
    return refused(404, "not-found") if outlines is None else told({"polygons": outlines})


async def inside(request: Request) -> Response:
    """Nuclei in an outline: ``{"outline": [[x, y], ...]}`` in level-0 px."""
    room, found = room_of(request), result_of(request)
    asking = room.desk.settings.review.asking
    outline = _outline(await _document(request), asking.most_points)
    if outline is None:
        return refused(400, "wrong-request")
    content = await room.look(lambda: found.nuclei.inside(outline, asking.most_nuclei))
    return Response(content, media_type=BYTES)


async def foresee(request: Request) -> Response:
    """Findings as a correction would have them; nothing is written."""
    room, found = room_of(request), result_of(request)
    document = await _document(request)

    def counted() -> dict[str, Any]:
        correction = _correction(document, found, room)
        return foreseen_told(foreseen(found.memory, correction), room.desk.settings)

    return told(await room.count(counted))


async def keep(request: Request) -> Response:
    """Write the corrected result; the answer names it.

    The body is that of ``foresee`` with ``why``, one of ``WHY_CORRECTED``, and ``note``, the
    person's own words, which go to the case's record and into no result.
    """
    room, found, actor = room_of(request), result_of(request), actor_of(request)
    document = await _document(request)
    why, note = why_of(document), document.get("note", "")
    if why is None or not isinstance(note, str) or len(note) > LONGEST_NOTE:
        return refused(400, "wrong-request")
    try:
        made = await room.count(partial(_written, room, found, document, (actor.name, why)))
    except CorrectedMeanwhile as problem:
        return refused(409, "corrected-meanwhile", str(problem))
    kept = KeptCorrection(
        actor=actor,
        case=case_of(found.result),
        supersedes=found.result.result_id,
        result_id=made,
        why=why,
        note=note,
    )
    await room.ask(lambda: room.desk.kept(kept))
    return told(named_told(made, actor.name))


def _written(
    room: Room, found: OpenResult, document: dict[str, Any], by: tuple[str, WhyCorrected]
) -> str:
    """The id of the new result."""
    author, why = by
    correction = _correction(document, found, room, author=author, why=why, alone=True)
    slide = room.desk.slide_of(found.result.slide.id)
    made_from = CorrectedResult(folder=found.folder, out=found.results, slide=slide)
    made = correct(made_from, correction, room.desk.settings)
    room.shelf.look_again()
    return made.result_id


def _correction(document: dict[str, Any], found: OpenResult, room: Room, **by: Any) -> Correction:
    """What a body says; ``digest`` is of what can change a number, in one order of keys."""
    asking = room.desk.settings.review.asking
    slide = found.result.slide
    drawn, orders = correction_of(document, slide, asking)
    said = {name: document.get(name) for name in ("regions", "nuclei")}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
    return Correction(drawn=drawn, orders=orders, digest=digest, **by)


async def _document(request: Request) -> dict[str, Any]:
    """The body as a table; raises UsageError where it is none."""
    document = object_of(await request.body())
    if document is None:
        raise UsageError("the request is no table. Load the page again")
    return document


def _outline(document: dict[str, Any], most_points: int) -> np.ndarray[Any, Any] | None:
    points = document.get("outline")
    if not isinstance(points, list) or not 3 <= len(points) <= most_points:
        return None
    try:
        outline = np.array([[float(x), float(y)] for x, y in points])
    except (TypeError, ValueError):
        return None
    return outline if np.isfinite(outline).all() and (np.abs(outline) < 2.0**31).all() else None
