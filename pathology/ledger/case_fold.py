"""A case as it stands: its entries read one after another. Pure; no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pathology.ledger.case_entries import CaseEntry
from pathology.ledger.case_rules import differences_of
from pathology.records.case_note import CaseNote, NoteOnCase
from pathology.records.case_review import (
    CaseLine,
    OverlaySeen,
    ReportText,
    ResultOnDesk,
    ReviewCase,
    SignedVersion,
    TextChange,
    TextVersion,
)
from pathology.records.decision import (
    Decided,
    Decision,
    FindingKey,
    OwnReading,
    ReadFirst,
    SecondRead,
    SecondReading,
)
from pathology.records.opinion import AskedBy, Opinion, OpinionAsked, OpinionOnCase
from pathology.records.plain import rebuilt
from pathology.records.settings.deciding import DecidingSettings
from pathology.records.text_changes import text_changes


@dataclass(slots=True, kw_only=True)
class _Folded:
    """What has been read so far."""

    case_id: str = ""
    results: list[ResultOnDesk] = field(default_factory=list)
    superseded: list[ResultOnDesk] = field(default_factory=list)
    confirmed: set[str] = field(default_factory=set)
    decided: dict[FindingKey, Decided] = field(default_factory=dict)
    readings: list[ReadFirst] = field(default_factory=list)
    second: list[SecondRead] = field(default_factory=list)
    seen: set[OverlaySeen] = field(default_factory=set)
    texts: list[TextVersion] = field(default_factory=list)
    asked: list[AskedBy] = field(default_factory=list)
    opinions: list[OpinionOnCase] = field(default_factory=list)
    notes: list[NoteOnCase] = field(default_factory=list)
    amending: int | None = None
    why_amended: str = ""
    why_rejected: str = ""
    last_signed: int | None = None
    judged_entry: int = 0  # the newest entry that a second reading must come after

    def take(self, entry: CaseEntry) -> None:
        """One more entry."""
        step = _STEPS.get(entry.kind)
        if step is not None:
            step(self, entry, entry.body)

    def opening(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        self.case_id = body["case_id"]
        results = [rebuilt(r, ResultOnDesk) for r in body["results"]]
        kept = {r.result_id for r in results}
        self.superseded += [r for r in self.results if r.result_id not in kept]
        self.results, self.judged_entry = results, entry.entry_id
        if body["text"] is not None:
            self.text(entry, rebuilt(body["text"], ReportText))

    def text(self, entry: CaseEntry, text: ReportText) -> None:
        changes: tuple[TextChange, ...] = ()
        if self.texts:
            changes = text_changes(self.texts[-1].text.sections, text.sections)
        self.texts.append(
            TextVersion(
                text=text,
                by=entry.actor,
                at_utc=entry.at_utc,
                entry=entry.entry_id,
                changes=changes,
            )
        )

    def write(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        text = rebuilt(body["text"], ReportText)
        if text.draft is None and self.texts:
            text = replace(text, draft=self.texts[-1].text.draft)
        self.text(entry, text)

    def read(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        self.readings.append(
            ReadFirst(
                reading=rebuilt(body["reading"], OwnReading),
                by=entry.actor,
                at_utc=entry.at_utc,
                entry=entry.entry_id,
                blind=body["blind"],
            )
        )

    def decide(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        decision = rebuilt(body["decision"], Decision)
        self.judged_entry = entry.entry_id
        self.decided[decision.of] = Decided(
            decision=decision, by=entry.actor, at_utc=entry.at_utc, entry=entry.entry_id
        )

    def second_read(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        self.second.append(
            SecondRead(
                reading=rebuilt(body["reading"], SecondReading),
                by=entry.actor,
                at_utc=entry.at_utc,
                entry=entry.entry_id,
            )
        )

    def confirm(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        self.confirmed.add(body["result_id"])

    def supersede(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        new = rebuilt(body["result"], ResultOnDesk)
        self.judged_entry = entry.entry_id
        self.superseded += [r for r in self.results if r.result_id == new.supersedes]
        self.results = [r for r in self.results if r.result_id != new.supersedes] + [new]

    def saw(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        self.seen.add((entry.actor, body["result_id"], body["overlay"]))

    def reject(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        self.why_rejected = body["why"]

    def sign(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        self.last_signed, self.amending, self.why_amended = body["number"], None, ""

    def reopen(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        self.why_rejected = ""
        if self.last_signed is not None:
            self.amending, self.why_amended = self.last_signed, body["why"]

    def drop(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        self.amending, self.why_amended = None, ""

    def ask_opinion(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        asked = rebuilt(body["asked"], OpinionAsked)
        self.asked.append(AskedBy(asked=asked, by=entry.actor, at_utc=entry.at_utc))

    def note(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        told = rebuilt(body["note"], CaseNote)
        self.notes.append(NoteOnCase(note=told, by=entry.actor, at_utc=entry.at_utc))

    def opinion(self, entry: CaseEntry, body: Mapping[str, Any]) -> None:
        told = rebuilt(body["opinion"], Opinion)
        names = {a.asked.bundle_id: a.asked.site_name for a in self.asked}
        self.opinions.append(
            OpinionOnCase(
                opinion=told,
                site_name=names.get(told.bundle_id, ""),
                by=entry.actor,
                at_utc=entry.at_utc,
            )
        )


_STEPS = {
    "open": _Folded.opening,
    "renew": _Folded.opening,
    "read": _Folded.read,
    "decide": _Folded.decide,
    "second-read": _Folded.second_read,
    "confirm": _Folded.confirm,
    "supersede": _Folded.supersede,
    "saw": _Folded.saw,
    "write": _Folded.write,
    "reject": _Folded.reject,
    "sign": _Folded.sign,
    "reopen": _Folded.reopen,
    "drop": _Folded.drop,
    "ask-opinion": _Folded.ask_opinion,
    "opinion": _Folded.opinion,
    "note": _Folded.note,
}


def folded(
    line: CaseLine,
    entries: Sequence[CaseEntry],
    signed: Sequence[SignedVersion],
    rules: DecidingSettings,
) -> ReviewCase:
    """The case after its entries. Decisions on results that are no longer in force do not count.

    A second reading counts while nothing that it was about has changed since.
    """
    so_far = _Folded()
    for entry in entries:
        so_far.take(entry)
    in_force = {r.result_id for r in so_far.results}
    case = ReviewCase(
        line=line,
        case_id=so_far.case_id,
        results=tuple(so_far.results),
        superseded=tuple(so_far.superseded),
        confirmed=frozenset(so_far.confirmed),
        decided={k: d for k, d in so_far.decided.items() if k.result_id in in_force},
        readings=tuple(so_far.readings),
        second_readings=tuple(s for s in so_far.second if s.entry > so_far.judged_entry),
        differences=(),
        seen=frozenset(so_far.seen),
        texts=tuple(so_far.texts),
        signed=tuple(signed),
        amending=so_far.amending,
        amendment_reason=so_far.why_amended,
        rejected_reason=so_far.why_rejected,
        asked=tuple(so_far.asked),
        opinions=tuple(so_far.opinions),
        notes=tuple(so_far.notes),
    )
    return replace(case, differences=differences_of(case, rules))
