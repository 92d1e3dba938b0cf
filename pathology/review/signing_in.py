"""Answers at the door: sign in, another password, sign out, who am I, break glass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from pathology.errors import UsageError
from pathology.ledger.permissions import MAY
from pathology.records.entrance import BrokenGlass, Entered, Refusal
from pathology.review.answers import refused, told
from pathology.review.asked import texts_of
from pathology.review.gate import CaseAsked
from pathology.review.lodge import Lodge, address_of, give_cookie, take_cookie, token_of
from pathology.review.page_files import html
from pathology.review.room import Room, actor_of, case_of, lodge_of, room_of

STATUS: Final = {"refused": 401, "must-change": 409}
LONGEST: Final = 1024


async def sign_in_page(request: Request) -> Response:
    """The page that asks for name and password."""
    return html("sign-in.html") if lodge_of(request) else refused(404, "not-found")


async def sign_in(request: Request) -> Response:
    """``{"name", "password"}``: a session. All that fails is answered alike."""
    given = texts_of(await request.body(), ("name", "password"), LONGEST)
    if given is None:
        return refused(400, "wrong-request")
    name, password = given

    def enter(lodge: Lodge) -> Entered | Refusal:
        return lodge.entrance.sign_in(name, password, lodge.visit(request))

    return await _entered(request, enter)


async def change_password(request: Request) -> Response:
    """``{"name", "password", "new"}``: another password, and a session."""
    given = texts_of(await request.body(), ("name", "password", "new"), LONGEST)
    if given is None:
        return refused(400, "wrong-request")
    name, old, new = given

    def enter(lodge: Lodge) -> Entered | Refusal:
        return lodge.entrance.change_password(name, old, new, lodge.visit(request))

    return await _entered(request, enter)


async def _entered(request: Request, enter: Callable[[Lodge], Entered | Refusal]) -> Response:
    room, lodge = room_of(request), lodge_of(request)
    if lodge is None:
        return refused(404, "not-found")
    if not room.entries.allows(address_of(request)):
        return refused(429, "too-often", **{"Retry-After": "60"})
    found = await room.enter(partial(enter, lodge))
    if not isinstance(found, Entered):
        return refused(STATUS.get(found, 422), f"entry.{found}")
    return await welcomed(request, lodge, found, told({"account": found.session.actor.name}))


async def welcomed(request: Request, lodge: Lodge, found: Entered, answer: Response) -> Response:
    """``answer`` with the cookie of a session that has begun; the one before it is over."""
    room = room_of(request)
    if (brought := token_of(request)) is not None:  # never gone on with, whoever put it there
        await room.ask(lambda: lodge.sessions.end(brought, lodge.visit(request)))
    give_cookie(request, answer, found.token)
    return answer


async def sign_out(request: Request) -> Response:
    """The session is over."""
    room, lodge, token = room_of(request), lodge_of(request), token_of(request)
    if lodge is not None and token is not None:
        await room.ask(lambda: lodge.sessions.end(token, lodge.visit(request)))
    answer = told({})
    answer.headers["Clear-Site-Data"] = '"cache"'  # tiles that the browser was let keep
    take_cookie(request, answer)
    return answer


async def me(request: Request) -> Response:
    """Who is signed in, how, and what the account may do."""
    room, lodge, actor = room_of(request), lodge_of(request), actor_of(request)
    rules = room.desk.settings.access
    session = None if lodge is None else await room.ask(lambda: lodge.session(request))
    acts = sorted(set().union(*(MAY[role] for role in actor.roles)))
    roles, idle_s = sorted(actor.roles), rules.sessions.idle_s
    method = "" if session is None else session.method
    return told(
        {
            "account": actor.name,
            "method": method,
            "roles": roles,
            "acts": acts,
            "idle_s": idle_s,
            "glass_hours": rules.cases.break_glass_hours,
        }
    )


async def break_glass(request: Request) -> Response:
    """``{"slide_id", "name", "password", "reason"}``: see a case of others for a while.

    ``{"case", "password", "reason"}`` names a case of the desk. Who may see no case at all is
    turned away; whether it exists is told only afterwards.
    """
    room, lodge, actor = room_of(request), lodge_of(request), actor_of(request)
    given = _glass_asked(await request.body())
    if given is None or lodge is None:
        return refused(400, "wrong-request") if lodge else refused(404, "not-found")
    named, password, reason = given
    if not room.entries.allows(address_of(request)):
        return refused(429, "too-often", **{"Retry-After": "60"})
    if not await room.enter(lambda: lodge.prove(request, password)):
        return refused(401, "entry.refused")
    found = await room.ask(lambda: _case_named(room, named))
    if found is None:
        return refused(404, "not-found")
    case = (found.case_id, found.slide_id)
    try:
        glass = await room.ask(lambda: lodge.cases.break_glass(actor, case, reason, lodge.clock()))
    except UsageError:
        return refused(422, "entry.no-reason")
    return told({"until_utc": glass.until_utc.isoformat()})


def _glass_asked(body: bytes) -> tuple[tuple[str, ...], str, str] | None:
    """What is named, a secret, a reason; None where the body does not say just that."""
    for names in (("case",), ("slide_id", "name")):
        given = texts_of(body, (*names, "password", "reason"), LONGEST)
        if given is not None:
            *named, password, reason = given
            return tuple(named), password, reason
    return None


def _case_named(room: Room, named: tuple[str, ...]) -> CaseAsked | None:
    if len(named) == 1:
        return room.case_asked(named[0])
    found = room.shelf.find(*named)
    return None if found is None else case_of(found.result)


async def glass_broken(request: Request) -> Response:
    """Glass broken of late, for the auditor."""
    room, lodge, actor = room_of(request), lodge_of(request), actor_of(request)
    if lodge is None:
        return refused(404, "not-found")
    now = lodge.clock()
    found = await room.ask(lambda: lodge.cases.broken(actor, now))
    hours = lodge.rules.cases.told_hours
    return told(
        {
            "now_utc": now.isoformat(),
            "told_hours": hours,
            "broken": [_glass_told(glass) for glass in found],
        }
    )


async def glass_page(request: Request) -> Response:
    """The page of glass broken of late."""
    return html("glass.html")


def _glass_told(glass: BrokenGlass) -> dict[str, str]:
    return {name: v if isinstance(v, str) else v.isoformat() for name, v in asdict(glass).items()}
