"""The guard: no answer before the rule of its address was found and the gate was asked."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pathology.errors import LedgerError
from pathology.records.actor import Act, Actor
from pathology.review.answers import BYTES, refused
from pathology.review.gate import CaseAsked
from pathology.review.page_files import html
from pathology.review.room import Room, case_of
from pathology.review.route_table import ROUTES, Rule
from pathology.review.shelf import OpenResult

SIGN_IN_FIRST: Final = """<!doctype html>
<html lang="zh"><meta charset="utf-8"><title>Pathology</title>
<p>请先登录。</p><p lang="en">Sign in first.</p></html>
"""
LOOKS: Final = ("read-worklist",)
"""Acts that show patients' results though they name none."""
CHANGES_NOTHING: Final = ("GET", "HEAD")


class TooLong(Exception):
    """A body is longer than the settings allow."""


class Guard:
    """Middleware. It asks the gate for every request whose rule does not say "anyone"."""

    def __init__(self, app: ASGIApp, room: Room) -> None:
        self._app, self._room = app, room
        self._rules = [
            (rule, Route(rule.path, rule.answer, methods=[rule.method])) for rule in ROUTES
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            return
        request = Request(scope, receive)
        try:
            rule, names = self._rule(scope)
            is_file = rule is not None and rule.file
            refusal = _foreign(request, is_file=is_file) or await self._asked(request, rule, names)
        except LedgerError:  # who cannot be known gets nothing
            refusal = self._without_ledger(request)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        limits = self._room.desk.settings.review
        limit = limits.asking.request_kib * 1024
        if is_file:
            limit = int(limits.uploads.largest_gib * 2**30)
        await self._within(limit, scope, receive, send)

    async def _asked(
        self, request: Request, rule: Rule | None, names: dict[str, str]
    ) -> Response | None:
        """The refusal of a request, None where it may pass."""
        if rule is not None and rule.act == "anyone":
            return None
        gate = self._room.desk.gate
        actor = await self._room.ask(lambda: gate.who(request))
        if actor is None:
            return self._sign_in(rule, request.url.path)
        if not self._room.requests.allows(actor.name):
            return refused(429, "too-often", **{"Retry-After": "1"})
        if rule is None or rule.act == "anyone":
            return refused(404, "not-found")
        if rule.act == "signed-in":
            request.scope["pathology.actor"] = actor
            return None
        about = await self._about(names)
        if about is None:
            return refused(404, "not-found")
        request.scope["pathology.actor"], request.scope["pathology.result"] = actor, about[1]
        return await self._refusal(rule, rule.act, actor, *about)

    async def _about(
        self, names: dict[str, str]
    ) -> tuple[CaseAsked | None, OpenResult | None] | None:
        """The case and the result that an address names; None where one is not there."""
        case: CaseAsked | None = None
        if "case" in names:
            case = await self._room.ask(lambda: self._room.case_asked(names["case"]))
            if case is None:
                return None
        if "slide_id" not in names:
            return case, None
        found = await self._room.ask(lambda: self._room.shelf.find(*names.values()))
        return None if found is None else (case_of(found.result), found)

    async def _refusal(
        self, rule: Rule, act: Act, actor: Actor, case: CaseAsked | None, found: OpenResult | None
    ) -> Response | None:
        """Why this act is not for this actor; None, with the view told, where it is."""
        gate = self._room.desk.gate
        if act == "correct-result" and _is_of_guests(self._room):
            return refused(403, "not-allowed")
        if not await self._room.ask(lambda: gate.allows(actor, act, case)):
            await self._room.ask(lambda: gate.refused(actor, act, case))
            # Whether a case exists is itself told only to those who may see it.
            return refused(404, "not-found") if case else refused(403, "not-allowed")
        if rule.tells and found is not None:
            result = found.result
            if await self._room.ask(lambda: self._room.blinding.hidden(actor, result)):
                return refused(403, "read-first")
        if case is not None or act in LOOKS:
            what = rule.path if found is None else found.folder.name
            await self._room.ask(lambda: gate.viewed(actor, what, case))
        return None

    def _rule(self, scope: Scope) -> tuple[Rule | None, dict[str, str]]:
        """The rule of an address, and the ids of the result in it."""
        for rule, route in self._rules:
            match, child = route.matches(scope)
            if match is Match.FULL:
                params = child["path_params"]
                names = {k: str(params[k]) for k in ("slide_id", "name", "case") if k in params}
                return rule, names
        return None, {}

    def _sign_in(self, rule: Rule | None, path: str) -> Response:
        gate = self._room.desk.gate
        if rule is None or not rule.page:
            return refused(401, "sign-in")
        if gate.sign_in is None:
            return Response(SIGN_IN_FIRST, 401, media_type="text/html")
        to = "" if path == "/" else f"?to={quote(path)}"  # what is behind a # the browser keeps
        return RedirectResponse(f"{gate.sign_in}{to}", 303)

    def _without_ledger(self, request: Request) -> Response:
        """A person gets a page that says so, and goes on by itself when the archive is back."""
        rule, _ = self._rule(request.scope)
        if rule is not None and rule.page:
            return html("away.html", 503)
        return refused(503, "no-ledger", **{"Retry-After": "5"})

    async def _within(self, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, but no more than ``limit`` bytes of its body."""
        taken, answered = 0, False

        async def measured() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise TooLong
            return message

        async def noted(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, measured, noted)
        except TooLong:
            if not answered:
                await refused(413, "too-long", Connection="close")(scope, receive, send)


def _is_of_guests(room: Room) -> bool:
    """Whether what is shown is another hospital's, and stays as it was sent."""
    return room.desk.question is not None


def _foreign(request: Request, *, is_file: bool = False) -> Response | None:
    """The refusal of a change that another site's page, or no page, asks for.

    A browser says where a request comes from (Fetch Metadata, or Origin), and a page cannot lie
    about it. JSON, or a file's plain bytes, is demanded as well: a form of another site can send
    neither.
    """
    if request.method in CHANGES_NOTHING:
        return None
    headers: Headers = request.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    own = f"{request.url.scheme}://{headers.get('host', '')}"
    same = site == "same-origin" if site is not None else origin == own
    if origin is not None and origin != own:
        same = False
    if not same:
        return refused(403, "other-site")
    wanted = BYTES if is_file else "application/json"
    if headers.get("content-type", "").partition(";")[0].strip() != wanted:
        return refused(415, "wrong-request")
    return None
