"""Who works on a case: claim, release, assign, and the second reader."""

from __future__ import annotations

from pathology.ledger.case_changing import CaseChange, Step
from pathology.ledger.case_desk import CaseDesk, check_open, check_own
from pathology.records.case_review import Change, Changed
from pathology.records.decision import SecondReading
from pathology.records.plain import plain
from pathology.records.report_state import OPEN


class CaseTeamwork(CaseDesk):
    """Persons and their cases."""

    def claim(self, case: str, change: Change) -> Changed:
        """The caller takes the case."""

        def check(at: CaseChange) -> None:
            row = at.at_hand.row
            if row.assignee not in (None, change.by.name):
                raise at.refuse("taken", who=row.assignee or "")
            if row.second_reader == change.by.name:
                raise at.refuse("second-is-first")
            at.next_state("take")
            row.assignee = change.by.name

        return self._make("review-case", case, change, Step(kind="claim", event="take"), check)

    def release(self, case: str, change: Change) -> Changed:
        """The caller gives it back."""

        def check(at: CaseChange) -> None:
            check_own(at)
            _check_unsigned(at, "release")
            at.at_hand.row.assignee = None

        return self._make("review-case", case, change, Step(kind="release"), check)

    def assign(self, case: str, to: str, change: Change) -> Changed:
        """Another pathologist gets it."""
        self._check_pathologist(case, to)

        def check(at: CaseChange) -> None:
            _check_unsigned(at, "assign")
            if at.at_hand.row.second_reader == to:
                raise at.refuse("second-is-first")
            at.at_hand.row.assignee = to

        step = Step(kind="assign", body={"to": to}, told={"to": to})
        return self._make("assign-case", case, change, step, check)

    def ask_second(self, case: str, reader: str, change: Change) -> Changed:
        """A second reader, who is not the assignee."""
        self._check_pathologist(case, reader)

        def check(at: CaseChange) -> None:
            _check_unsigned(at, "ask-second")
            if at.at_hand.row.assignee == reader:
                raise at.refuse("second-is-first")
            at.at_hand.row.second_reader = reader

        step = Step(kind="ask-second", body={"reader": reader}, told={"reader": reader})
        return self._make("assign-case", case, change, step, check)

    def second_read(self, case: str, reading: SecondReading, change: Change) -> Changed:
        """What the second reader says of the decisions as they stand."""

        def check(at: CaseChange) -> None:
            if at.at_hand.row.second_reader != change.by.name:
                raise at.refuse("not-second")
            check_open(at)
            if any(d.by == change.by.name for d in at.case.decided.values()):
                raise at.refuse("second-is-first")

        step = Step(kind="second-read", body={"reading": plain(reading)})
        return self._make("review-case", case, change, step, check)


def _check_unsigned(at: CaseChange, event: str) -> None:
    state = at.case.line.state
    if state not in (*OPEN, "AI_DRAFT"):
        raise at.refuse("wrong-state", state=state, event=event)
