"""Answers about cases: the worklist, one case, what persons do to it, and the signature."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, get_args
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from pathology.errors import CaseRefused, UsageError
from pathology.ledger.cases import CaseBook
from pathology.pipeline.desk_cases import DeskOrder, case_name, put_on_desk
from pathology.pipeline.desk_signing import SignedFiles, SigningPlace, SigningWish, sign_on_desk
from pathology.pipeline.report_settings import load_report_rules
from pathology.records.actor import Actor
from pathology.records.case_review import Change, Changed
from pathology.records.plain import plain
from pathology.records.report_state import ReportState
from pathology.records.signed_report import Meaning, Reauthenticated
from pathology.review.answers import refused, told
from pathology.review.asked import object_of, texts_of
from pathology.review.case_changes import CHANGES, Asked, CaseChange
from pathology.review.cases_told import case_told, line_told, unready_told
from pathology.review.gate import CaseAsked
from pathology.review.lodge import Lodge, address_of, token_of
from pathology.review.page_files import html
from pathology.review.room import actor_of, lodge_of, result_of, room_of

LONGEST_NAME: Final = 100
WRONG: Final = (KeyError, TypeError, ValueError, AttributeError)
"""What a body that says something else than it should leads to."""


async def worklist_page(request: Request) -> Response:
    """The page of cases."""
    return html("worklist.html")


async def case_page(request: Request) -> Response:
    """The page of one case."""
    return html("case.html")


async def cases(request: Request) -> Response:
    """The worklist: discrepancies first, then by priority, deadline and time of opening.

    ``?state=`` (several) and ``?assignee=`` filter it.
    """
    room, actor = room_of(request), actor_of(request)
    wanted = request.query_params.getlist("state")
    states: list[ReportState] = [s for s in get_args(ReportState) if s in wanted]
    assignee = request.query_params.get("assignee") or None

    def lines() -> list[dict[str, Any]]:
        found = _book(request).worklist(states, assignee)
        gate = room.desk.gate

        def seen(case: str) -> bool:
            return gate.allows(actor, "view-case", CaseAsked(slide_id="", case_id=case))

        return [{**line_told(line), "opens": seen(line.case)} for line in found]

    return told({"cases": await room.ask(lines)})


async def put(request: Request) -> Response:
    """``{"case_id", "request_id"}``: the results of a case on the desk, or renewed there."""
    room, actor, body = room_of(request), actor_of(request), object_of(await request.body())
    if body is None or not isinstance(body.get("case_id"), str):
        return refused(400, "wrong-request")
    try:
        change = _change(request, actor, {**body, "seen_version": body.get("seen_version", 0)})
    except WRONG:
        return refused(400, "wrong-request")
    order = DeskOrder(out=room.desk.results, case_id=body["case_id"])
    rules = load_report_rules()
    return _changed(await room.ask(lambda: put_on_desk(_book(request), order, rules, change)))


async def case(request: Request) -> Response:
    """All of a case that this account may see now, and why it could not sign it."""
    room, actor, name = room_of(request), actor_of(request), request.path_params["case"]

    def look() -> dict[str, Any]:
        book = _book(request)
        found = book.case(name)
        hidden = book.hidden_from(found, actor.name)
        document = case_told(found, hidden, actor.name, room.desk.settings)
        document["unready"] = unready_told(name, book.unready(name, actor.name))
        return document

    return told(await room.ask(look))


def change_of(name: str) -> Callable[[Request], Awaitable[Response]]:
    """The answer to one kind of change."""
    kind = CHANGES[name]

    async def answer(request: Request) -> Response:
        return await _do(request, kind)

    return answer


async def _do(request: Request, kind: CaseChange) -> Response:
    room, actor, body = room_of(request), actor_of(request), object_of(await request.body())
    if body is None:
        return refused(400, "wrong-request")
    try:
        asked = Asked(
            cases=_book(request),
            case=request.path_params["case"],
            body=body,
            change=_change(request, actor, body),
            rules=load_report_rules(),
        )
        return _changed(await room.ask(lambda: kind.do(asked)))
    except WRONG:
        return refused(400, "wrong-request")


async def saw(request: Request) -> Response:
    """``{"overlay"}``: the account opened an overlay. Nothing is kept of one on no desk."""
    actor, found = actor_of(request), result_of(request)
    lodge, given = lodge_of(request), texts_of(await request.body(), ("overlay",), LONGEST_NAME)
    if given is None:
        return refused(400, "wrong-request")
    result, overlay = found.result, given[0]
    if lodge is None or result.case_id is None:
        return told({"kept": False})

    def keep(lodge: Lodge, case_id: str) -> bool:
        book = _book(request)
        name = case_name(book, case_id)
        change = Change(by=actor, request_id=uuid4().hex, seen_version=0, now_utc=lodge.clock())
        try:
            book.saw(name, result.result_id, overlay, change)
        except CaseRefused:
            return False
        return True

    return told({"kept": await room_of(request).ask(partial(keep, lodge, result.case_id))})


async def sign(request: Request) -> Response:
    """``{"password", "printed_name", "meaning", "request_id", "seen_version"}``: the signature.

    The password proves anew who sits there; who came by the single sign-on has proved it there.
    """
    room, lodge, body = room_of(request), lodge_of(request), object_of(await request.body())
    if body is None or lodge is None:
        return refused(400, "wrong-request")
    try:
        change = _change(request, actor_of(request), body)
        name, meaning = str(body["printed_name"]), body["meaning"]
    except WRONG:
        return refused(400, "wrong-request")
    if meaning not in get_args(Meaning) or not name.strip():
        return refused(400, "wrong-request")
    if not room.entries.allows(address_of(request)):
        return refused(429, "too-often", **{"Retry-After": "60"})
    proof = await room.enter(partial(_proof, request, lodge, body.get("password")))
    if proof is None:
        return refused(401, "entry.refused")
    wish = SigningWish(proof=proof, printed_name=name, meaning=meaning)
    done = await room.count(partial(_signed, request, wish, change))
    return told({**plain(done.changed), "problem": done.problem})


def _signed(request: Request, wish: SigningWish, change: Change) -> SignedFiles:
    desk = room_of(request).desk
    place = SigningPlace(
        out=desk.results,
        slide_of=desk.slide_of,
        research_accepted=desk.settings.site.models.accept_research_weights,
    )
    return sign_on_desk(_book(request), request.path_params["case"], wish, place, change)


def _proof(request: Request, lodge: Lodge, password: object) -> Reauthenticated | None:
    token = token_of(request)
    if token is None:
        return None
    if password is None:
        return lodge.entrance.proof_of(token)
    session = lodge.session(request)
    if session is None or not isinstance(password, str):
        return None
    return lodge.entrance.prove(session, password, lodge.visit(request))


def _change(request: Request, actor: Actor, body: dict[str, Any]) -> Change:
    lodge, seen = lodge_of(request), body["seen_version"]
    if lodge is None or not isinstance(seen, int) or not isinstance(body["request_id"], str):
        raise TypeError("no change")
    return Change(by=actor, request_id=body["request_id"], seen_version=seen, now_utc=lodge.clock())


def _book(request: Request) -> CaseBook:
    """The desk's record. A desk without a ledger has no cases: UsageError."""
    lodge = lodge_of(request)
    if lodge is None:
        raise UsageError("this desk keeps no cases")
    return lodge.ledger.cases(room_of(request).desk.settings.deciding)


def _changed(changed: Changed) -> Response:
    return told(plain(changed))
