"""One change of a case: allowed, not stale, done once, and told to the chain. All in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from sqlalchemy import select

from pathology.errors import CaseChanged, CaseRefused
from pathology.ledger.case_entries import (
    CaseAtHand,
    EntryKind,
    body_text,
    case_at_hand,
    entry_of_request,
    next_entry,
    opened,
    sealed_body,
    sealed_sha256,
)
from pathology.ledger.case_reading import read_case
from pathology.ledger.case_rules import why_second
from pathology.ledger.case_tables import CaseEntryRow, CaseModelRow
from pathology.ledger.chain import Entry
from pathology.ledger.sealing import Sealing
from pathology.ledger.transactions import Writing
from pathology.records.case_review import Change, Changed, ResultOnDesk, ReviewCase
from pathology.records.report_state import ReportEvent, ReportState, next_state
from pathology.records.settings.deciding import DecidingSettings

UNVERSIONED: Final[frozenset[EntryKind]] = frozenset({"saw", "ask-opinion", "opinion", "note"})
"""What two persons may do at one time, and what changes nothing that somebody is looking at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is to be written: an entry, and the event that it is for the report's state."""

    kind: EntryKind
    body: Mapping[str, Any] = field(default_factory=dict)
    event: ReportEvent | None = None
    told: Mapping[str, object] = field(default_factory=dict)  # in the clear, for the chain

    @property
    def is_versioned(self) -> bool:
        """Whether its maker must have seen the newest version."""
        return self.kind not in UNVERSIONED


@dataclass(slots=True, kw_only=True)
class CaseChange:
    """A change under way, in the transaction of the writer."""

    writing: Writing
    sealing: Sealing
    rules: DecidingSettings
    change: Change
    at_hand: CaseAtHand
    case: ReviewCase

    def check_seen(self) -> None:
        """Refuse a change by somebody who has not seen the newest version."""
        row = self.at_hand.row
        if self.change.seen_version != row.version:
            facts = {"who": row.changed_by, "when": f"{row.changed_utc:%Y-%m-%d %H:%M:%S}"}
            raise CaseChanged(self.at_hand.name, "changed", facts)

    def refuse(self, code: str, **facts: str) -> CaseRefused:
        """The error to raise."""
        return CaseRefused(self.at_hand.name, code, facts)

    def next_state(self, event: ReportEvent | None) -> ReportState:
        """The state after an event; CaseRefused where it cannot happen."""
        state = self.case.line.state
        if event is None:
            return state
        after = next_state(state, event)
        if after is None:
            raise self.refuse("wrong-state", state=state, event=event)
        return after

    def write(self, step: Step) -> Changed:
        """Write the entry, bring the row up, and tell the chain."""
        session, row, change = self.writing.session, self.at_hand.row, self.change
        before = {"state": row.state, "version": row.version}
        number, after = next_entry(session), self.next_state(step.event)
        if step.is_versioned:
            row.version += 1
            row.changed_by, row.changed_utc = change.by.name, change.now_utc
        row.state = after
        sealed = sealed_body(self.at_hand.key, step.body, number)
        session.add(
            CaseEntryRow(
                entry_id=number,
                case_id=row.case_id,
                kind=step.kind,
                version=row.version,
                state=after,
                actor=change.by.name,
                at_utc=change.now_utc,
                request_id=change.request_id,
                sealed_body=sealed,
            )
        )
        session.flush()
        self._bring_up_row()
        told = {"entry": number, "sealed_sha256": sealed_sha256(sealed), **step.told}
        self.writing.note(
            Entry(
                at_utc=change.now_utc,
                actor=change.by.name,
                act=f"case-{step.kind}",
                subject=self.at_hand.name,
                before=before,
                after={"state": after, "version": row.version, **told},
            )
        )
        return Changed(
            case=self.at_hand.name,
            version=row.version,
            state=after,
            entry=number,
            warnings=self.case.differences,
        )

    def _bring_up_row(self) -> None:
        """What the worklist shows, from the case as it is now."""
        self.case = read_case(self.writing.session, self.at_hand, self.rules)
        row, case = self.at_hand.row, self.case
        row.slides = len({r.slide_id for r in case.results})
        row.analyses = " ".join(sorted({r.analysis for r in case.results}))
        row.needs_second = bool(why_second(case, self.rules))
        differs = any(not s.reading.agrees for s in case.second_readings)
        row.discrepancy = bool(case.differences) or differs

    def keep_models(self, results: tuple[ResultOnDesk, ...]) -> None:
        """Remember in the clear which networks the case rests on."""
        session, case_id = self.writing.session, self.at_hand.row.case_id
        wanted = {(m.name, m.weights_sha256 or "") for r in results for m in r.models}
        query = select(CaseModelRow.name, CaseModelRow.weights_sha256)
        known = {
            (name, sha)
            for name, sha in session.execute(query.where(CaseModelRow.case_id == case_id))
        }
        session.add_all(
            CaseModelRow(case_id=case_id, name=name, weights_sha256=sha)
            for name, sha in sorted(wanted - known)
        )


def begun(
    writing: Writing, sealing: Sealing, rules: DecidingSettings, name: str, change: Change
) -> CaseChange:
    """A change about to be made to a case that is on the desk."""
    at_hand = case_at_hand(writing.session, sealing, name)
    return CaseChange(
        writing=writing,
        sealing=sealing,
        rules=rules,
        change=change,
        at_hand=at_hand,
        case=read_case(writing.session, at_hand, rules),
    )


def done_before(under_way: CaseChange, step: Step) -> Changed | None:
    """The answer that a request had when it came before; None when it did not.

    Raises
    ------
    CaseRefused
        The id was used for something else.
    """
    session, at_hand = under_way.writing.session, under_way.at_hand
    row = entry_of_request(session, under_way.change.request_id)
    if row is None:
        return None
    same = (
        row.case_id == at_hand.row.case_id
        and row.kind == step.kind
        and row.actor == under_way.change.by.name
    )
    if not same or _told(row, at_hand) != _plain_body(step):
        raise under_way.refuse("other-request")
    return Changed(
        case=at_hand.name,
        version=row.version,
        state=cast(ReportState, row.state),
        entry=row.entry_id,
        repeated=True,
        warnings=under_way.case.differences,
    )


NOT_ASKED: Final = ("blind", "number", "content_sha256", "proof_id")
"""Parts of a body that make no other request of it: what the ledger adds, and the proof, of which
each try brings its own."""


def _told(row: CaseEntryRow, at_hand: CaseAtHand) -> bytes:
    body = opened(row, at_hand.key).body
    return body_text({k: v for k, v in body.items() if k not in NOT_ASKED})


def _plain_body(step: Step) -> bytes:
    return body_text({k: v for k, v in step.body.items() if k not in NOT_ASKED})
