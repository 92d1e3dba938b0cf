"""Lines of the worklist: what of a case is kept beside a line, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pathology.records.case_review import ReviewCase
from pathology.review.room import Room
from tests.cases_on_desk import PaintedDesk as Cases
from tests.ledgers import LedgerSite
from tests.review.painted_desk import PaintedDesk
from tests.review.sessions import TwoSessions


class Counted:
    """A ledger of cases that tells how often a case was read."""

    def __init__(self, book: Any) -> None:
        self._book, self.reads = book, 0

    def case(self, name: str) -> ReviewCase:
        self.reads += 1
        found: ReviewCase = self._book.case(name)
        return found


def test_a_case_is_read_once_for_each_state_of_its_line(
    painted_desk: PaintedDesk, tmp_path: Path
) -> None:
    with LedgerSite(folder=tmp_path).open() as ledger:
        cases, room = Cases(ledger=ledger), Room(painted_desk.desk(TwoSessions()))
        cases.open()
        book = Counted(cases.book)

        def listed() -> ReviewCase:
            (line,) = cases.book.worklist()
            return room.case_listed(book, line)

        assert listed() is listed()
        assert (book.reads, listed().line.assignee) == (1, None)
        cases.book.claim(cases.case, cases.by("dr.lin"))
        assert listed().line.assignee == "dr.lin"
        assert book.reads == 2
        cases.decide_all()
        assert listed().decided
        assert listed().line == cases.book.case(cases.case).line
