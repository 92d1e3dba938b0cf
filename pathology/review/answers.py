"""Answers of the page: what a browser may keep, and refusals in words that programs can count."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pathology.errors import CaseRefused, SlideError, UsageError

BYTES: Final = "application/octet-stream"


def told(document: Any) -> JSONResponse:
    """A document that is kept nowhere."""
    return JSONResponse(document)


def refused(status: int, code: str, detail: str = "", **headers: str) -> JSONResponse:
    """A refusal; ``code`` is a key of the page's words, ``detail`` English for who mends it."""
    document = {"code": code, "detail": detail}
    return JSONResponse(document, status, headers=headers or None)


def keepable(request: Request, content: bytes, media_type: str, *, seconds: int) -> Response:
    """Content that this browser alone may keep for a while, and ask about later."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"private, max-age={seconds}"}
    if tag in (t.strip() for t in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


async def usage_refused(request: Request, problem: Exception) -> Response:
    """What was asked for cannot be done; files of results are named without their place."""
    detail = problem.text() if isinstance(problem, SlideError) else str(problem)
    code = "scan-away" if type(problem).__name__ == "ScanAway" else "cannot"
    return refused(422, code, detail)


async def output_refused(request: Request, problem: Exception) -> Response:
    """Nothing was written: the disk, or another program at work in the folder for results."""
    return refused(503, "not-written", str(problem), **{"Retry-After": "5"})


async def status_refused(request: Request, problem: Exception) -> Response:
    """No such path, a wrong method, and the like."""
    status = int(getattr(problem, "status_code", 400))
    return refused(status, "not-found" if status == 404 else "wrong-request")


async def ledger_away(request: Request, problem: Exception) -> Response:
    """The archive cannot be asked just now: nothing that was not confirmed is known."""
    return refused(503, "no-ledger", **{"Retry-After": "5"})


async def not_allowed(request: Request, problem: Exception) -> Response:
    """The account's roles do not let it do this."""
    return refused(403, "not-allowed")


async def case_refused(request: Request, problem: Exception) -> Response:
    """A change of a case that cannot be, in both languages; 404 for a case that there is not."""
    if not isinstance(problem, CaseRefused):
        raise problem
    status = 404 if problem.code == "no-such-case" else 409
    document = {"code": f"case.{problem.code}", "detail": problem.text("en")}
    return JSONResponse({**document, "zh": problem.text("zh")}, status)


EXPECTED: Final = (UsageError, SlideError)
