"""What all answers share: the desk, what is open on it, and how much may go on at one time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import anyio
import anyio.to_thread
from starlette.requests import HTTPConnection, Request

from pathology.errors import CaseRefused
from pathology.records.actor import Actor
from pathology.records.case_ledger import CaseLedger
from pathology.records.case_review import CaseLine, ReviewCase
from pathology.records.result import StoredResult
from pathology.review.blinding import Blinding
from pathology.review.desk import Desk
from pathology.review.gate import CaseAsked
from pathology.review.kept_few import KeptFew
from pathology.review.lodge import Lodge
from pathology.review.new_cases import NewCases
from pathology.review.pace import Pace
from pathology.review.shelf import OpenResult, Shelf
from pathology.review.slide_rack import SlideRack

T = TypeVar("T")
GATE_THREADS = 8
"""Requests that are asked about at one time; a session is looked up in a millisecond or so."""
CASES_KEPT = 200
"""Of lines of the worklist: each is read and unsealed in a millisecond or two."""
OUTSIDE_THREADS = 4
"""Questions to the single sign-on at one time."""


class Room:
    """One running page. Files are read on threads, a bounded number of them."""

    def __init__(self, desk: Desk) -> None:
        limits = desk.settings.review
        self.desk = desk
        self.shelf = Shelf(desk.results, desk.settings)
        self.blinding = Blinding(desk)
        self.new_cases = NewCases(desk, self.shelf)
        self._cases: KeptFew[CaseLine, ReviewCase] = KeptFew(CASES_KEPT)
        self.rack = SlideRack(desk.slide_of, desk.settings)
        self._tiles = anyio.CapacityLimiter(limits.view.threads)
        self._counts = anyio.CapacityLimiter(limits.asking.counts)
        self._incoming = anyio.CapacityLimiter(limits.uploads.at_once)
        self._gate = anyio.CapacityLimiter(GATE_THREADS)
        access = desk.settings.access
        self._entering = anyio.CapacityLimiter(access.passwords.at_once)
        self._outside = anyio.CapacityLimiter(OUTSIDE_THREADS)
        minute = access.pace.entries_a_minute
        self.entries = Pace(a_second=minute / 60, burst=minute)
        self.requests = Pace(a_second=access.pace.requests_a_second, burst=access.pace.burst)

    async def look(self, do: Callable[[], T]) -> T:
        """Read a tile or a file."""
        return await anyio.to_thread.run_sync(do, limiter=self._tiles)

    async def count(self, do: Callable[[], T]) -> T:
        """Count a region; tiles have threads of their own meanwhile."""
        return await anyio.to_thread.run_sync(do, limiter=self._counts)

    async def receive(self, do: Callable[[], T]) -> T:
        """Write what a browser sends; a slow disk keeps nobody from looking."""
        return await anyio.to_thread.run_sync(do, limiter=self._incoming)

    async def ask(self, do: Callable[[], T]) -> T:
        """Ask the gate, or look up a result for it."""
        return await anyio.to_thread.run_sync(do, limiter=self._gate)

    async def enter(self, do: Callable[[], T]) -> T:
        """Check a password: each takes memory, so that few are checked at one time."""
        return await anyio.to_thread.run_sync(do, limiter=self._entering)

    async def outside(self, do: Callable[[], T]) -> T:
        """Ask the single sign-on; one that hangs keeps nobody from the slides."""
        return await anyio.to_thread.run_sync(do, limiter=self._outside)

    def case_listed(self, cases: CaseLedger, line: CaseLine) -> ReviewCase:
        """The case of a line of the worklist, read once for each state of the line.

        What changes no line (views, notes, opinions) may be missing: this is for the line alone.
        """
        return self._cases.get(line, lambda: cases.case(line.case))

    def case_asked(self, name: str) -> CaseAsked | None:
        """What a request for a case of the desk is about; None where there is none."""
        desk = self.desk.cases
        if desk is None:
            return None
        try:
            return CaseAsked(slide_id="", case_id=desk.ledger.case(name).case_id)
        except CaseRefused:
            return None


def case_of(result: StoredResult) -> CaseAsked:
    """What a request for a result is about."""
    return CaseAsked(slide_id=result.slide.id, case_id=result.case_id)


def room_of(request: HTTPConnection) -> Room:
    """The room that a request came to."""
    return cast(Room, request.app.state.room)


def lodge_of(request: HTTPConnection) -> Lodge | None:
    """Where persons sign in, if this desk has such a place."""
    return room_of(request).desk.lodge


def actor_of(request: Request) -> Actor:
    """Who asks; the guard has put it there."""
    return cast(Actor, request.scope["pathology.actor"])


def result_of(request: Request) -> OpenResult:
    """The result that a request is about; the guard has looked it up and asked for it."""
    return cast(OpenResult, request.scope["pathology.result"])
