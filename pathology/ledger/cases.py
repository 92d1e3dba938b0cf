"""The record of the review desk in the database (``records.case_ledger.CaseLedger``)."""

from __future__ import annotations

from dataclasses import replace

from pathology.ledger.case_changing import CaseChange, Step
from pathology.ledger.case_desk import check_open, check_own, check_value, check_why
from pathology.ledger.case_opening import open_case
from pathology.ledger.case_opinions import CaseOpinions
from pathology.ledger.case_rules import finding_of
from pathology.ledger.case_signing import sign_case
from pathology.records.case_review import (
    CaseOpening,
    Change,
    Changed,
    ReportText,
    ResultOnDesk,
    SigningOrder,
)
from pathology.records.decision import Decision, OwnReading
from pathology.records.plain import plain


class CaseBook(CaseOpinions):
    """Cases on the desk. See the protocol for what each method does and refuses."""

    def open(self, opening: CaseOpening, change: Change) -> Changed:
        """Put a case on the desk, or renew what the software made of one that is there."""
        self._accounts.require(change.by, "open-case")
        with self._transactions.writing() as writing:
            return open_case(writing, self._sealing, self._rules, (opening, change))

    def read(self, case: str, reading: OwnReading, change: Change) -> Changed:
        """An own reading before the AI's is shown; ``Changed.warnings`` where they differ."""
        step = Step(kind="read", body={"reading": plain(reading)})

        def check(at: CaseChange) -> Step:
            if change.by.name != at.at_hand.row.second_reader:
                check_own(at)
            check_open(at)
            check_value(at, reading.of, reading.own)
            saw = any(s[:2] == (change.by.name, reading.of.result_id) for s in at.case.seen)
            told = at.case.decided.get(reading.of)
            blind = not saw and (told is None or told.by != change.by.name)
            return replace(step, body={**step.body, "blind": blind})

        return self._make("review-case", case, change, step, check)

    def decide(self, case: str, decision: Decision, change: Change) -> Changed:
        """Accept, reject or override one finding; ``Changed.warnings`` where they differ."""
        event = None if decision.kind == "accept" else "correct"
        step = Step(
            kind="decide",
            body={"decision": plain(decision)},
            event="correct" if event else None,
        )

        def check(at: CaseChange) -> None:
            check_own(at)
            check_open(at)
            finding = finding_of(at.case, decision.of)
            if finding is None:
                raise at.refuse("no-such-finding")
            if decision.own is not None:
                check_value(at, decision.of, decision.own)
            if decision.of in self._hidden(at):
                raise at.refuse("read-first", finding=finding.name)

        return self._make("review-case", case, change, step, check)

    def confirm_region(self, case: str, result_id: str, change: Change) -> Changed:
        """The tumour region of a result is right."""

        def check(at: CaseChange) -> None:
            check_own(at)
            check_open(at)
            if at.case.result(result_id) is None:
                raise at.refuse("no-such-finding")

        step = Step(kind="confirm", body={"result_id": result_id})
        return self._make("review-case", case, change, step, check)

    def supersede(self, case: str, result: ResultOnDesk, why: str, change: Change) -> Changed:
        """A person's corrected result in place of the one that it supersedes; both stay."""
        body = {"result": plain(result), "why": why}

        def check(at: CaseChange) -> None:
            check_own(at)
            check_open(at)
            check_why(at, why)
            if result.supersedes is None or at.case.result(result.supersedes) is None:
                raise at.refuse("wrong-superseded")
            at.keep_models((result,))

        step = Step(kind="supersede", body=body, event="correct")
        return self._make("review-case", case, change, step, check)

    def saw(self, case: str, result_id: str, overlay: str, change: Change) -> Changed:
        """The caller opened an overlay. Two persons may do so at one time: no version is asked."""

        def check(at: CaseChange) -> None:
            result = at.case.result(result_id)
            if result is None or overlay not in result.overlays:
                raise at.refuse("no-such-overlay")
            if any(key.result_id == result_id for key in self._hidden(at)):
                raise at.refuse("read-first", finding=result.analysis)

        body = {"result_id": result_id, "overlay": overlay}
        return self._make("review-case", case, change, Step(kind="saw", body=body), check)

    def write(self, case: str, text: ReportText, why: str, change: Change) -> Changed:
        """Another text of the report; changes are kept sentence by sentence."""

        def check(at: CaseChange) -> None:
            check_own(at)
            check_open(at)

        step = Step(kind="write", body={"text": plain(text), "why": why}, event="correct")
        return self._make("review-case", case, change, step, check)

    def reject(self, case: str, why: str, change: Change) -> Changed:
        """Nothing is reported from this analysis."""

        def check(at: CaseChange) -> None:
            check_own(at)
            check_why(at, why)
            if at.case.amending is not None:
                raise at.refuse("wrong-state", state=at.case.line.state, event="reject")

        step = Step(kind="reject", body={"why": why}, event="reject")
        return self._make("review-case", case, change, step, check)

    def sign(self, case: str, order: SigningOrder, change: Change) -> Changed:
        """The signature: the report becomes an immutable version, and is put into the outbox."""
        body = {"printed_name": order.printed_name, "meaning": order.meaning}
        step = Step(kind="sign", body={**body, "proof_id": order.proof.proof_id})

        def check(at: CaseChange) -> Step:
            return sign_case(at, order, step)

        return self._make("sign-report", case, change, step, check)

    def reopen(self, case: str, why: str, change: Change) -> Changed:
        """Begin an amendment of the version in force, or take a rejection back."""

        def check(at: CaseChange) -> None:
            check_why(at, why)
            at.next_state("reopen")
            at.at_hand.row.assignee = change.by.name
            if at.at_hand.row.second_reader == change.by.name:
                at.at_hand.row.second_reader = None

        step = Step(kind="reopen", body={"why": why}, event="reopen")
        return self._make("review-case", case, change, step, check)

    def drop_amendment(self, case: str, why: str, change: Change) -> Changed:
        """Give an amendment up; the version in force stays."""
        step = Step(kind="drop", body={"why": why}, event="drop-to-signed")

        def check(at: CaseChange) -> Step:
            check_own(at)
            check_why(at, why)
            if at.case.amending is None:
                raise at.refuse("wrong-state", state=at.case.line.state, event="drop")
            if at.case.amending == 1:
                return step
            return replace(step, event="drop-to-amended")

        return self._make("review-case", case, change, step, check)
