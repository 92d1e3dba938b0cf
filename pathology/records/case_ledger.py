"""The protocol of the desk's record: every method one transaction with its lines of the chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pathology.records.case_note import CaseNote
from pathology.records.case_review import (
    CaseLine,
    CaseOpening,
    Change,
    Changed,
    NotReady,
    ReportText,
    ResultOnDesk,
    ReviewCase,
    SigningOrder,
)
from pathology.records.decision import Decision, FindingKey, OwnReading, SecondReading
from pathology.records.opinion import Opinion, OpinionAsked
from pathology.records.report_state import ReportState
from pathology.records.signed_report import SignedReport


class CaseLedger(Protocol):
    """Cases under review.

    Every change names the version that its maker saw; a later change of another refuses it and says
    whose it was. A change that is asked for twice with one request id is done once.

    Raises
    ------
    NotAllowed
        By every method with an actor, where the roles do not allow the act; audited.
    CaseRefused
        By every change that cannot be; ``code`` is one of ``records.case_reasons``.
    CaseChanged
        Another person changed the case since: look again.
    LedgerAway
        The database cannot be reached: the same call with the same request id may be made again.
    """

    def name_of(self, accession: str) -> str:
        """The case as the ledger calls it."""
        ...

    def open(self, opening: CaseOpening, change: Change) -> Changed:
        """Put a case on the desk (AI_DRAFT), or renew what the software made of one there."""
        ...

    def worklist(
        self, states: Sequence[ReportState] = (), assignee: str | None = None
    ) -> list[CaseLine]:
        """Cases, discrepancies first, then by priority, deadline and time of opening."""
        ...

    def case(self, case: str) -> ReviewCase:
        """All of one case."""
        ...

    def hidden_from(self, case: ReviewCase, account: str) -> frozenset[FindingKey]:
        """Findings whose AI value this reader must not be shown before an own reading."""
        ...

    def claim(self, case: str, change: Change) -> Changed:
        """The caller takes the case."""
        ...

    def release(self, case: str, change: Change) -> Changed:
        """The caller gives it back."""
        ...

    def assign(self, case: str, to: str, change: Change) -> Changed:
        """Another pathologist gets it."""
        ...

    def ask_second(self, case: str, reader: str, change: Change) -> Changed:
        """A second reader, who is not the assignee."""
        ...

    def read(self, case: str, reading: OwnReading, change: Change) -> Changed:
        """An own reading before the AI's is shown; ``Changed.warnings`` where they differ."""
        ...

    def decide(self, case: str, decision: Decision, change: Change) -> Changed:
        """Accept, reject or override one finding; ``Changed.warnings`` where they differ."""
        ...

    def second_read(self, case: str, reading: SecondReading, change: Change) -> Changed:
        """What the second reader says of the decisions as they stand."""
        ...

    def confirm_region(self, case: str, result_id: str, change: Change) -> Changed:
        """The tumour region of a result is right."""
        ...

    def supersede(self, case: str, result: ResultOnDesk, why: str, change: Change) -> Changed:
        """A person's corrected result in place of the one that it supersedes; both stay."""
        ...

    def saw(self, case: str, result_id: str, overlay: str, change: Change) -> Changed:
        """The caller opened an overlay. Two persons may do so at one time: no version is asked."""
        ...

    def write(self, case: str, text: ReportText, why: str, change: Change) -> Changed:
        """Another text of the report; changes are kept sentence by sentence."""
        ...

    def reject(self, case: str, why: str, change: Change) -> Changed:
        """Nothing is reported from this analysis."""
        ...

    def unready(self, case: str, account: str) -> tuple[NotReady, ...]:
        """Every reason why this account cannot sign the case as it stands; empty: it may."""
        ...

    def sign(self, case: str, order: SigningOrder, change: Change) -> Changed:
        """The signature: the report becomes an immutable version, and is put into the outbox."""
        ...

    def reopen(self, case: str, why: str, change: Change) -> Changed:
        """Begin an amendment of the version in force, or take a rejection back."""
        ...

    def drop_amendment(self, case: str, why: str, change: Change) -> Changed:
        """Give an amendment up; the version in force stays."""
        ...

    def ask_opinion(self, case: str, asked: OpinionAsked, change: Change) -> Changed:
        """A bundle of the case leaves for another hospital; no version is asked for."""
        ...

    def take_opinion(self, case: str, opinion: Opinion, change: Change) -> Changed:
        """Its answer, proved by its keys, stays with the case, once; it changes no state."""
        ...

    def note(self, case: str, note: CaseNote, change: Change) -> Changed:
        """A remark on a place of a slide, for colleagues; it decides nothing."""
        ...

    def asked_about(self, bundle_id: str) -> str | None:
        """The case that a bundle was made of."""
        ...

    def report(self, case: str, number: int) -> SignedReport:
        """A signed version; LedgerError where its hash does not hold."""
        ...

    def touched_by(self, model: str, weights_sha256: str | None = None) -> list[CaseLine]:
        """Cases with a result that rests on a model."""
        ...
