"""What is said of a case beside its report: opinions of other hospitals, notes of colleagues."""

from __future__ import annotations

from dataclasses import replace

from pathology.ledger.case_changing import CaseChange, Step
from pathology.ledger.case_entries import entry_of_request
from pathology.ledger.case_teamwork import CaseTeamwork
from pathology.ledger.tables import CaseRow
from pathology.records.case_note import CaseNote
from pathology.records.case_review import Change, Changed
from pathology.records.opinion import Opinion, OpinionAsked
from pathology.records.plain import plain


class CaseOpinions(CaseTeamwork):
    """Bundles and their answers. They change no state: an opinion is no signature."""

    def ask_opinion(self, case: str, asked: OpinionAsked, change: Change) -> Changed:
        """A bundle of the case was made; its id is the request's, so that it is found by it."""

        def check(at: CaseChange) -> None:
            return None

        told = {"bundle": asked.bundle_id, "site": asked.site, "sha256": asked.sha256}
        told |= {"slides": str(asked.slides), "regions": str(asked.regions)}
        step = Step(kind="ask-opinion", body={"asked": plain(asked)}, told=told)
        own = replace(change, request_id=asked.bundle_id)
        return self._make("send-bundle", case, own, step, check)

    def take_opinion(self, case: str, opinion: Opinion, change: Change) -> Changed:
        """An answer becomes a row of the case that its question was about."""

        def check(at: CaseChange) -> None:
            one = next(
                (a.asked for a in at.case.asked if a.asked.bundle_id == opinion.bundle_id), None
            )
            if one is None or one.site != opinion.site:
                raise at.refuse("opinion-not-asked")
            if any(kept.opinion == opinion for kept in at.case.opinions):
                raise at.refuse("opinion-repeated")

        told = {"bundle": opinion.bundle_id, "site": opinion.site}
        step = Step(kind="opinion", body={"opinion": plain(opinion)}, told=told)
        return self._make("send-bundle", case, change, step, check)

    def note(self, case: str, note: CaseNote, change: Change) -> Changed:
        """A remark on a place of a slide; two persons may make one at one time."""

        def check(at: CaseChange) -> None:
            known = (*at.case.results, *at.case.superseded)
            if not any(r.result_id == note.result_id for r in known):
                raise at.refuse("no-such-finding")

        step = Step(kind="note", body={"note": plain(note)})
        return self._make("review-case", case, change, step, check)

    def asked_about(self, bundle_id: str) -> str | None:
        """The case that a bundle was made of; None where it was made of none of them."""
        with self._transactions.reading() as session:
            row = entry_of_request(session, bundle_id)
            if row is None or row.kind != "ask-opinion":
                return None
            case = session.get(CaseRow, row.case_id)
            return None if case is None else case.name
