"""What all of the desk's record stands on: reading cases, and one way to change one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pathology.errors import CaseRefused, NotAllowed
from pathology.ledger.accounts import AccountBook
from pathology.ledger.case_changing import CaseChange, Step, begun, done_before
from pathology.ledger.case_entries import case_at_hand
from pathology.ledger.case_reading import (
    hidden_from,
    read_case,
    read_content,
    read_lines,
    read_report,
    read_touched,
)
from pathology.ledger.case_rules import finding_of, unit_needed, unready
from pathology.ledger.sealing import Sealing
from pathology.ledger.transactions import Transactions
from pathology.ledger.withdrawing import read_withdrawn
from pathology.records.actor import Act
from pathology.records.case_review import CaseLine, Change, Changed, NotReady, ReviewCase
from pathology.records.decision import FindingKey, OwnValue
from pathology.records.report_state import OPEN, ReportState
from pathology.records.settings.deciding import DecidingSettings
from pathology.records.signed_report import SignedReport

Check = Callable[[CaseChange], Step | None]
"""Refuses a change, or gives another step to write than the one that was asked for."""


class CaseDesk:
    """Cases as they stand, and how one is changed."""

    def __init__(
        self,
        transactions: Transactions,
        sealing: Sealing,
        accounts: AccountBook,
        rules: DecidingSettings,
    ) -> None:
        self._transactions, self._sealing = transactions, sealing
        self._accounts, self._rules = accounts, rules

    def name_of(self, accession: str) -> str:
        """The case as the ledger calls it."""
        return self._sealing.case_name(accession)

    def worklist(
        self, states: Sequence[ReportState] = (), assignee: str | None = None
    ) -> list[CaseLine]:
        """Cases, discrepancies first, then by priority, deadline and time of opening."""
        with self._transactions.reading() as session:
            return read_lines(session, states, assignee)

    def case(self, case: str) -> ReviewCase:
        """All of one case."""
        with self._transactions.reading() as session:
            return read_case(session, case_at_hand(session, self._sealing, case), self._rules)

    def hidden_from(self, case: ReviewCase, account: str) -> frozenset[FindingKey]:
        """Findings whose AI value this reader must not be shown before an own reading."""
        with self._transactions.reading() as session:
            return hidden_from(session, case, account, self._rules)

    def unready(self, case: str, account: str) -> tuple[NotReady, ...]:
        """Every reason why this account cannot sign the case as it stands; empty: it may."""
        with self._transactions.reading() as session:
            at_hand = case_at_hand(session, self._sealing, case)
            read = read_case(session, at_hand, self._rules)
            return unready(read, account, read_withdrawn(session), self._rules)

    def report(self, case: str, number: int) -> SignedReport:
        """A signed version; LedgerError where its hash does not hold."""
        with self._transactions.reading() as session:
            return read_report(session, self._sealing, case, number)

    def content_of(self, entry_id: int) -> Mapping[str, Any] | None:
        """What a sealed entry says, for an inspector; None where it was purged or is none."""
        with self._transactions.reading() as session:
            return read_content(session, self._sealing, entry_id)

    def touched_by(self, model: str, weights_sha256: str | None = None) -> list[CaseLine]:
        """Cases with a result that rests on a model."""
        with self._transactions.reading() as session:
            return read_touched(session, model, weights_sha256)

    def _make(self, act: Act, case: str, change: Change, step: Step, check: Check) -> Changed:
        """One change: allowed, done once, not stale, checked, written."""
        self._accounts.require(change.by, act)
        with self._transactions.writing() as writing:
            at = begun(writing, self._sealing, self._rules, case, change)
            if (before := done_before(at, step)) is not None:
                return before
            if step.is_versioned:
                at.check_seen()
            return at.write(check(at) or step)

    def _hidden(self, at: CaseChange) -> frozenset[FindingKey]:
        return hidden_from(at.writing.session, at.case, at.change.by.name, self._rules)

    def _check_pathologist(self, case: str, name: str) -> None:
        try:
            found = self._accounts.actor(name)
        except NotAllowed:
            raise CaseRefused(case, "no-pathologist", {"who": name}) from None
        if "pathologist" not in found.roles:
            raise CaseRefused(case, "no-pathologist", {"who": name})


def check_own(at: CaseChange) -> None:
    """Only the assignee goes on."""
    assignee = at.at_hand.row.assignee
    if assignee != at.change.by.name:
        raise at.refuse("not-yours", who=assignee or "-")


def check_open(at: CaseChange) -> None:
    """Only a case that persons work on."""
    state = at.case.line.state
    if state not in OPEN:
        raise at.refuse("wrong-state", state=state, event="change")


def check_why(at: CaseChange, why: str) -> None:
    """A reason is there."""
    if not why.strip():
        raise at.refuse("why-missing")


def check_value(at: CaseChange, of: FindingKey, own: OwnValue) -> None:
    """A person's value is of a finding that is there, in its unit."""
    finding = finding_of(at.case, of)
    if finding is None:
        raise at.refuse("no-such-finding")
    if own.unit != unit_needed(finding):
        raise at.refuse("wrong-unit", needed=unit_needed(finding), given=own.unit)
