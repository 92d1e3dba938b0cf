"""Another hospital's question on its own page: looked at, never changed, and answered."""

from __future__ import annotations

import base64
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from pathology.errors import UsageError
from pathology.records.opinion import LONGEST_TEXT
from pathology.review.answers import refused, told
from pathology.review.asked import texts_of
from pathology.review.page_files import html
from pathology.review.room import actor_of, room_of

ANSWER: Final = ("text", "by")


async def question_page(request: Request) -> Response:
    """What is asked, the draft, the slides; and a form for the answer."""
    if room_of(request).desk.question is None:
        return refused(404, "not-found")
    return html("question.html")


async def question(request: Request) -> Response:
    """All that the page says."""
    room = room_of(request)
    desk = room.desk.question
    if desk is None:
        return refused(404, "not-found")
    opened = desk.opened

    def seen() -> list[dict[str, Any]]:
        found = []
        for key in room.shelf.listed():
            one = room.shelf.told(key)
            if one is not None:
                address = f"/slides/{key.slide_id}/{key.name}"
                found.append({"address": address, "analysis": one.analysis, "slide": one.slide.id})
        return found

    return told(
        {
            "bundle_id": opened.bundle_id,
            "sender": opened.sender.fingerprint,
            "question": opened.question,
            "draft": list(opened.draft),
            "results": await room.look(seen),
        }
    )


async def answer(request: Request) -> Response:
    """The answer as a file, sealed for who asked; it is to be taken there by a person."""
    room, actor = room_of(request), actor_of(request)
    desk = room.desk.question
    said = texts_of(await request.body(), ANSWER, LONGEST_TEXT)
    if desk is None:
        return refused(404, "not-found")
    if said is None:
        return refused(400, "wrong-request")
    try:
        opinion, sealed = await room.ask(lambda: desk.answer(actor, (said[0], said[1])))
    except UsageError:
        return refused(422, "answer-missing")
    return told(
        {
            "bundle_id": opinion.bundle_id,
            "given_utc": opinion.given_utc.isoformat(),
            "sealed": base64.b64encode(sealed).decode("ascii"),
        }
    )
