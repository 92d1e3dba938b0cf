"""The text of a case and its signature: what takes more than one step of the ledger."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, cast, get_args

from starlette.requests import Request
from starlette.responses import Response

from pathology.errors import CaseRefused, DraftRejected
from pathology.pipeline.desk_cases import report_folder
from pathology.pipeline.desk_signing import SigningWish, sign_on_desk, signed_file
from pathology.pipeline.desk_text import decided_text, edited_text
from pathology.records.report import WrittenSection
from pathology.records.signed_report import Meaning
from pathology.review.answers import refused
from pathology.review.case_answers import answered, body_of, change_of
from pathology.review.case_steps import Asked, StrangeBody, text
from pathology.review.case_told import changed_told
from pathology.review.desk import CaseDesk
from pathology.review.room import actor_of, room_of

MOST_SECTIONS: Final = 50
MOST_SENTENCES: Final = 200
LONGEST_SENTENCE: Final = 2000
FORMS: Final = {"html": "text/html", "pdf": "application/pdf", "json": "application/json"}


async def write_text(request: Request) -> Response:
    """Another text of the report, checked at once; what the check finds is kept beside it."""
    room, actor, case = room_of(request), actor_of(request), request.path_params["case"]
    try:
        asked = body_of(await request.body())
        change, sections, why = change_of(asked, actor), _sections(asked), text(asked, "why")
    except StrangeBody:
        return refused(400, "wrong-request")

    def written(desk: CaseDesk) -> dict[str, Any]:
        stands = desk.ledger.case(case).text
        if stands is None:
            raise CaseRefused(case, "no-text")
        after = edited_text(stands, sections, desk.rules)
        return changed_told(desk.ledger.write(case, after, why, change))

    return await answered(room, written)


async def renew_text(request: Request) -> Response:
    """The template's text for the findings as they were decided."""
    room, actor, case = room_of(request), actor_of(request), request.path_params["case"]
    try:
        asked = body_of(await request.body())
        change = change_of(asked, actor)
    except StrangeBody:
        return refused(400, "wrong-request")

    def written(desk: CaseDesk) -> dict[str, Any]:
        after = decided_text(desk.ledger.case(case), desk.rules, change.now_utc)
        if after is None:
            raise CaseRefused(case, "no-text")
        return changed_told(desk.ledger.write(case, after, "decisions", change))

    try:
        return await answered(room, written)
    except DraftRejected as problem:
        return refused(422, "cannot", str(problem))


async def sign(request: Request) -> Response:
    """The signature: the password again, then slides and results are read whole, then it is."""
    room, actor, case = room_of(request), actor_of(request), request.path_params["case"]
    try:
        asked = body_of(await request.body())
        change, printed, meaning = (
            change_of(asked, actor),
            text(asked, "printed_name"),
            _meaning(asked),
        )
        password = text(asked, "password")
    except StrangeBody:
        return refused(400, "wrong-request")
    gate = room.desk.gate
    proof = await room.enter(lambda: gate.prove(request, password))
    if proof is None:
        return refused(403, "not-proved")
    wish = SigningWish(proof=proof, printed_name=printed, meaning=meaning)
    # Signed now, after the proof: one that lies ahead of its signature would be none.
    at_once = replace(change, now_utc=datetime.now(UTC))

    def signed(desk: CaseDesk) -> dict[str, Any]:
        done = sign_on_desk(desk.ledger, case, wish, desk.place, at_once)
        return {**changed_told(done.changed), "problem": done.problem}

    return await answered(room, signed)


async def report(request: Request) -> Response:
    """A signed version, as it was written when it was signed."""
    room, at = room_of(request), request.path_params
    desk = room.desk.cases
    if desk is None or at["form"] not in FORMS:
        return refused(404, "not-found")

    def found() -> bytes | None:
        try:
            version = desk.ledger.report(at["case"], at["number"])
        except CaseRefused:
            return None
        folder = report_folder(desk.place.out, at["case"], version.case_id)
        path = signed_file(folder, version, at["form"])
        return None if path is None else path.read_bytes()

    content = await room.look(found)
    if content is None:
        return refused(404, "not-found")
    headers = {"Content-Disposition": f'inline; filename="report-{at["number"]}.{at["form"]}"'}
    return Response(content, media_type=FORMS[at["form"]], headers=headers)


def _meaning(asked: Asked) -> Meaning:
    meaning = text(asked, "meaning")
    if meaning not in get_args(Meaning):
        raise StrangeBody("meaning")
    return cast(Meaning, meaning)


def _sections(asked: Asked) -> tuple[WrittenSection, ...]:
    sections = asked.get("sections")
    if not isinstance(sections, list) or not 1 <= len(sections) <= MOST_SECTIONS:
        raise StrangeBody("sections")
    return tuple(_section(one) for one in sections)


def _section(told_section: Any) -> WrittenSection:
    if not isinstance(told_section, dict) or told_section.keys() != {"id", "en", "zh"}:
        raise StrangeBody("section")
    if not isinstance(told_section["id"], str) or not re.fullmatch(
        r"[\w.-]{1,80}", told_section["id"]
    ):
        raise StrangeBody("section")
    for sentences in (told_section["en"], told_section["zh"]):
        if not isinstance(sentences, list) or len(sentences) > MOST_SENTENCES:
            raise StrangeBody("sentences")
        if not all(isinstance(s, str) and len(s) <= LONGEST_SENTENCE for s in sentences):
            raise StrangeBody("sentences")
    return WrittenSection(
        id=told_section["id"], en=tuple(told_section["en"]), zh=tuple(told_section["zh"])
    )
