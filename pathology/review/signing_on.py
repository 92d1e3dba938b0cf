"""Answers on the way to the single sign-on and back: to sign in, or to prove who signs.

The provider sends browsers to a page of ours that holds no secret; its script posts what stands in
the address. So the answer that begins a session is one to this page's own question, as everywhere:
no other site can ask it, and all cookies stay ``SameSite=Strict``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from pathology.errors import IntranetError
from pathology.review.answers import refused, told
from pathology.review.asked import texts_of
from pathology.review.attempts import Attempt, Errand
from pathology.review.lodge import Lodge, address_of, give_cookie, take_cookie, token_of
from pathology.review.outside import Outside
from pathology.review.page_files import html
from pathology.review.provider import Returned
from pathology.review.room import lodge_of, room_of
from pathology.review.signing_in import welcomed
from pathology.vault.id_token import TokenRefused, Vouched
from pathology.vault.passwords import token_sha256

LONGEST: Final = 4096
"""Characters of a code: some providers put a whole token into it."""
log = logging.getLogger(__name__)


async def ways(request: Request) -> Response:
    """How persons may sign in here."""
    lodge = lodge_of(request)
    return told({"single_sign_on": lodge is not None and lodge.outside is not None})


async def leave(request: Request) -> Response:
    """``{}``: the provider's address for a browser that wants to sign in."""
    return await _sent(request, lambda: Errand(back="/"))


async def prove(request: Request) -> Response:
    """``{}``: the same for a person who is to sign a case, and whom the provider is to ask again.

    Only for a session that the provider began: who came with a password proves it by the password.
    """
    return await _asked_again(request, f"/cases/{quote(request.path_params['case'], safe='')}")


async def prove_for_glass(request: Request) -> Response:
    """``{}``: the same for a person who is to break glass."""
    return await _asked_again(request, "/")


async def _asked_again(request: Request, back: str) -> Response:
    room, lodge, token = room_of(request), lodge_of(request), token_of(request)
    if lodge is None or lodge.outside is None or token is None:
        return refused(400, "entry.by-password")
    session = await room.ask(lambda: lodge.session(request))
    if session is None or session.method != "oidc":
        return refused(400, "entry.by-password")
    return await _sent(request, lambda: Errand(back=back, session=token_sha256(token)))


async def _sent(request: Request, errand: Callable[[], Errand]) -> Response:
    room, outside = room_of(request), _outside(request)
    if texts_of(await request.body(), (), LONGEST) is None:
        return refused(400, "wrong-request")
    if outside is None:
        return refused(404, "not-found")
    settings = outside.provider.settings
    if f"{request.url.scheme}://{request.headers.get('host', '')}" != settings.page:
        return refused(400, "entry.other-address", settings.page)
    if not room.entries.allows(address_of(request)):
        return refused(429, "too-often", **{"Retry-After": "60"})
    token, attempt = outside.attempts.begin(errand())
    ask = _asks(outside, attempt)
    keys = attempt.state, attempt.nonce, attempt.verifier
    try:
        url = await room.outside(lambda: outside.provider.address(*keys, ask=ask))
    except IntranetError as problem:
        return _away(problem)
    answer = told({"url": url})
    give_cookie(request, answer, token, "attempt")
    return answer


async def back_page(request: Request) -> Response:
    """The page that the provider sends browsers to."""
    return html("back.html") if lodge_of(request) else refused(404, "not-found")


async def come_back(request: Request) -> Response:
    """``{"code", "state", "iss"}``: a session, or the proof for a signature.

    What is wrong is told to the log and the chain alone: whether a person is known here, and what
    was amiss with a token, is nobody's business.
    """
    given = texts_of(await request.body(), ("code", "state", "iss"), LONGEST)
    if given is None:
        return refused(400, "wrong-request")
    room, lodge, outside = room_of(request), lodge_of(request), _outside(request)
    if lodge is None or outside is None:
        return refused(404, "not-found")
    if not room.entries.allows(address_of(request)):
        return refused(429, "too-often", **{"Retry-After": "60"})
    token = token_of(request, "attempt")
    attempt = None if token is None else outside.attempts.take(token, given[1])
    try:
        vouched = await room.outside(partial(_vouched, outside, attempt, given))
    except IntranetError as problem:
        answer = _away(problem)
    except TokenRefused as problem:
        why = problem.why
        await room.ask(lambda: lodge.entrance.refused_outside(why, lodge.visit(request)))
        answer = _turned_away(why)
    else:
        answer = await _let_in(request, lodge, vouched)
    take_cookie(request, answer, "attempt")
    return answer


def _vouched(
    outside: Outside, attempt: Attempt | None, given: Sequence[str]
) -> tuple[Errand, Vouched]:
    """Why the browser left, and whom the provider vouches for."""
    code, _, issuer = given
    if attempt is None:
        raise TokenRefused("state")
    if issuer not in ("", outside.provider.settings.issuer):  # RFC 9207
        raise TokenRefused("issuer")
    asked_after_s = attempt.begun_s if _asks(outside, attempt) else None
    back = Returned(
        code=code, verifier=attempt.verifier, nonce=attempt.nonce, asked_after_s=asked_after_s
    )
    return attempt.errand, outside.provider.vouched(back)


def _asks(outside: Outside, attempt: Attempt) -> bool:
    """Whether the provider must ask the person, though it may know who sits there."""
    return attempt.errand.session is not None or outside.provider.settings.every_time


async def _let_in(request: Request, lodge: Lodge, vouched: tuple[Errand, Vouched]) -> Response:
    room, (errand, who) = room_of(request), vouched
    pair = who.issuer, who.subject
    answer = told({"back": errand.back, "proved": errand.session is not None})
    if errand.session is None:
        entered = await room.ask(lambda: lodge.entrance.enter_by(*pair, lodge.visit(request)))
        if entered is None:
            return _turned_away("not-tied")
        return await welcomed(request, lodge, entered, answer)
    token, key = token_of(request), errand.session
    if token is None or token_sha256(token) != key:
        return _turned_away("other-session")
    live = await room.ask(lambda: lodge.session(request))
    if live is None or not await room.ask(
        lambda: lodge.entrance.proved_outside(key, pair, lodge.visit(request))
    ):
        return _turned_away("other-person")
    return answer


def _outside(request: Request) -> Outside | None:
    lodge = lodge_of(request)
    return None if lodge is None else lodge.outside


def _turned_away(why: str) -> Response:
    log.warning("single sign-on: turned away (%s)", why)
    return refused(401, "entry.outside")


def _away(problem: IntranetError) -> Response:
    log.warning("single sign-on: the provider cannot be asked (%s)", problem.code)
    return refused(503, "entry.provider-away", **{"Retry-After": "10"})
