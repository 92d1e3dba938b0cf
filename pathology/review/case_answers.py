"""The worklist, a case, and what persons do to it. The ledger decides; this only carries."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, get_args

from starlette.requests import Request
from starlette.responses import Response

from pathology.records.actor import Actor
from pathology.records.case_review import Change, ReviewCase
from pathology.records.report_state import ReportState
from pathology.review.answers import refused, told
from pathology.review.case_steps import ASSIGN_STEPS, REVIEW_STEPS, Asked, Step, StrangeBody, text
from pathology.review.case_told import case_told, changed_told, headline_told, line_told
from pathology.review.desk import CaseDesk
from pathology.review.gate import CaseAsked
from pathology.review.room import Room, actor_of, room_of

MOST_LINES: Final = 500
MOST_FOUND: Final = 50
"""Lines that say what was found; they are the most pressing."""


async def worklist(request: Request) -> Response:
    """Cases, discrepancies first, then the most pressing; ``state`` and ``assignee`` narrow it."""
    room, asked, actor = room_of(request), request.query_params, actor_of(request)
    states = tuple(s for s in get_args(ReportState) if s in asked.getlist("state"))
    who = asked.get("assignee") or None

    def seen(desk: CaseDesk) -> dict[str, Any]:
        room.new_cases.look(actor)
        lines = desk.ledger.worklist(states, who)
        told_lines = [line_told(line) for line in lines[:MOST_LINES]]
        for line, told_line in zip(lines[:MOST_FOUND], told_lines, strict=False):
            found = room.case_listed(desk.ledger, line)
            told_line.update(_headline(room, desk, actor, found))
        return {
            "cases": told_lines,
            "more": max(0, len(lines) - MOST_LINES),
            "you": actor.name,
        }

    return await answered(room, seen)


def _headline(room: Room, desk: CaseDesk, actor: Actor, found: ReviewCase) -> dict[str, Any]:
    """What was found, for who may see the case; ``shut``: breaking the glass would show it."""
    asked = CaseAsked(slide_id="", case_id=found.case_id)
    gate = room.desk.gate
    if not gate.allows(actor, "view-case", asked):
        return {"case_id": found.case_id, "shut": gate.allows(actor, "view-case", None)}
    hidden = desk.ledger.hidden_from(found, actor.name)
    return headline_told(found, hidden, room.desk.settings)


async def case(request: Request) -> Response:
    """All of a case that this reader may know now."""
    room, actor, name = room_of(request), actor_of(request), request.path_params["case"]

    def seen(desk: CaseDesk) -> dict[str, Any]:
        cases = desk.ledger
        found = cases.case(name)
        hidden = cases.hidden_from(found, actor.name)
        unready = cases.unready(name, actor.name)
        document = case_told(found, hidden, unready, room.desk.settings)
        return {**document, "you": actor.name}

    return await answered(room, seen)


async def review_step(request: Request) -> Response:
    """A step of the reader's."""
    return await _step(request, REVIEW_STEPS)


async def assign_step(request: Request) -> Response:
    """Work given to somebody."""
    return await _step(request, ASSIGN_STEPS)


async def _step(request: Request, steps: Mapping[str, Step]) -> Response:
    room, at = room_of(request), request.path_params
    step = steps.get(at["step"])
    if step is None:
        return refused(404, "not-found")
    try:
        asked = body_of(await request.body())
        change = change_of(asked, actor_of(request))
    except StrangeBody:
        return refused(400, "wrong-request")
    return await answered(
        room, lambda desk: changed_told(step(desk.ledger, at["case"], asked, change))
    )


def body_of(body: bytes) -> Asked:
    """The object of a body; raises StrangeBody where it is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as cause:
        raise StrangeBody("body") from cause
    if not isinstance(document, dict):
        raise StrangeBody("body")
    return document


def change_of(asked: Asked, actor: Actor) -> Change:
    """Who changes what was seen; raises StrangeBody where the body does not say."""
    version = asked.get("seen_version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise StrangeBody("seen_version")
    try:
        return Change(
            by=actor,
            request_id=text(asked, "request_id"),
            seen_version=version,
            now_utc=datetime.now(UTC),
        )
    except ValueError as cause:
        raise StrangeBody("request_id") from cause


async def answered(room: Room, ask: Callable[[CaseDesk], dict[str, Any]]) -> Response:
    """What the ledger of cases says, or why it refuses."""
    desk = room.desk.cases
    if desk is None:
        return refused(404, "no-cases")
    try:
        return told(await room.ask(partial(ask, desk)))
    except StrangeBody:
        return refused(400, "wrong-request")
