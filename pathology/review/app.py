"""The review page as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from pathology.errors import CaseRefused, LedgerError, NotAllowed, OutputError
from pathology.review.answers import (
    EXPECTED,
    case_refused,
    ledger_away,
    not_allowed,
    output_refused,
    status_refused,
    usage_refused,
)
from pathology.review.desk import Desk
from pathology.review.guard import Guard
from pathology.review.headers import SafeHeaders
from pathology.review.room import Room
from pathology.review.route_table import ROUTES


def review_app(desk: Desk) -> Starlette:
    """The application that serves a desk. Its addresses are those of ``route_table`` and no other.

    On shutdown every scan is closed, and half an upload is thrown away.
    """
    room = Room(desk)

    @asynccontextmanager
    async def open_hours(app: Starlette) -> AsyncIterator[None]:
        yield
        room.rack.close()
        if desk.night is not None:
            desk.night.close()

    app = Starlette(
        routes=[Route(r.path, r.answer, methods=[r.method]) for r in ROUTES],
        middleware=[Middleware(SafeHeaders), Middleware(Guard, room=room)],
        exception_handlers={
            **dict.fromkeys(EXPECTED, usage_refused),
            OutputError: output_refused,
            HTTPException: status_refused,
            LedgerError: ledger_away,
            NotAllowed: not_allowed,
            CaseRefused: case_refused,
        },
        lifespan=open_hours,
    )
    app.state.room = room
    return app
